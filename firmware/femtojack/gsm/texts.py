"""Where texts go: from phone to phone, to and from SIP, and into the outbox while a phone is away."""

from micropython import const

from femtojack.gsm import sms, tpdu
from femtojack.ticks import Timer, earlier

_AGAIN = const(120000)  # ms: the phone did not answer, or had no time
_FULL = const(1800000)  # it has no memory, and may forget to say when it has
_BUSY = const(2000)  # our own channels were in use
_PROTOCOL_ERROR = const(111)  # RP cause
ACCEPTED = const(202)  # status: it waits for its phone

# SIP status -> RP cause; what is not here is a temporary failure
_CAUSES = {403: 21, 404: 1, 405: 69, 410: 28, 415: 69, 480: 27, 484: 28, 501: 69, 503: 42, 513: 50, 603: 21, 604: 1}


class Texts:
    """The service centre of the box. `pager` (femtojack.sip.pager) is None on a box without a network.

    `group` is the number of all phones together; `spare`, True where a text by SIP for nobody's number goes to them.
    """

    def __init__(self, transfers, subscribers, outbox, group, spare, trace):
        self._transfers = transfers
        self._subscribers = subscribers
        self._outbox = outbox
        self._group = group
        self._spare = spare
        self._trace = trace
        self._reference = 0
        self._wait = {}  # number -> Timer until which nothing is sent there
        self.pager = None
        transfers.bind(self)

    def bind(self, pager):
        self.pager = pager

    @property
    def waiting(self):
        """How many texts wait for their phones."""
        return self._outbox.waiting

    def step(self, now):
        """Send what waits to whom it can be sent. Returns the next deadline or None."""
        if not self._outbox.waiting:
            return self._transfers.step(now)
        for number in [number for number in self._wait if self._wait[number].due(now)]:
            self._wait.pop(number)
        self._send_waiting(now)
        deadline = self._transfers.step(now)
        for text in self._outbox.texts:
            if text.number in self._wait:
                deadline = earlier(deadline, self._wait[text.number].deadline)
        return deadline

    # -- from phones --------------------------------------------------------------------------------------------------

    def submitted(self, transfer, now):
        """A phone sends a text."""
        text = tpdu.submit(transfer.tpdu)
        origin = transfer.subscriber.number
        if text is None:
            transfer.event("result", _PROTOCOL_ERROR, now)
            return
        self._trace("gsm.text", text.destination.encode())
        numbers = self._numbers(text.destination)
        if text.destination == self._group and origin in numbers:
            numbers.remove(origin)
        if numbers:
            kept = self._keep(numbers, [text.deliver(origin)])
            transfer.event("result", 0 if kept else sms.CONGESTION, now)
        elif self.pager is None:
            transfer.event("result", sms.UNASSIGNED, now)
        elif not self.pager.send(text.destination, origin, text.text, transfer, now):
            transfer.event("result", sms.CONGESTION, now)

    def sent(self, transfer, status, now):
        """What became of a text that went out by SIP."""
        transfer.event("result", 0 if status < 300 else _CAUSES.get(status, sms.TEMPORARY_FAILURE), now)

    def room_at(self, subscriber, now):
        self._wait.pop(subscriber.number, None)

    registered = room_at

    # -- from SIP -----------------------------------------------------------------------------------------------------

    def text(self, number, sender, text):
        """A text came by SIP: the status to answer with."""
        numbers = self._numbers(number) or (self._numbers(self._group) if self._spare else [])
        if not numbers:
            return 404
        self._reference = (self._reference + 1) & 0xFF
        tpdus = tpdu.delivers(sender, text, self._reference)
        if tpdus is None:
            return 513
        return ACCEPTED if self._keep(numbers, tpdus) else 503

    # -- to phones ----------------------------------------------------------------------------------------------------

    def _numbers(self, number):
        """The numbers of the phones that `number` reaches."""
        if number and number == self._group:
            return [subscriber.number for subscriber in self._subscribers if subscriber.number]
        return [number] if number and self._subscribers.find(number=number) else []

    def _keep(self, numbers, tpdus):
        """Put texts into the outbox, all or none."""
        if len(numbers) * len(tpdus) > self._outbox.room:
            return False
        return all(self._outbox.add(number, data) for number in numbers for data in tpdus)

    def _send_waiting(self, now):
        begun = []
        for text in self._outbox.texts:
            if text.number in begun:
                continue
            begun.append(text.number)
            subscriber = self._subscribers.find(number=text.number)
            if text.number in self._wait or not subscriber or not subscriber.registered:
                continue
            if not self._transfers.busy(subscriber) and not self._transfers.deliver(subscriber, text.tpdu, text, now):
                self._later(text.number, _BUSY, now)

    def _later(self, number, ms, now):
        self._wait[number] = timer = Timer()
        timer.start(now, ms)

    def delivered(self, transfer, cause, now):
        """A text arrived (0), was refused (an RP cause), or got lost (None)."""
        text = transfer.about
        self._trace("gsm.delivered", b"lost" if cause is None else str(cause).encode())
        if cause is None:
            self._later(text.number, _AGAIN, now)
        elif cause == sms.MEMORY_EXCEEDED:
            self._later(text.number, _FULL, now)
        else:
            self._outbox.remove(text)
            self._send_waiting(now)
