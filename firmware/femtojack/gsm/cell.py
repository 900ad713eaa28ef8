"""The cell: the baseband's mailbox, the channels, the phones, and the MM connections that their users speak over.

A user serves one protocol, `cell.users[pd]` (l3.PD_CC, PD_SMS, PD_SS). It hears, from within `step` only:
    user.opened(connection, now)                  the phone wants its service (CM SERVICE REQUEST, accepted)
    user.connected(connection, now)               the phone that `connect` asked for is there
    user.received(connection, message, now)       a whole message: a memoryview valid during the call
    user.assigned(connection, now), user.assignment_failed(connection, cause, now)
    user.lost(connection, cause, now)             there is no connection any more
The user of PD_SMS also hears user.registered(subscriber, now) after each location updating. Causes are
femtojack.gsm.rr's. What a user may ask of a connection: femtojack.gsm.connections.Connection.
"""

from micropython import const

from femtojack.gsm import l1, l3
from femtojack.gsm.access import Access, Pager
from femtojack.gsm.auth import Triplets
from femtojack.gsm.broadcast import Broadcast
from femtojack.gsm.channel import Channel
from femtojack.gsm.connections import Connection
from femtojack.gsm.mm import OVER, READY, Session
from femtojack.gsm.rr import PAGING_TIMED_OUT, REFUSED
from femtojack.gsm.subscribers import Subscribers
from femtojack.ticks import Timer, earlier, ticks_diff

_SDCCH_4 = const(4)  # C bits of the first sub-slot, TS 08.58 9.3.1
_SDCCH_8 = const(8)
_TCH_F = const(1)
_FULL_RATE = const(1)  # codec of a speech frame
_MOST_WAITING = const(32)  # connections whose phones are being paged
_SWEEP_MS = const(60000)
_MINUTE = const(60000)  # ms
_GRACE = const(4)  # minutes after T3212 until a phone counts as gone, TS 24.008 4.4.2


