"""One dedicated channel: its life from activation to its end, its data links, its slow associated channel.

Its user hears of it:
    user.active(channel, now)                     the baseband has it up
    user.established(channel, info, now)          the phone's SABM of SAPI 0; info: the message in it, or None
    user.received(channel, message, now)          a layer 3 message: a memoryview valid during the call
    user.gone(channel, now)                       it was lost or ended by the other side, or never came up
"""

from micropython import const

from femtojack.fsm import SharedFsm
from femtojack.gsm import l1
from femtojack.gsm.l3 import MEASUREMENT_REPORT, PD_RR, RR_NORMAL, channel_release
from femtojack.gsm.lapdm import BY_PEER, Link, fill, is_unit_data, sapi, unit_data
from femtojack.ticks import Timer, earlier

_N201_MAIN = const(20)  # octets, TS 44.006 5.8.3: SDCCH, FACCH
_N201_SACCH = const(18)
_N200_SDCCH = const(23)  # TS 44.006 5.8.2.1
_N200_FACCH = const(34)
_N200_SACCH = const(5)
# T200 in ms, from the moment a frame is given to the baseband: its lead, the block, the way back (TS 44.006 5.8.1)
_T200_SDCCH = const(700)
_T200_FACCH = const(350)
_T200_SACCH = const(2000)

T3101 = const(4000)  # ms, TS 44.018 11.1.2: a phone that was given the channel does not come
T3109 = const(20000)  # ms: it does not leave; longer than its radio link timeout of 32 * 480 ms
T3111 = const(2000)  # ms: it has left; repeated DISCs are still answered
RADIO_LINK_MS = const(15360)  # 32 SACCH blocks, TS 45.008 5.3
_BASEBAND_MS = const(1000)  # for ACT.cnf and DEACT.cnf

FREE = "FREE"
ACTIVATING = "ACTIVATING"
WAITING = "WAITING"  # for the phone
UP = "UP"
RELEASING = "RELEASING"  # CHANNEL RELEASE was sent
LINGERING = "LINGERING"  # the phone has left
DEACTIVATING = "DEACTIVATING"

# Blocks of TCH/F begin at frames 0, 4 and 8 of 13 (TS 45.002 table 3): the next one is 4 frames off, 18.46 ms, or 5,
# 23.07 ms. Its speech is wanted a little more than a frame before it: for channel coding, and to have a ms to spare.
_BLOCKS_PERIOD = const(13)
_BEFORE_IDLE = const(4)  # the block two before the one that comes after the fifth frame
_WANTED_MS = const(13)
_WANTED_LATER_MS = const(18)

_DOWN = (FREE, ACTIVATING, DEACTIVATING)  # nothing goes over the air

_TIMERS = {ACTIVATING: b"ACT", WAITING: b"T3101", RELEASING: b"T3109", LINGERING: b"T3111", DEACTIVATING: b"DEACT"}


class Speech:
    """The speech frames of one traffic channel, to and from the leg that is attached to it.

    A frame for the phone is wanted as late as the baseband can still take it: any earlier is delay.
    """

    def __init__(self, mailbox, chan_nr):
        self._mailbox, self._chan_nr = mailbox, chan_nr
        self._received = self._wanted = None
        self._timer = Timer()  # until the next frame is wanted

    @property
    def attached(self):
        return self._received is not None

    def attach(self, received, wanted):
        """From now on received(frame) is called each 20 ms, with no octets where the phone was not understood, and
        wanted() when it is time to `send`."""
        self._received, self._wanted = received, wanted

    def detach(self):
        self._received = self._wanted = None
        self._timer.stop()

    def block(self, frame, fn, now):
        """TCH.ind: what came in the block that began at frame `fn`; another block begins now."""
        if self._received:
            self._timer.start(now, _WANTED_LATER_MS if fn % _BLOCKS_PERIOD == _BEFORE_IDLE else _WANTED_MS)
            self._received(frame)

    def send(self, frame):
        """Send 33 octets; once every 20 ms. False: the baseband cannot take it."""
        return self._mailbox.speak(self._chan_nr, frame)

    def step(self, now):
        """Run what is due."""
        if self._timer.due(now):
            self._wanted()

    @property
    def deadline(self):
        return self._timer.deadline


