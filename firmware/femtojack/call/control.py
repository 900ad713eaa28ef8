"""Call control of one telephone: dial tone, digits, the SIP leg, ringing, talk.

Events come from the FXS port (off_hook, on_hook, digit), from the user agent (incoming, ringing, ...) and from the
timers. Everything that can happen is a row of the table in the constructor.
"""

from micropython import const

from femtojack.fsm import Fsm
from femtojack.line.digit_map import COMPLETE, NONE, TIMED, DigitMap
from femtojack.line.fxs import ON_HOOK
from femtojack.ticks import Timer

_FIRST_DIGIT_MS = const(16000)  # RFC 3435 2.1.5: a partial number is given up after this
_INTER_DIGIT_MS = const(4000)  # RFC 3435 2.1.5: T, the critical timer
_NO_ANSWER_MS = const(180000)
_TONE_MS = const(30000)  # busy and reorder end; silence till the phone hangs up
_MOST_DIGITS = const(32)

_BUSY = (486, 600)  # RFC 3261 21.4.24, 21.6.1
_UNAVAILABLE = const(480)
_BUSY_HERE = const(486)
_NOT_ACCEPTABLE_HERE = const(488)

IDLE = "IDLE"
DIALLING = "DIALLING"
CALLING = "CALLING"
RINGING = "RINGING"
TALKING = "TALKING"
FAILED = "FAILED"