class Cell:
    """`settings` is section gsm of femtojack.config. `step(now) -> deadline`."""

    def __init__(self, board, settings):
        self.settings = settings
        self.trace = board.trace
        self.now = 0  # of the present step
        self.users = {}
        self.subscribers = Subscribers(board.store, settings, board.entropy)
        self.triplets = Triplets(board.store, board.entropy)
        self.lai = l3.area(settings["mcc"], settings["mnc"], settings["lac"])
        self._mailbox = mailbox = l1.Mailbox(board.l1)
        broadcast = Broadcast(settings, self.lai)
        self._blocks = broadcast.blocks()
        self._slots = slots(settings["combined"], settings["traffic_channels"])
        self.channels = self._build(self._blocks[4][1], self._blocks[5][1])
        self._by_number = {channel.chan_nr: channel for channel in self.channels}
        self.access = Access(mailbox, self.channels, settings, self._arrived)
        self._pager = Pager(mailbox, broadcast.paging_groups, self._timed_out, board.trace)
        self.sessions = []
        self._waiting = []
        self._sweep = Timer()
        self._started = False
        self.errors = 0  # ERR.ind and messages for no channel

    def _build(self, si5, si6):
        """Every dedicated channel of the slots."""
        found = []
        for tn in range(8):
            use = self._slots[tn] & 0xFF
            if use == l1.CCCH_SDCCH4:
                numbers = range(_SDCCH_4, _SDCCH_4 + 4)
            elif use == l1.SDCCH8:
                numbers = range(_SDCCH_8, _SDCCH_8 + 8)
            else:
                numbers = (_TCH_F,) if use == l1.TCH_F else ()
            found += [Channel(self._mailbox, c << 3 | tn, si5, si6, self.trace) for c in numbers]
        return found

    # -- for users ----------------------------------------------------------------------------------------------------

    def connect(self, subscriber, user, now):
        """Open a connection to a phone: user.connected(connection, now) or user.lost(connection, cause, now) comes in
        a later step. None when the phone is not registered or too much is going on."""
        if not subscriber.registered or len(self._waiting) >= _MOST_WAITING:
            return None
        if self._session(subscriber) is None and not self._pager.page(subscriber, now):
            return None
        connection = Connection(self, subscriber, user)
        self._waiting.append(connection)
        return connection

    def forget(self, connection):
        """Nobody waits for this phone any more."""
        if connection in self._waiting:
            self._waiting.remove(connection)
            if not any(other.subscriber is connection.subscriber for other in self._waiting):
                self._pager.stop(connection.subscriber)

    def awaits(self, subscriber):
        """Whether somebody has asked for a connection to this phone, and has none yet."""
        return any(connection.subscriber is subscriber for connection in self._waiting)

    @property
    def has_channels(self):
        """Whether there is a traffic channel for one more call."""
        return self.access.take(True) is not None

    @property
    def idle(self):
        """Every channel is free."""
        return all(channel.free for channel in self.channels)

    # -- for sessions -------------------------------------------------------------------------------------------------

    def deliver(self, session, now):
        """A phone is there: the connections that have waited for it are open."""
        self._pager.stop(session.subscriber)
        for connection in list(self._waiting):
            if connection.subscriber is session.subscriber and connection in self._waiting and session.state == READY:
                self._waiting.remove(connection)
                session.connections.adopt(connection, now)

    def alone(self, session, now):
        """A phone is here: what else claims to be it, is not."""
        for other in list(self.sessions):
            if other is not session and other.subscriber is session.subscriber and other.subscriber.index >= 0:
                other.abort(REFUSED, now)

    def registered(self, subscriber, now):
        """A phone has updated its location: texts may wait for it."""
        user = self.users.get(l3.PD_SMS)
        if user:
            user.registered(subscriber, now)

    def _session(self, subscriber):
        for session in self.sessions:
            if session.subscriber is subscriber and session.state == READY:
                return session
        return None

    def _arrived(self, channel, message, now):
        session = Session(self, channel)
        self.sessions.append(session)
        session.begin(message, now)

    def _timed_out(self, subscriber, now):
        if not any(session.subscriber is subscriber and not session.over for session in self.sessions):
            self._fail(subscriber, PAGING_TIMED_OUT, now)

    def _fail(self, subscriber, cause, now):
        for connection in list(self._waiting):
            if connection.subscriber is subscriber and connection in self._waiting:
                self._waiting.remove(connection)
                connection.user.lost(connection, cause, now)

    # -- step ---------------------------------------------------------------------------------------------------------

    def step(self, now):
        """Drain the mailbox, then run what is due. Returns the next deadline or None."""
        self.run(now)
        return self.deadline(now)

    def run(self, now):
        """As `step`, for who asks for the deadline later."""
        self.now = now
        if not self._started:
            self._start(now)
        self._mailbox.acknowledge()
        while self._mailbox.receive():
            self._dispatch(now)
        self.access.reject()
        for channel in self.channels:
            if not channel.free:
                channel.step(now)
        for session in self.sessions:
            session.step(now)
            if self._waiting and session.state == READY:
                self.deliver(session, now)
        self._bury(now)
        self._pager.step(now)
        if self._sweep.due(now):
            self._sweep_out(now)

    def deadline(self, now):
        """The next deadline or None; users may have started timers since the step."""
        deadline = earlier(self._sweep.deadline, self._pager.deadline)
        for channel in self.channels:
            if not channel.free:
                deadline = earlier(deadline, channel.deadline)
        for session in self.sessions:
            deadline = earlier(deadline, session.deadline(now))
        return deadline

    def _start(self, now):
        self._started = True
        self._mailbox.start(self.settings, self._slots, self._blocks)
        for subscriber in self.subscribers:
            subscriber.seen = now
        self._sweep.start(now, _SWEEP_MS)

    def _bury(self, now):
        """Forget the sessions that are over, and those who waited for what they did not bring."""
        for i in range(len(self.sessions) - 1, -1, -1):
            session = self.sessions[i]
            if session.state == OVER:
                self.sessions.pop(i)
                if self.awaits(session.subscriber):
                    self._left_waiting(session, now)

    def _left_waiting(self, session, now):
        """Somebody waits for a phone that has just gone: call it back, unless it was not let in."""
        if session.served and session.subscriber.registered:
            self._pager.page(session.subscriber, now)
        if not self._pager.is_paging(session.subscriber):
            self._fail(session.subscriber, REFUSED, now)

    def _sweep_out(self, now):
        """Phones that have not been heard of for longer than T3212 are gone."""
        self._sweep.start(now, _SWEEP_MS)
        period = self.settings["periodic_update"]
        for subscriber in self.subscribers:
            if period and subscriber.registered and ticks_diff(now, subscriber.seen) > (period + _GRACE) * _MINUTE:
                subscriber.registered = False
                self.subscribers.save(subscriber)

    # -- messages from the baseband -----------------------------------------------------------------------------------

    def _dispatch(self, now):
        mailbox = self._mailbox
        kind = mailbox.type
        if kind == l1.RACH_IND:
            if mailbox.length >= 2:
                self.access.burst(mailbox.payload[0], mailbox.payload[1], mailbox.fn, now)
            return
        channel = self._by_number.get(mailbox.chan_nr)
        if channel is None:
            self.errors += kind != l1.TIME_IND
        elif kind == l1.RTS_IND:
            channel.ready_to_send(mailbox.link_id, mailbox.fn, now)
        elif kind == l1.DATA_IND:
            self._data(channel, now)
        elif kind == l1.TCH_IND:
            self._speech(channel, now)
        elif kind == l1.ACT_CNF:
            channel.confirmed("refused" if mailbox.length and mailbox.payload[0] else "active", now)
        elif kind == l1.DEACT_CNF:
            channel.confirmed("inactive", now)
        elif kind == l1.ERR_IND:
            self._error(channel, now)

    def _data(self, channel, now):
        if self._mailbox.length != l1.BLOCK:
            self.errors += 1
        elif self._mailbox.link_id == l1.SACCH:
            channel.sacch_block(now)
        else:
            channel.block(now)

    def _speech(self, channel, now):
        if channel.speech:
            mailbox = self._mailbox
            good = mailbox.length == 1 + l1.FRAME and mailbox.payload[0] == _FULL_RATE
            channel.speech.block(mailbox.speech if good else mailbox.no_speech, mailbox.fn, now)

    def _error(self, channel, now):
        self.errors += 1
        if self._mailbox.length and self._mailbox.payload[0] == l1.ERR_NOT_ACTIVE:
            channel.confirmed("inactive", now)


def slots(combined, traffic):
    """What each time slot is used for: CCCH with SDCCH/4, or CCCH and SDCCH/8, and then `traffic` TCH/F at most."""
    used = [l1.CCCH_SDCCH4] if combined else [l1.CCCH, l1.SDCCH8 | l1.ON_SECOND]
    used += [l1.TCH_F | l1.ON_SECOND] * min(traffic, 8 - len(used))
    return used + [l1.OFF] * (8 - len(used))
