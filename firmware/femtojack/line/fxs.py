"""The FXS port: from what the SLIC reports to what a telephone does.

Loop closure comes debounced from the chip. An opening of the loop while off-hook is a hook flash when it closes
again within the country's limits; a shorter one is nothing (a dial pulse, a bad contact), a longer one on-hook.
"""

from micropython import const

from femtojack.fsm import Fsm
from femtojack.line.slic import Slic
from femtojack.line.tones import COUNTRIES
from femtojack.ticks import Timer, earlier, ticks_diff

_FLASH_MARGIN_MS = const(50)

DOWN = "DOWN"
ON_HOOK = "ON_HOOK"
RINGING = "RINGING"
OFF_HOOK = "OFF_HOOK"
OPENED = "OPENED"


class Port:
    """One telephone. `user` is told: `off_hook(now)`, `on_hook(now)`, `flash(now)`, `digit(key, now)`.

    A port whose chip is lost reports `on_hook`; `state` tells.
    """

    def __init__(self, board, country, user):
        self._country = COUNTRIES[country]
        self._slic = Slic(board, self._country, self)
        self._user = user
        self._opened = Timer()
        self._opened_at = 0
        self._fsm = Fsm(
            "fxs",
            {
                DOWN: (("up",), (ON_HOOK, OFF_HOOK), self._in_down),
                ON_HOOK: (("closed", "ring", "down"), (OFF_HOOK, RINGING, DOWN), self._in_on_hook),
                RINGING: (("closed", "trip", "stop", "down"), (ON_HOOK, OFF_HOOK, DOWN), self._in_ringing),
                OFF_HOOK: (("opened", "down"), (OPENED, DOWN), self._in_off_hook),
                OPENED: (("closed", "timeout", "down"), (OFF_HOOK, ON_HOOK, DOWN), self._in_opened),
            },
            DOWN,
            board.trace,
        )

    @property
    def state(self):
        return self._fsm.state

    # -- what the call control asks for -------------------------------------------------------------------------

    def ring(self, now):
        """Ring the bell; False when the telephone is not there to be rung."""
        return self._slic.can_ring and self._fsm.dispatch("ring", None, now)

    def stop_ringing(self, now):
        self._fsm.dispatch("stop", None, now)

    def tone(self, name, now):
        """Play "dial", "ringback", "busy" or "reorder"; None is silence."""
        self._slic.play(self._country.tones[name] if name else None, now)

    def step(self, now):
        self._slic.step(now)
        if self._opened.due(now):
            self._fsm.dispatch("timeout", None, now)

    @property
    def deadline(self):
        return earlier(self._slic.deadline, self._opened.deadline)

    # -- what the SLIC reports ------------------------------------------------------------------------------------

    def line_up(self, closed, now):
        self._fsm.dispatch("up", closed, now)

    def line_down(self, now):
        self._fsm.dispatch("down", None, now)

    def loop(self, closed, now):
        self._fsm.dispatch("closed" if closed else "opened", None, now)

    def ring_trip(self, now):
        self._fsm.dispatch("trip", None, now)

    def digit(self, key, now):
        if self.state == OFF_HOOK:
            self._user.digit(key, now)

    # -- states ---------------------------------------------------------------------------------------------------

    def _in_down(self, event, closed, now):
        self._fsm.go(OFF_HOOK if closed else ON_HOOK)
        if closed:
            self._user.off_hook(now)

    def _in_on_hook(self, event, arg, now):
        if event == "closed":
            self._fsm.go(OFF_HOOK)
            self._user.off_hook(now)
        elif event == "ring":
            self._fsm.go(RINGING)
            self._slic.ring(now)
        else:
            self._fsm.go(DOWN)

    def _in_ringing(self, event, arg, now):
        if event == "down":
            self._go_down(now)
            return
        self._slic.stop_ringing()
        self._fsm.go(ON_HOOK if event == "stop" else OFF_HOOK)
        if event != "stop":
            self._user.off_hook(now)

    def _in_off_hook(self, event, arg, now):
        if event == "down":
            self._go_down(now)
        else:
            self._opened_at = now
            self._opened.start(now, self._country.flash_ms[1] + _FLASH_MARGIN_MS)
            self._fsm.go(OPENED)

    def _in_opened(self, event, arg, now):
        self._opened.stop()
        if event == "down":
            self._go_down(now)
        elif event == "closed":
            self._fsm.go(OFF_HOOK)
            if ticks_diff(now, self._opened_at) >= self._country.flash_ms[0]:
                self._user.flash(now)
        else:
            self._fsm.go(ON_HOOK)
            self._slic.play(None, now)
            self._user.on_hook(now)

    def _go_down(self, now):
        self._fsm.go(DOWN)
        self._user.on_hook(now)