class Control:
    """Joins `port` (femtojack.line.fxs), `agent` (femtojack.sip.ua) and `media` (femtojack.voice.media).

    It is the user of the port and the listener of the agent; `bind` makes the three known to it.
    """

    def __init__(self, dial_plan, trace):
        self._map = DigitMap(dial_plan)
        self._trace = trace
        self._port = self._agent = self._media = None
        self._call = None
        self._digits = ""
        self._timer = Timer()
        dialled = ("digit", "timeout", "on_hook")
        progress = ("ringing", "progress", "answered", "ended", "timeout", "on_hook")
        self._fsm = Fsm(
            "call",
            {
                IDLE: (("off_hook", "incoming"), (DIALLING, RINGING), self._in_idle),
                DIALLING: (dialled, (CALLING, FAILED, IDLE), self._in_dialling),
                CALLING: (progress, (TALKING, FAILED, IDLE), self._in_calling),
                RINGING: (("off_hook", "ended", "on_hook"), (TALKING, IDLE), self._in_ringing),
                TALKING: (("progress", "ended", "on_hook"), (FAILED, IDLE), self._in_talking),
                FAILED: (("timeout", "on_hook"), (IDLE,), self._in_failed),
            },
            IDLE,
            trace,
        )

    def bind(self, port, agent, media):
        self._port, self._agent, self._media = port, agent, media

    @property
    def state(self):
        return self._fsm.state

    def step(self, now):
        if self._timer.due(now):
            self._fsm.dispatch("timeout", None, now)

    @property
    def deadline(self):
        return self._timer.deadline

    # -- from the port --------------------------------------------------------------------------------------------

    def off_hook(self, now):
        self._fsm.dispatch("off_hook", None, now)

    def on_hook(self, now):
        self._fsm.dispatch("on_hook", None, now)

    def flash(self, now):
        self._trace("call.flash", b"")

    def digit(self, key, now):
        self._trace("digit", key.encode())
        self._fsm.dispatch("digit", key, now)

    # -- from the user agent --------------------------------------------------------------------------------------

    def incoming(self, call, now):
        if self.state != IDLE or self._port.state != ON_HOOK:
            call.reject(_BUSY_HERE, now)
        elif call.remote_sdp is not None and not call.remote_sdp.usable:
            call.reject(_NOT_ACCEPTABLE_HERE, now)
        else:
            self._fsm.dispatch("incoming", call, now)

    def ringing(self, call, now):
        self._about(call, "ringing", None, now)

    def progress(self, call, now):
        self._about(call, "progress", None, now)

    def answered(self, call, now):
        self._about(call, "answered", None, now)

    def ended(self, call, status, now):
        self._trace("call.ended", f"{status}".encode())
        self._about(call, "ended", status, now)

    def registered(self, ok, status, now):
        self._trace("sip.registered", f"{ok:d} {status}".encode())

    def _about(self, call, event, arg, now):
        if call is self._call:
            self._fsm.dispatch(event, arg, now)

    # -- states ---------------------------------------------------------------------------------------------------

    def _in_idle(self, event, call, now):
        if event == "incoming":
            if not self._port.ring(now):
                call.reject(_UNAVAILABLE, now)
                return
            self._call = call
            self._fsm.go(RINGING)
            call.ring(now)
        else:
            self._digits = ""
            self._fsm.go(DIALLING)
            self._timer.start(now, _FIRST_DIGIT_MS)
            self._port.tone("dial", now)

    def _in_dialling(self, event, key, now):
        if event == "digit":
            if not self._digits:
                self._port.tone(None, now)
            self._dial(key, now)
        elif event == "timeout" and self._map.match(self._digits) in (TIMED, COMPLETE):
            self._place_call(now)
        elif event == "timeout":
            self._fail("reorder", now)
        else:
            self._hang_up(now)

    def _in_calling(self, event, status, now):
        if event == "ringing":
            if not self._media.running:
                self._port.tone("ringback", now)
        elif event == "progress":
            self._start_media(now)
        elif event == "answered":
            self._timer.stop()
            self._talk(now)
        elif event == "ended":
            self._fail("busy" if status in _BUSY else "reorder", now)
        elif event == "timeout":
            self._release().hang_up(now)
            self._fail("reorder", now)
        else:
            self._release().hang_up(now)
            self._hang_up(now)

    def _in_ringing(self, event, status, now):
        if event == "off_hook":
            self._call.answer(self._media.answer(self._call.remote_sdp), now)
            self._talk(now)
            return
        if event == "on_hook":  # the line went out of service
            self._release().reject(_UNAVAILABLE, now)
        self._port.stop_ringing(now)
        self._hang_up(now)

    def _in_talking(self, event, status, now):
        if event == "progress":  # a re-INVITE: another address, hold, and back
            self._media.start(self._call.remote_sdp)
        elif event == "on_hook":
            self._release().hang_up(now)
            self._hang_up(now)
        else:
            self._fail("reorder", now)

    def _in_failed(self, event, arg, now):
        if event == "timeout":
            self._port.tone(None, now)
        else:
            self._hang_up(now)

    # -- what the states do ---------------------------------------------------------------------------------------

    def _dial(self, key, now):
        if key == "#" and self._digits:
            self._place_call(now)
            return
        self._digits += key
        match = self._map.match(self._digits)
        if match == COMPLETE:
            self._place_call(now)
        elif match == NONE or len(self._digits) > _MOST_DIGITS:
            self._fail("reorder", now)
        else:
            self._timer.start(now, _INTER_DIGIT_MS if match == TIMED else _FIRST_DIGIT_MS)

    def _place_call(self, now):
        self._trace("call.number", self._digits.encode())
        self._fsm.go(CALLING)
        self._timer.start(now, _NO_ANSWER_MS)
        self._call = self._agent.call(self._digits, self._media.offer(), now)
        if self._call is None:
            self._fail("reorder", now)

    def _talk(self, now):
        self._fsm.go(TALKING)
        self._start_media(now)

    def _start_media(self, now):
        self._port.tone(None, now)
        self._media.start(self._call.remote_sdp)

    def _fail(self, tone, now):
        self._forget_call()
        self._fsm.go(FAILED)
        self._port.tone(tone, now)
        self._timer.start(now, _TONE_MS)

    def _hang_up(self, now):
        self._forget_call()
        self._timer.stop()
        self._fsm.go(IDLE)

    def _forget_call(self):
        self._media.stop()
        self._call = None

    def _release(self):
        """Take the call out of our hands before we end it: its `ended` comes back at once, and is not ours."""
        call, self._call = self._call, None
        return call
