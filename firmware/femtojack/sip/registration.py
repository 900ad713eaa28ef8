"""The binding at the registrar: made, kept fresh, made again after failures (RFC 3261 10.2)."""

from micropython import const

from femtojack.sip.address import is_number, param, parse_address
from femtojack.ticks import Timer

_LONGEST = const(86400)  # s: a day, well within the ticks' reach
_SHORTEST = const(10)  # s
_BACK_OFF = const(30)  # s, after the first failure; doubled for each more (RFC 5626 4.5)
_BACK_OFF_MOST = const(1800)  # s


class Registration:
    """One binding of the agent's user to its contact. `registered` tells whether the registrar said yes last."""

    def __init__(self, agent, dialog, expires):
        self._agent = agent
        self.dialog = dialog
        self._expires = expires
        self._wanted = False
        self._pending = None
        self._failures = 0
        self._timer = Timer()
        self.registered = False

    def want(self, wanted, now):
        """Register, or take the binding back."""
        self._wanted = wanted
        self._failures = 0
        if self._pending is None:
            self._send(now)

    def step(self, now):
        """Run what is due. Returns the next deadline or None."""
        if self._timer.due(now):
            self._send(now)
        return self._timer.deadline

    def _send(self, now):
        request = self._agent.register_request(self.dialog, self._expires if self._wanted else 0)
        self._timer.stop()
        self._pending = self._agent.start(request, self.dialog.next_hop(), self, now)
        if self._pending is None:
            self._retry_later(None, now)

    def response(self, transaction, message, now):
        """A response to one of its requests."""
        if message.status < 200:
            return
        if message.status in (401, 407):
            again = self._agent.retry(transaction, message, now)
            if again:
                self._pending = again
                return
        asked = transaction.request.get(b"Expires") != b"0"
        self._pending = None
        if self._wanted != asked:  # changed its mind meanwhile
            self.registered = self.registered and self._wanted
            self._send(now)
        elif message.status == 423 and self._longer(message):
            self._send(now)
        else:
            self._conclude(message, now)

    def _conclude(self, message, now):
        ok = message.status < 300
        self.registered = ok and self._wanted
        if self.registered:
            self._failures = 0
            self._timer.start(now, 1000 * _refresh(self._granted(message)))
        elif self._wanted:
            self._retry_later(message, now)
        self._agent.events.registered(self.registered, message.status, now)

    def _longer(self, message):
        """Take the registrar's Min-Expires (RFC 3261 10.2.8); False if it cannot be."""
        least = message.get(b"Min-Expires") or b""
        if not is_number(least, _LONGEST) or int(least) <= self._expires:
            return False
        self._expires = int(least)
        return True

    def _granted(self, message):
        """Seconds that our contact lives: its own parameter, else the header, else what we asked."""
        for value in message.get_all(b"Contact"):
            contact = parse_address(value)
            expires = param(contact.params, b"expires") if contact and contact.uri == self._agent.contact else None
            if expires and is_number(expires, _LONGEST):
                return int(expires)
        expires = message.get(b"Expires") or b""
        return int(expires) if is_number(expires, _LONGEST) else self._expires

    def _retry_later(self, message, now):
        """Wait 50..100 % of the back-off, or what Retry-After says if that is longer."""
        upper = min(_BACK_OFF << min(self._failures, 6), _BACK_OFF_MOST)
        self._failures += 1
        wait = 500 * upper + 500 * upper * self._agent.octet() // 256  # ms
        after = ((message and message.get(b"Retry-After")) or b"").partition(b"(")[0].partition(b";")[0].strip()
        if is_number(after, _LONGEST):
            wait = max(wait, 1000 * int(after))
        self._timer.start(now, wait)


def _refresh(expires):
    """Seconds until the next REGISTER: in good time for its retransmissions and one more attempt."""
    return max(expires - max(expires // 4, 40), expires // 2, _SHORTEST)