class Channel:
    """The channel `chan_nr`. `si5` and `si6` are the blocks of its SACCH, 21 octets each."""

    def __init__(self, mailbox, chan_nr, si5, si6, trace):
        self.chan_nr = chan_nr
        self._mailbox = mailbox
        self._trace = trace
        self._si5, self._si6 = si5, si6
        self.is_traffic = is_traffic = chan_nr < 0x10
        name = f"channel.{chan_nr:02x}"
        n200, t200 = (_N200_FACCH, _T200_FACCH) if is_traffic else (_N200_SDCCH, _T200_SDCCH)
        self._fsm = SharedFsm(name, _TABLE, FREE, trace, self)
        self.main = Link(name + ".0", 0, _N201_MAIN, t200, n200, self, trace)
        if is_traffic:
            self.third = Link(name + ".3", 3, _N201_SACCH, _T200_SACCH, _N200_SACCH, self, trace)
        else:
            self.third = Link(name + ".3", 3, _N201_MAIN, t200, n200, self, trace)
        self.speech = Speech(mailbox, chan_nr) if is_traffic else None
        self._timer = Timer()
        self._radio_link = Timer()
        self._hold = Timer()
        self._user = None
        self._speaks = self._last_was_link = False
        self._odd = 0
        self.reference = b""  # the RACH burst that asked for it
        self.advance = self.power = 0
        self.rx_level = self.rx_quality = 0  # of the phone's last valid measurement report

    @property
    def state(self):
        return self._fsm.state

    @property
    def free(self):
        return self._fsm.state == FREE

    @property
    def speaks(self):
        """It is in speech mode."""
        return self._speaks

    # -- what its user asks for ---------------------------------------------------------------------------------------

    def activate(self, user, advance, power, now):
        """Bring a free channel up for `user`."""
        self._user, self.advance, self.power = user, advance, power
        self._fsm.dispatch("activate", None, now)

    def wait(self, now):
        """The phone was told: begin T3101."""
        self._timer.start(now, T3101)

    def serve(self, user):
        """`user` has it from now on."""
        self._user = user

    def speak(self, on):
        """Speech mode, or signalling only."""
        self._speaks = on
        self._mailbox.mode(self.chan_nr, on)

    def cipher(self, algorithm, key):
        self._mailbox.cipher(self.chan_nr, algorithm, key)

    def send(self, message, now, sapi=0):
        """Queue a layer 3 message. False: it cannot be sent."""
        if self.state != UP:
            return False
        return (self.third if sapi == 3 else self.main).send(message, now)

    def release(self, now, cause=RR_NORMAL):
        """Tell the phone to leave, and see that it does; the user hears no more."""
        self._user = None
        self._fsm.dispatch("release", cause, now)

    def drop(self, now):
        """Take it down at once: nobody is on it."""
        self._user = None
        self._fsm.dispatch("drop", None, now)

    # -- from the baseband --------------------------------------------------------------------------------------------

    def ready_to_send(self, link_id, fn, now):
        """RTS.ind: answer it with a block."""
        if self.state in _DOWN:
            return
        if link_id == l1.SACCH:
            self._fill_sacch(fn, now)
            return
        out = self._mailbox.out
        if not self.main.next(out, now) and (self.is_traffic or not self.third.next(out, now)):
            if self._speaks:
                return
            fill(out)
        self._mailbox.data(self.chan_nr, l1.MAIN, fn)

    def _fill_sacch(self, fn, now):
        """SI 5 and SI 6 in turn; between them the blocks of SAPI 3, if a call is on."""
        out = self._mailbox.sacch_out
        self._last_was_link = self.is_traffic and not self._last_was_link and self.third.next(out, now)
        if not self._last_was_link:
            self._odd ^= 1
            block = self._si5 if self._odd else self._si6
            for i in range(len(block)):
                out[i] = block[i]
        self._mailbox.sacch(self.chan_nr, fn, self.power, self.advance)

    def block(self, now):
        """DATA.ind on the main link: `mailbox.block`."""
        frame = self._mailbox.block
        if self.state not in _DOWN and not is_unit_data(frame):
            self._to_link(frame, not self.is_traffic, now)

    def sacch_block(self, now):
        """DATA.ind on the SACCH."""
        frame = self._mailbox.sacch_block
        if self.state in _DOWN:
            return
        if self._radio_link.running:
            self._radio_link.start(now, RADIO_LINK_MS)
        if is_unit_data(frame):
            self._measured(unit_data(frame))
        elif self.is_traffic and sapi(frame) == 3:
            self.third.receive(frame, now)

    def _to_link(self, frame, with_third, now):
        which = sapi(frame)
        if which == 0:
            self.main.receive(frame, now)
        elif which == 3 and with_third:
            self.third.receive(frame, now)

    def _measured(self, report):
        """TS 44.018 10.5.2.20; a report whose MEAS-VALID is 1 says nothing."""
        if not report or len(report) < 5 or report[0] != PD_RR or report[1] != MEASUREMENT_REPORT:
            return
        if not report[3] & 0x40:
            self.rx_level, self.rx_quality = report[2] & 63, report[4] >> 4 & 7

    def confirmed(self, event, now):
        """ACT.cnf, DEACT.cnf or an error: "active", "refused" or "inactive"."""
        self._fsm.dispatch(event, None, now)

    # -- from its links -----------------------------------------------------------------------------------------------

    def established(self, link, info, now):
        if link is self.main:
            self._fsm.dispatch("established", info, now)

    def received(self, link, message, now):
        if self._user and self.state == UP:
            self._user.received(self, message, now)

    def released(self, link, cause, now):
        if link is self.main:
            self._fsm.dispatch("left" if cause == BY_PEER else "lost", None, now)

    # -- step ---------------------------------------------------------------------------------------------------------

    def step(self, now):
        """Run what is due."""
        self.main.step(now)
        self.third.step(now)
        if self.speech:
            self.speech.step(now)
        if self._timer.due(now):
            self._trace("gsm.timer", _TIMERS[self.state])
            self._fsm.dispatch("timeout", None, now)
        if self._radio_link.due(now):
            self._trace("gsm.timer", b"RADIO-LINK")
            self._fsm.dispatch("lost", None, now)
        if self._hold.due(now):
            self._trace("gsm.timer", b"T3109")
            self._fsm.dispatch("held", None, now)

    @property
    def deadline(self):
        links = earlier(self.main.deadline, self.third.deadline)
        if self.speech:
            links = earlier(links, self.speech.deadline)
        return earlier(earlier(links, self._timer.deadline), earlier(self._radio_link.deadline, self._hold.deadline))

    # -- states -------------------------------------------------------------------------------------------------------

    def _in_free(self, event, arg, now):
        self._speaks = self._last_was_link = False
        self._fsm.go(ACTIVATING)
        self._timer.start(now, _BASEBAND_MS)
        self._mailbox.activate(self.chan_nr, self.advance, self.power)

    def _in_activating(self, event, arg, now):
        self._timer.stop()
        if event == "active" and self._user:
            self._fsm.go(WAITING)
            self._user.active(self, now)
        else:
            self._leave(now)

    def _in_waiting(self, event, info, now):
        if event == "established":
            self._timer.stop()
            self._fsm.go(UP)
            self._radio_link.start(now, RADIO_LINK_MS)
            self._user.established(self, info, now)
        else:
            self._leave(now)

    def _in_up(self, event, arg, now):
        if event == "release":
            self.main.send(channel_release(arg), now)
            self._fsm.go(RELEASING)
            self._radio_link.stop()
            self._timer.start(now, T3109)
        elif event == "drop":
            self._deactivate(now)
        elif event == "established":
            self._user.established(self, arg, now)
        elif event == "left":
            self._linger(now)
            self._tell_gone(now)
        else:  # "lost", "inactive"
            if event == "lost":
                self._hold.start(now, T3109)
            self._leave(now)

    def _in_releasing(self, event, arg, now):
        if event == "left":
            self._linger(now)
        elif event in ("timeout", "drop", "inactive"):  # not "lost": T3109 runs
            self._deactivate(now)

    def _in_lingering(self, event, arg, now):
        if event in ("timeout", "drop", "inactive"):
            self._deactivate(now)

    def _in_deactivating(self, event, arg, now):
        if event == "timeout":
            self._timer.start(now, _BASEBAND_MS)
            self._mailbox.deactivate(self.chan_nr)
            return
        if event == "inactive":
            self._timer.stop()
        if not self._timer.running and not self._hold.running:
            self._fsm.go(FREE)

    # -- what the states do -------------------------------------------------------------------------------------------

    def _linger(self, now):
        self._fsm.go(LINGERING)
        self._radio_link.stop()
        self._timer.start(now, T3111)

    def _deactivate(self, now):
        self.main.reset()
        self.third.reset()
        self._radio_link.stop()
        if self.speech:
            self.speech.detach()
        self._fsm.go(DEACTIVATING)
        self._timer.start(now, _BASEBAND_MS)
        self._mailbox.deactivate(self.chan_nr)

    def _leave(self, now):
        self._deactivate(now)
        self._tell_gone(now)

    def _tell_gone(self, now):
        user, self._user = self._user, None
        if user:
            user.gone(self, now)


_TABLE = {
    FREE: (("activate",), (ACTIVATING,), Channel._in_free),
    ACTIVATING: (
        ("active", "refused", "timeout", "release", "drop"),
        (WAITING, DEACTIVATING),
        Channel._in_activating,
    ),
    WAITING: (
        ("established", "release", "drop", "lost", "inactive", "timeout"),
        (UP, DEACTIVATING),
        Channel._in_waiting,
    ),
    UP: (
        ("established", "left", "release", "drop", "lost", "inactive"),
        (RELEASING, LINGERING, DEACTIVATING),
        Channel._in_up,
    ),
    RELEASING: (
        ("established", "left", "lost", "inactive", "timeout", "drop"),
        (LINGERING, DEACTIVATING),
        Channel._in_releasing,
    ),
    LINGERING: (("timeout", "drop", "inactive"), (DEACTIVATING,), Channel._in_lingering),
    DEACTIVATING: (("inactive", "timeout", "held"), (FREE,), Channel._in_deactivating),
}
