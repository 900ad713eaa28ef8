"""Call control of one telephone and one PC: dial tone, digits, the SIP leg, ringing, talk.

Events come from the FXS port (off_hook, on_hook, digit), from the PC (the same, and pc_...), from the user agent
(incoming, ringing, ...) and from the timers. Everything that can happen is a row of the table in the constructor.
"""

from micropython import const

from femtojack.fsm import Fsm
from femtojack.line.digit_map import COMPLETE, NONE, TIMED, DigitMap
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
PC_RINGING = "PC_RINGING"  # a program on the PC rings the telephone
PC_TALKING = "PC_TALKING"  # the telephone is that program's
STATES = (IDLE, DIALLING, CALLING, RINGING, TALKING, FAILED, PC_RINGING, PC_TALKING)


class Control:
    """Joins two near ends (femtojack.call.legs), of which one at a time has the call, with `agent`
    (femtojack.sip.ua), `media` (femtojack.voice.media) and `bridge` (femtojack.voice.bridge).

    It is the user of the port and the listener of the agent; `bind` makes them all known to it.
    """

    def __init__(self, dial_plan, trace):
        self._map = DigitMap(dial_plan)
        self._trace = trace
        self._line = self._pc = self._agent = self._media = self._bridge = None
        self._near = None  # the near end that has the call
        self._call = None
        self._digits = ""
        self._timer = Timer()
        begun = ("off_hook", "number", "incoming", "pc_ring")
        dialled = ("digit", "timeout", "on_hook", "pc_open")
        progress = ("ringing", "progress", "answered", "ended", "timeout", "on_hook")
        self._fsm = Fsm(
            "call",
            {
                IDLE: (begun, (DIALLING, CALLING, RINGING, PC_RINGING, PC_TALKING), self._in_idle),
                DIALLING: (dialled, (CALLING, FAILED, IDLE, PC_TALKING), self._in_dialling),
                CALLING: (progress, (TALKING, FAILED, IDLE), self._in_calling),
                RINGING: (("off_hook", "ended", "on_hook"), (TALKING, IDLE), self._in_ringing),
                TALKING: (("progress", "ended", "on_hook"), (FAILED, IDLE), self._in_talking),
                FAILED: (("timeout", "on_hook"), (IDLE,), self._in_failed),
                PC_RINGING: (("off_hook", "pc_quiet", "on_hook"), (PC_TALKING, IDLE), self._in_pc_ringing),
                PC_TALKING: (("on_hook", "pc_close"), (DIALLING, IDLE), self._in_pc_talking),
            },
            IDLE,
            trace,
        )

    def bind(self, line, pc, agent, media, bridge):
        self._line, self._pc, self._agent, self._media, self._bridge = line, pc, agent, media, bridge

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
        self._from(self._line, "off_hook", self._line, now)

    def on_hook(self, now):
        self._from(self._line, "on_hook", None, now)

    def flash(self, now):
        self._trace("call.flash", b"")
        self._pc.flash()

    def digit(self, key, now):
        self._trace("digit", key.encode())
        self._pc.key(key)
        self._from(self._line, "digit", key, now)

    def _from(self, leg, event, arg, now):
        """An event of a near end; of the one that has the call, or of any while none has. False if it is not due."""
        return self._near in (None, leg) and self._fsm.dispatch(event, arg, now)

    # -- from the PC; each is False when it is not due --------------------------------------------------------------

    def pc_dial(self, number, now):
        """Call `number` for the PC."""
        return self.state == IDLE and self._fsm.dispatch("number", number, now)

    def pc_answer(self, now):
        """Take the call that rings to the PC."""
        return self.state == RINGING and self._fsm.dispatch("off_hook", self._pc, now)

    def pc_on_hook(self, now):
        """End the PC's call, or refuse the one that rings."""
        return self._from(self._pc, "on_hook", None, now)

    def pc_ring(self, on, now):
        """Let the telephone ring for a program on the PC."""
        return self._fsm.dispatch("pc_ring" if on else "pc_quiet", None, now)

    def pc_audio(self, on, now):
        """A program on the PC began to use the sound card, or has done with it."""
        return self._from(self._line, "pc_open" if on else "pc_close", None, now)

    def shut_down(self, now):
        """End the call, whosever it is."""
        self._fsm.dispatch("on_hook", None, now)

    # -- from the user agent --------------------------------------------------------------------------------------

    def incoming(self, call, now):
        if self.state != IDLE or not self._line.on_hook:
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

    def _in_idle(self, event, arg, now):
        if event == "incoming":
            self._ring_for(arg, now)
        elif event == "pc_ring":
            if self._line.port.ring(now):
                self._fsm.go(PC_RINGING)
        elif event == "number":
            self._near, self._digits = self._pc, arg
            self._place_call(now)
        elif self._pc.streaming:
            self._talk_to_pc(now)
        else:
            self._near = self._line
            self._begin_dialling(now)

    def _in_dialling(self, event, key, now):
        if event == "digit":
            if not self._digits:
                self._near.tone(None, now)
            self._dial(key, now)
        elif event == "timeout" and self._map.match(self._digits) in (TIMED, COMPLETE):
            self._place_call(now)
        elif event == "timeout":
            self._fail("reorder", now)
        elif event == "pc_open":
            self._talk_to_pc(now)
        else:
            self._hang_up(now)

    def _in_calling(self, event, status, now):
        if event == "ringing":
            if not self._media.running:
                self._near.tone("ringback", now)
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

    def _in_ringing(self, event, leg, now):
        if event == "off_hook":
            self._near = leg
            if leg is self._pc:
                self._line.port.stop_ringing(now)
            self._call.answer(self._media.answer(self._call.remote_sdp), now)
            self._talk(now)
            return
        if event == "on_hook":  # the line went out of service, or the PC does not want it
            self._release().reject(_UNAVAILABLE, now)
        self._line.port.stop_ringing(now)
        self._hang_up(now)

    def _in_talking(self, event, status, now):
        if event == "progress":  # a re-INVITE: another address, hold, and back
            self._join_media()
        elif event == "on_hook":
            self._release().hang_up(now)
            self._hang_up(now)
        else:
            self._fail("reorder", now)

    def _in_failed(self, event, arg, now):
        if event == "timeout":
            self._near.tone(None, now)
        else:
            self._hang_up(now)

    def _in_pc_ringing(self, event, arg, now):
        if event == "off_hook":
            self._talk_to_pc(now)
            return
        self._line.port.stop_ringing(now)
        self._hang_up(now)

    def _in_pc_talking(self, event, arg, now):
        self._bridge.part()
        if event == "pc_close":
            self._begin_dialling(now)
        else:
            self._hang_up(now)

    # -- what the states do ---------------------------------------------------------------------------------------

    def _ring_for(self, call, now):
        if not self._line.port.ring(now):
            call.reject(_UNAVAILABLE, now)
            return
        self._call = call
        self._fsm.go(RINGING)
        call.ring(now)

    def _begin_dialling(self, now):
        self._digits = ""
        self._fsm.go(DIALLING)
        self._timer.start(now, _FIRST_DIGIT_MS)
        self._near.tone("dial", now)

    def _talk_to_pc(self, now):
        self._near = self._line
        self._timer.stop()
        self._fsm.go(PC_TALKING)
        self._near.tone(None, now)
        self._bridge.join(self._line.audio, self._pc.audio)

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
        self._near.tone(None, now)
        self._join_media()

    def _join_media(self):
        media = self._call.media or self._media
        media.start(self._call.remote_sdp)
        if media.running and self._near.audio:
            self._bridge.join(self._near.audio, media)

    def _fail(self, tone, now):
        """Tell the telephone by its tone; the PC sees it."""
        if self._near is self._pc:
            self._hang_up(now)
            return
        self._forget_call()
        self._fsm.go(FAILED)
        self._near.tone(tone, now)
        self._timer.start(now, _TONE_MS)

    def _hang_up(self, now):
        self._forget_call()
        self._timer.stop()
        was, self._near = self._near, None
        self._fsm.go(IDLE)
        if was is self._pc and self._line.off_hook:  # lifted in the meantime
            self.off_hook(now)

    def _forget_call(self):
        self._bridge.part()
        self._media.stop()
        self._call = None

    def _release(self):
        """Take the call out of our hands before we end it: its `ended` comes back at once, and is not ours."""
        call, self._call = self._call, None
        return call
