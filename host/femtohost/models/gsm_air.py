"""The air between cells and phones: frames as a GSMTAP v2 header describes them, heard by who is tuned to them.

A frame is there at once, at the instant of its block's first burst; channel coding, interleaving and A5 are not
modelled (the air stays clear, as on Osmocom's virtual Um). Two RACH bursts in one frame collide.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

from femtohost.models.gsm_frames import AGCH, BCCH, CCCH, PCH, RACH, SACCH

COMMON = frozenset((BCCH, CCCH, AGCH, PCH))
NO_SUB_SLOT = -1


class AirFrame(NamedTuple):
    """One block or burst: `channel` is GSMTAP's type, with SACCH as a flag; `payload` 23 octets of layer 2, one octet
    of a RACH burst, or a codec octet (1: full rate) and a speech frame."""

    arfcn: int
    uplink: bool
    tn: int
    fn: int
    channel: int
    sub_slot: int
    payload: bytes

    @property
    def key(self):
        """What a receiver tunes to: (arfcn, tn, sub_slot), sub-slot -1 for the common channels."""
        return self.arfcn, self.tn, NO_SUB_SLOT if self.channel in COMMON else self.sub_slot


@dataclass
class Faults:
    """What the air does to frames: probabilities 0..1 of loss; `capture`: of RACH bursts that collide the first
    is heard, else none."""

    loss_down: float = 0.0
    loss_up: float = 0.0
    capture: bool = False


@dataclass
class Counters:
    downlink: int = 0
    uplink: int = 0
    lost: int = 0
    collisions: int = 0


@dataclass
class _Cell:
    receive: object
    on_demand: object
    bursts: dict = field(default_factory=dict)


class Air:
    """One stretch of spectrum.

    rng: numpy Generator for losses. taps: observers `tap(frame)` of every frame sent, before it may be lost.
    `wants_all`: somebody wants blocks that carry nothing too (a bridge, a capture); set it with `want_all`.
    """

    def __init__(self, clock, rng):
        self._clock, self._rng = clock, rng
        self.faults = Faults()
        self.counters = Counters()
        self.taps = []
        self.wants_all = False
        self.wants_bcch = 0
        self._listeners = {}
        self._cells = []
        self._carriers = set()
        self._bursts = {}

    def set_faults(self, **faults):
        """Change `faults` by name: loss_down, loss_up, capture."""
        self.faults = Faults(**{**vars(self.faults), **faults})

    # -- who is there ---------------------------------------------------------------------------------------------

    def join_cell(self, receive, on_demand):
        """A cell: `receive(frame)` gets uplink frames, `on_demand()` is called when somebody wants more to be sent."""
        self._cells.append(_Cell(receive, on_demand))

    def tune(self, listener, key):
        """`listener.receive(frame)` gets downlink frames of `key` (AirFrame.key)."""
        listeners = self._listeners.setdefault(key, [])
        if listener not in listeners:
            listeners.append(listener)

    def detune(self, listener, key):
        """No longer; nothing happens if it was not tuned to it."""
        listeners = self._listeners.get(key, ())
        if listener in listeners:
            listeners.remove(listener)

    def want_bcch(self, by):
        """One receiver more (1) or less (-1) listens to system information."""
        self.wants_bcch += by
        self._demand()

    def want_all(self):
        """From now on every block is sent."""
        self.wants_all = True
        self._demand()

    def _demand(self):
        for cell in self._cells:
            cell.on_demand()

    def carrier(self, arfcn, on):
        """A cell's C0 comes or goes; receivers tuned to its common channels are told by `listener.carrier(on)`."""
        if on == (arfcn in self._carriers):
            return
        (self._carriers.add if on else self._carriers.discard)(arfcn)
        for (tuned, _, sub_slot), listeners in list(self._listeners.items()):
            if tuned == arfcn and sub_slot == NO_SUB_SLOT:
                for listener in list(listeners):
                    listener.carrier(on)

    # -- frames ---------------------------------------------------------------------------------------------------

    def downlink(self, frame):
        """A cell sends."""
        self.counters.downlink += 1
        for tap in self.taps:
            tap(frame)
        for listener in tuple(self._listeners.get(frame.key, ())):
            if self._survives(self.faults.loss_down):
                listener.receive(frame)

    def uplink(self, frame):
        """A phone sends: an AirFrame, or its fields as a trace file has them."""
        frame = AirFrame(*frame)
        self.counters.uplink += 1
        for tap in self.taps:
            tap(frame)
        if frame.channel & ~SACCH == RACH:
            self._burst(frame)
        elif self._survives(self.faults.loss_up):
            for cell in self._cells:
                cell.receive(frame)

    def _survives(self, loss):
        if not loss or self._rng.random() >= loss:
            return True
        self.counters.lost += 1
        return False

    def _burst(self, frame):
        """RACH bursts of one frame are judged together, at the end of this instant."""
        slot = frame.arfcn, frame.tn, frame.fn
        if slot not in self._bursts:
            self._bursts[slot] = []
            self._clock.after(0, lambda: self._judge(slot))
        self._bursts[slot].append(frame)

    def _judge(self, slot):
        bursts = self._bursts.pop(slot)
        if len(bursts) > 1:
            self.counters.collisions += 1
            bursts = bursts[: int(self.faults.capture)]
        for frame in bursts:
            if self._survives(self.faults.loss_up):
                for cell in self._cells:
                    cell.receive(frame)
