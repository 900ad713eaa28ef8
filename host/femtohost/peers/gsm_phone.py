"""An emulated GSM phone, in virtual time or on a real virtual Um.

    phone = GsmPhone(clock, air, rng, imsi="001010000000001")
    phone.power_on()
    ...                          # until phone.registered
    call = phone.dial("5550123")
    ...                          # until call.state == "ACTIVE"

What it hears and sends are femtohost.models.gsm_air frames; any number share one air.
"""

from femtohost.peers import gsm_l3 as l3
from femtohost.peers.gsm_calls import CALL_REJECTED, USER_BUSY, Calls
from femtohost.peers.gsm_messages import Messages, Ussd
from femtohost.peers.gsm_mm import Mobility
from femtohost.peers.gsm_sim import Sim

SPEECH_OCTETS = 33
# What a full rate encoder makes of silence (GSM 06.10 5.3.2): the phone says this while nobody talks into it.
SILENCE = bytes.fromhex("d820a2e15a50004924924924500049249249245000492492492450004924924924")
KEYS = frozenset("0123456789*#ABCD")
HABITS = frozenset((
    "no alerting", "no connect ack", "no release", "ignore paging", "refuse assignment", "bad sres", "rp error",
))  # fmt: skip


class GsmPhone:
    """One phone.

    clock: femtohost.clock.Clock. air: femtohost.models.gsm_air.Air. rng: numpy Generator. imsi: digits. imei: 15.
    ki: 16 octets, or None. arfcn: of the cell's C0. `sim` in place of imsi and ki keeps what it remembers over a new
    phone. `registered`, `state`, `call` (the last Call, also when it has ended), `calls`, `inbox` (Texts received),
    `sent` (results of texts sent), `ussd_answers` and `habits` (its misbehaviour) tell what there is. `heard` are the
    speech frames received while `recording`. on_speech, on_call: observers of a frame, of a Call whose state changed.
    """

    def __init__(self, clock, air, rng, imsi=None, *, imei="353879234252633", ki=None, arfcn=50, sim=None):
        self.sim = sim or Sim(imsi, ki)
        self.habits = set()
        self._mm = Mobility(clock, air, rng, self.sim, imei, arfcn, self.habits)
        self._calls = Calls(clock, self._mm, self.habits)
        self._messages = Messages(clock, self._mm, self.habits)
        self._ussd = Ussd(self._mm)
        self._mm.users = {l3.CC: self._calls, l3.SMS: self._messages, l3.SS: self._ussd}
        self._mm.rr.speech_source = self._speak
        self._calls.speech = self._hear
        self._calls.on_change = self._tell
        self.on_call = []
        self.recording = False
        self.heard = []
        self.on_speech = []
        self._speech, self._at, self._loop = b"", 0, False

    # -- what there is to see -------------------------------------------------------------------------------------

    @property
    def imsi(self):
        return self.sim.imsi

    @property
    def tmsi(self):
        return self.sim.tmsi

    @property
    def registered(self):
        return self._mm.registered

    @property
    def refused(self):
        """The cause of the last refused registration, or None."""
        return self._mm.refused

    @property
    def state(self):
        """off, searching, idle, access, dedicated or leaving."""
        return self._mm.rr.state.lower()

    @property
    def call(self):
        return self._calls.last

    @property
    def calls(self):
        return tuple(self._calls.calls)

    @property
    def call_state(self):
        """State of the last call (gsm_calls.STATES), NULL where there is none."""
        return self._calls.last.state if self._calls.last else "NULL"

    @property
    def cipher(self):
        """The A5 algorithm that was negotiated for the present channel, 0 for none."""
        return self._mm.rr.cipher

    @property
    def inbox(self):
        return self._messages.inbox

    @property
    def sent(self):
        return self._messages.sent

    @property
    def ussd_answers(self):
        return self._ussd.answers

    @property
    def network_name(self):
        return self._mm.network_name

    @property
    def bad(self):
        """(frames, messages) received that no standard allows."""
        return self._mm.rr.bad_frames, self._mm.rr.bad_messages

    # -- what a user does -----------------------------------------------------------------------------------------

    def power_on(self):
        self._mm.power_on()

    def power_off(self):
        """Switch off: IMSI detach, where the cell asks for it."""
        self._mm.power_off()

    def pull_battery(self):
        self._mm.pull_battery()

    def set_coverage(self, on):
        """False: it neither hears nor is heard."""
        self._mm.rr.set_coverage(on)

    def misbehave(self, *habits):
        """From now on have these habits (HABITS), and no others."""
        if not HABITS.issuperset(habits):
            raise ValueError(f"habits {' '.join(habits)}; there are: {', '.join(sorted(HABITS))}")
        self.habits.clear()
        self.habits.update(habits)

    def update_location(self):
        self._mm.update()

    def dial(self, number):
        """Call `number`; the Call."""
        if not number or not set(number.lstrip("+")) <= KEYS:
            raise ValueError(f"number {number!r}: digits, * and #, such as 5550123")
        return self._calls.dial(number.lstrip("+"))

    def emergency(self):
        """Emergency call."""
        return self._calls.dial("112", emergency=True)

    def answer(self):
        """Take the call that rings."""
        for call in self.calls:
            call.answer()

    def reject(self):
        for call in self.calls:
            if call.state == "RINGING":
                call.clear(CALL_REJECTED)

    def busy(self):
        """Refuse the call that rings as busy."""
        for call in self.calls:
            if call.state == "RINGING":
                call.clear(USER_BUSY)

    def hang_up(self):
        """End every call."""
        for call in self.calls:
            call.clear()

    def press(self, keys):
        """Key digits in the active call."""
        if not set(keys) <= KEYS:
            raise ValueError(f"keys {keys!r}: 0-9 * # A-D")
        for call in self.calls:
            if call.state == "ACTIVE" and not call.held:
                call.press(keys)

    def hold(self):
        """Hold the active call."""
        for call in self.calls:
            if call.state == "ACTIVE" and not call.held:
                call.hold()

    def retrieve(self):
        for call in self.calls:
            if call.held:
                call.retrieve()

    def send_text(self, number, text):
        """A short message; ValueError: too long."""
        self._messages.send(number, text)

    def ussd(self, code):
        """Ask the network, such as *#100#."""
        self._ussd.ask(code)

    # -- speech ---------------------------------------------------------------------------------------------------

    def talk(self, frames, loop=False):
        """Say full rate frames, 33 octets each, from the next block on; once, or over and over."""
        if len(frames) % SPEECH_OCTETS:
            raise ValueError(f"{len(frames)} octets: full rate frames have {SPEECH_OCTETS}")
        self._speech, self._at, self._loop = bytes(frames), 0, loop

    def stop_talking(self):
        self._speech = b""

    @property
    def talking(self):
        return self._loop or self._at < len(self._speech)

    def _speak(self):
        at = self._at
        if at >= len(self._speech):
            if not (self._loop and self._speech):
                return SILENCE
            at = 0
        self._at = at + SPEECH_OCTETS
        return self._speech[at : self._at]

    def _tell(self, call):
        for observer in self.on_call:
            observer(call)

    def _hear(self, frame):
        if self.recording:
            self.heard.append(frame)
        for observer in self.on_speech:
            observer(frame)
