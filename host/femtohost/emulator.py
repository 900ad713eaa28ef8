"""The emulator: one box, the telephone on its line, the network and the far end, in virtual time.

    with Emulator(seed=1) as box:
        box.phone.off_hook()
        box.phone.dial("555")
        box.run_until(lambda: box.phone.hears("ringback"), timeout_s=10)

An Emulator is an object: any number live in one process. What a test does to it (`box.phone.dial("5")`,
`box.far.answer_after_s = 3`) is written down with its instant, so that a saved trace can be run again.
"""

from pathlib import Path

from femtohost.board import EmulatedBoard
from femtohost.clock import MS, SECOND, Clock
from femtohost.disc import Disc
from femtohost.echo_path import NAMES, load_path
from femtohost.errors import BoardLost, VirtualTimeout
from femtohost.gsm_phones import GsmPhones
from femtohost.misuse import MisuseLog
from femtohost.models.ear import country_tones
from femtohost.models.gsm_air import Air
from femtohost.models.gsm_radio import GsmRadio
from femtohost.models.line import Line
from femtohost.models.nor import W25Q128
from femtohost.models.phone import Phone
from femtohost.models.slic import Si3210
from femtohost.network import Network
from femtohost.peers.far_end import FarEnd
from femtohost.peers.usb_host import UsbHost
from femtohost.processor import PERIOD, Processor
from femtohost.recorder import GsmFacade, Recorder
from femtohost.seeds import Seeds
from femtohost.store import SERIAL_OCTETS, MemoryStore, provision
from femtohost.targets import start
from femtohost.trace import Trace
from femtojack.config import validate

BOX_ADDRESS = bytes((10, 0, 0, 1))
FAR_ADDRESS = bytes((10, 0, 0, 2))
FAR_TEXT = "10.0.0.2:5060"
RESTART_NS = 100 * MS  # from a restart that the firmware asked for to its first step
_FIRST_STATES = {"fxs": "DOWN", "call": "IDLE"}
WRAP_WITHIN_S = 4  # the tick counter wraps at a random instant before this


