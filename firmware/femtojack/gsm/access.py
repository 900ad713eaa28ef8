"""How phones come to a channel: bursts on the RACH and their answers, and the pages that bring them there."""

from micropython import const

from femtojack.gsm.broadcast import (
    immediate_assignment,
    immediate_assignment_reject,
    paging_request,
    request_reference,
)
from femtojack.gsm.channel import ACTIVATING, WAITING
from femtojack.gsm.l3 import IMSI, RR_PROTOCOL_ERROR, channel_description, identity_of_digits, identity_of_tmsi
from femtojack.ticks import Timer, earlier

T3113 = const(7000)  # ms, TS 44.018 11.1.2: a page is not answered
_REPEAT_MS = const(1900)  # four pages in T3113
MOST_PAGES = const(16)  # phones that are paged at a time
_EMERGENCY = const(0b101)  # establishment causes, TS 44.018 table 9.1.8.1: the first three bits of RA
_MOST_REJECTED = const(4)  # in one message
_SPREAD = const(6)  # seconds


class Access:
    """Gives channels to phones that ask. `channels` is the cell's; `arrived(channel, info, now)` hears of each phone
    that has come, with the message in its SABM."""

    def __init__(self, mailbox, channels, settings, arrived):
        self._mailbox = mailbox
        self._channels = channels
        self._arrived = arrived
        self._tsc = settings["bsic"] & 7  # TS 45.002 5.2.3: that of the BCCH; all channels have it
        self._arfcn_dedicated = settings["arfcn_dedicated"]
        self._arfcn = settings["arfcn"]
        self._combined = settings["combined"]
        self.power = settings["ms_power"]
        self._wait = settings["t3122"]
        self._rejected = []
        self.bursts = self.rejects = 0

    def take(self, traffic):
        """A free channel, traffic or signalling; None when there is none."""
        for channel in self._channels:
            if channel.is_traffic == traffic and channel.free:
                return channel
        return None

    def description(self, channel):
        """The channel description of a channel."""
        on_first = self._combined and channel.chan_nr & 0xE0 == 0x20  # SDCCH/4
        return channel_description(channel.chan_nr, self._tsc, self._arfcn if on_first else self._arfcn_dedicated)

    def burst(self, ra, advance, fn, now):
        """RACH.ind."""
        self.bursts += 1
        reference = request_reference(ra, fn)
        if self._is_answered(reference):
            return
        channel = self.take(False)
        if channel is None and ra >> 5 == _EMERGENCY:
            channel = self.take(True)
        if channel:
            channel.reference = reference
            channel.activate(self, advance, self.power, now)
        else:
            # Not all to the same second: they would only meet again.
            wait = min(self._wait + self.rejects % _SPREAD, 255)
            self.rejects += 1
            self._rejected.append(reference + bytes((wait,)))
            if len(self._rejected) == _MOST_REJECTED:
                self.reject()

    def _is_answered(self, reference):
        for channel in self._channels:
            if channel.reference == reference and channel.state in (ACTIVATING, WAITING):
                return True
        return any(rejected[:3] == reference for rejected in self._rejected)

    def reject(self):
        """Send what refusals there are."""
        if self._rejected:
            self._mailbox.grant(immediate_assignment_reject(self._rejected))
            self._rejected.clear()

    # -- as the user of a channel whose phone has not come yet --------------------------------------------------------

    def active(self, channel, now):
        block = immediate_assignment(self.description(channel), channel.reference, channel.advance)
        if self._mailbox.grant(block):
            channel.wait(now)
        else:
            channel.drop(now)

    def established(self, channel, info, now):
        channel.reference = b""
        if info is None:
            channel.release(now, RR_PROTOCOL_ERROR)
        else:
            self._arrived(channel, info, now)

    def received(self, channel, message, now):
        pass

    def gone(self, channel, now):
        channel.reference = b""


class Page:
    """A phone that is called."""

    def __init__(self, subscriber, now):
        self.subscriber = subscriber
        self.t3113 = Timer()
        self.t3113.start(now, T3113)
        self.repeat = Timer()
        self.repeat.start(now, 0)


class Pager:
    """Calls phones. `timed_out(subscriber, now)` hears of those that do not come."""

    def __init__(self, mailbox, groups, timed_out, trace):
        self._mailbox, self._groups, self._timed_out = mailbox, groups, timed_out
        self._trace = trace
        self._pages = []

    def page(self, subscriber, now):
        """Begin; a phone that is called already is called no more often. False: too many are."""
        if self.is_paging(subscriber):
            return True
        if len(self._pages) >= MOST_PAGES:
            return False
        self._pages.append(Page(subscriber, now))
        return True

    def stop(self, subscriber):
        """It has come, or nobody wants it any more."""
        for page in self._pages:
            if page.subscriber is subscriber:
                self._pages.remove(page)
                return

    def is_paging(self, subscriber):
        return any(page.subscriber is subscriber for page in self._pages)

    def step(self, now):
        """Run what is due."""
        while self._expire(now):
            pass
        for page in self._pages:
            if page.repeat.due(now):
                page.repeat.start(now, _REPEAT_MS)
                self._call(page.subscriber)

    def _expire(self, now):
        """Give up one page that nobody answered; what hears of it may stop or begin others. False: there is none."""
        for page in self._pages:
            if page.t3113.due(now):
                self._pages.remove(page)
                self._trace("gsm.timer", b"T3113")
                self._timed_out(page.subscriber, now)
                return True
        return False

    @property
    def deadline(self):
        deadline = None
        for page in self._pages:
            deadline = earlier(deadline, earlier(page.t3113.deadline, page.repeat.deadline))
        return deadline

    def _call(self, subscriber):
        if subscriber.tmsi and not subscriber.new_tmsi:
            identity = identity_of_tmsi(subscriber.tmsi)
        else:
            identity = identity_of_digits(IMSI, subscriber.imsi)
        group = int(subscriber.imsi[-3:]) % self._groups  # TS 45.002 6.5.2
        self._mailbox.page(paging_request(identity), group)