class Emulator:
    """A powered box.

    seed      every random stream of the run comes from it
    config    as femtojack.config has it; the SIP server is the emulated far end unless it says otherwise
    path      echo path of the telephone's hybrid: "d2".."d9", a CSV file, an EchoPath, or an array of taps
    erl_db    echo return loss of that path, dB
    noise_dbm0  line noise, None for none
    delay_ms, jitter_ms, loss  the network's, 0 <= loss < 1
    keep_trace  False keeps only the last records, and no actions (long runs)
    target    where the firmware runs (femtohost.targets); the trace does not depend on it
    uplink    a bridge to the real network (femtohost.bridges.udp), in place of `network` and `far`, which are None then
    iso       the disc in the drive: a path, octets (whole blocks of 2048), or a femtohost.disc.Disc; None for none
    store     what survives the power (femtohost.store); by default a new one, provisioned from the seed
    flash     its flash memory (femtohost.flash.memory); None for a board without
    ConfigError, PathError, DiscError, ValueError: an argument that is wrong. BoardLost, from whatever lets time pass:
    what runs the firmware is gone.

    `phone`, `far`, `network`, `line`, `slic`, `usb_host` and `disc` are the parts that a test may act on, and `gsm`,
    `radio` and `air` (GSM phones, baseband, the air between) where the configuration has a cell; `board`, `app`,
    `trace`, `misuse`, `store`, `nor` and `clock` are there to be looked at.
    """

    def __init__(
        self, seed=1, config=None, *, path="d2", erl_db=6.0, noise_dbm0=None,
        delay_ms=10, jitter_ms=0, loss=0.0, keep_trace=True, uplink=None, target="cpython",
        iso=None, store=None, flash=None,
    ):  # fmt: skip
        echo_path = load_path(path)
        named = isinstance(path, str) and path in NAMES
        self.options = {
            "seed": seed, "config": config or {}, "path": path if named else echo_path.taps, "erl_db": erl_db,
            "noise_dbm0": noise_dbm0, "delay_ms": delay_ms, "jitter_ms": jitter_ms, "loss": loss,
            "iso": str(iso) if isinstance(iso, Path) else iso if isinstance(iso, (str, bytes)) else None,
        }  # fmt: skip
        self.seeds = Seeds(seed)
        self.clock = Clock()
        self.misuse = MisuseLog(self.clock)
        self.trace = Trace(self.clock, keep_trace)
        self._states = dict(_FIRST_STATES)
        self.trace.on_record.append(self._note_state)
        self.echo_path = echo_path.scaled(erl_db)
        self.recorder = Recorder(self, keep_trace)
        self._build_line(validate(config or {})["line"]["country"], noise_dbm0)
        self._build_storage(iso, store, flash)
        self.on_close = []
        self.network = self.far = None
        self._target = target
        if uplink is None:
            self._build_network(delay_ms, jitter_ms, loss)
            self._build_box(with_server(config or {}), self._network, BOX_ADDRESS)
        else:
            self._build_box(config or {}, uplink, uplink.address)

    def _build_line(self, country, noise_dbm0):
        phone = Phone(self.clock, country_tones(country))
        self._line = Line(phone, self.seeds.stream("line"), path=self.echo_path, noise_dbm0=noise_dbm0)
        self.phone = self.recorder.facade("phone", phone)
        self.line = self.recorder.facade("line", self._line)

    def _build_storage(self, iso, store, flash):
        self._disc = iso if isinstance(iso, Disc) else Disc(iso)
        self._disc.clock = self.clock
        self.disc = self.recorder.facade("disc", self._disc)
        self.store = store or MemoryStore()
        provision(self.store, self.seeds.stream("serial").bytes(SERIAL_OCTETS))
        self.flash = flash
        self.nor = W25Q128(self.clock, self.misuse, flash.silicon) if flash else None

    def _build_network(self, delay_ms, jitter_ms, loss):
        network = Network(self.clock, self.seeds.stream("network"), delay_ms, jitter_ms, loss)
        self.network = self.recorder.facade("network", network)
        far = FarEnd(self.clock, network, self.seeds.stream("far"), address=FAR_ADDRESS)
        self.far = self.recorder.facade("far", far)
        self._network = network

    def _build_box(self, config, network, address):
        offset = PERIOD - int(self.seeds.stream("ticks").integers(1, WRAP_WITHIN_S * 1000))
        self.processor = Processor(self.clock, self.trace, self.misuse, offset)
        slic = Si3210(self.clock, self.misuse, self.seeds.stream("slic"), self._line, self.processor.wake)
        self.slic = self.recorder.facade("slic", slic)
        self._build_radio(config)
        self.board = EmulatedBoard(
            clock=self.clock, slic=slic, network=network, address=address, trace=self.trace,
            rng=self.seeds.stream("entropy"), config=config, processor=self.processor,
            misuse=self.misuse, blocks=self._disc, store=self.store, nor=self.nor, flash=self.flash, radio=self._radio,
        )  # fmt: skip
        usb_host = UsbHost(self.clock, self.board.usb_controller, self.run_until)
        self.usb_host = self.recorder.facade("usb_host", usb_host)
        self.board.on_reset = lambda: self.clock.after(0, self._restart)
        self._stop_app = []
        self._start()

    def _start(self):
        """The firmware begins."""
        try:
            self.app = start(self._target, self.board, self._stop_app)
        except BoardLost as lost:
            raise self._in_context(lost) from None
        self.board.run(self.app)

    def _restart(self):
        """The firmware asked to begin again: it gets no more steps, its USB falls off; the hardware keeps its power."""
        self.processor.run(None)
        if self.board.usb.active():
            self.board.usb.active(False)
        self.clock.after(RESTART_NS, self._start_again)

    def _start_again(self):
        self._end_app()
        self._states.update(_FIRST_STATES)
        self._start()

    def _end_app(self):
        self.board.udp.close()
        for observer in self._stop_app:
            observer()
        self._stop_app.clear()

    def _build_radio(self, config):
        """The baseband and the air around it, where the configuration asks for a cell."""
        self.air = self.radio = self.gsm = self._radio = None
        gsm = validate(config)["gsm"]
        if not gsm["enabled"]:
            return
        air = Air(self.clock, self.seeds.stream("air"))
        self._radio = GsmRadio(self.clock, self.misuse, air, self.seeds.stream("radio"), self.processor.wake)
        self._phones = GsmPhones(self.clock, air, self.seeds, gsm["arfcn"])
        self.air = self.recorder.facade("air", air)
        self.radio = self.recorder.facade("radio", self._radio)
        self.gsm = GsmFacade(self.recorder, "gsm", self._phones)

    def part(self, name):
        """What a recorded action was done to: "phone", "gsm" ..., or "gsm_phone/IMSI"."""
        kind, _, imsi = name.partition("/")
        return self.gsm.phone(imsi) if imsi else getattr(self, kind)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    def close(self):
        """Power off: nothing runs any more; open ports are free again, and `on_close` is called.

        What the flash was doing is cut off.
        """
        if self.nor and self.nor.powered:
            self.nor.cut()
        self.clock.clear()
        self.processor.run(None)
        self._end_app()
        for observer in list(self.on_close):
            observer()

    def state(self, machine):
        """State of one of the firmware's machines, as its trace told: "fxs" (the port) or "call"."""
        return self._states[machine]

    def _note_state(self, time, point, data):
        if point in self._states:
            self._states[point] = data.decode().split(">")[1]

    # -- time -----------------------------------------------------------------------------------------------------

    @property
    def time_s(self):
        """Seconds of virtual time since power-on."""
        return self.clock.now / SECOND

    def run_for(self, seconds):
        """Let `seconds` of virtual time pass."""
        self.run_to(self.clock.now + round(seconds * SECOND))

    def run_to(self, time):
        """Run all that is due up to and including `time` ns, and stop there."""
        following = self.clock.next_time()
        while following is not None and following <= time:
            self._event()
            following = self.clock.next_time()
        self.clock.advance(time)

    def run_until(self, condition, timeout_s=10):
        """Run until `condition()` is true; it is asked before each event. VirtualTimeout after `timeout_s`."""
        end = self.clock.now + round(timeout_s * SECOND)
        while not condition():
            following = self.clock.next_time()
            if following is None or following > end:
                self.clock.advance(end)
                raise VirtualTimeout(f"not within {timeout_s} s of virtual time; last:\n{self.trace.last_lines(20)}")
            self._event()

    def run_events(self, count):
        """Run the next `count` events; for replay."""
        for _ in range(count):
            if not self._event():
                return

    events = 0  # events run so far

    def _event(self):
        self.events += 1
        try:
            return self.clock.run_next()
        except BoardLost as lost:
            raise self._in_context(lost) from None

    def _in_context(self, lost):
        """`lost` with the last lines of the trace."""
        return BoardLost(f"{lost}\nlast in the trace, at {self.time_s:.6f} s:\n{self.trace.last_lines(20)}")


def with_server(config):
    """`config` with the emulated far end as SIP server where it names none."""
    sip = config.get("sip", {})
    if not isinstance(sip, dict) or "server" in sip:
        return config
    return {**config, "sip": {"server": FAR_TEXT, **sip}}
