"""Texts by SIP: the MESSAGE method, both ways (RFC 3428)."""

from micropython import const

from femtojack.sip.address import parse_uri, printable

PENDING = const(8)  # texts on their way at a time
_TEXT = b"text/plain"


class Outgoing:
    """One text that was sent; the owner of its transaction (femtojack.sip.ua)."""

    def __init__(self, pager, dialog, about):
        self._pager = pager
        self.dialog = dialog
        self._about = about

    def response(self, transaction, message, now):
        if message.status >= 200:
            self._pager.answered(self, transaction, message, now)


class Pager:
    """Sends and takes texts for `agent` (femtojack.sip.ua), which it is made known to.

    `user.text(number, sender, text)` is told of each that comes, str, and returns the status to answer with;
    `user.sent(about, status, now)` of what became of one that was sent.
    """

    def __init__(self, agent, user):
        self._agent = agent
        self._user = user
        self._pending = []
        agent.take_texts(self)

    def send(self, number, sender, text, about, now):
        """Send `text` to `number` for `sender`; `about` comes back with `sent`. False if it cannot be now."""
        if len(self._pending) >= PENDING:
            return False
        dialog, addr = self._agent.dialog_to(number, sender)
        if addr is None:
            return False
        outgoing = Outgoing(self, dialog, about)
        request = dialog.request(b"MESSAGE", self._agent.via())
        request.add(b"Content-Type", _TEXT + b";charset=utf-8")
        request.body = text.encode()
        if not self._agent.start(request, addr, outgoing, now):
            return False
        self._pending.append(outgoing)
        return True

    def answered(self, outgoing, transaction, message, now):
        """A final response, to be challenged or told."""
        if message.status in (401, 407) and self._agent.retry(transaction, message, now):
            return
        if outgoing in self._pending:
            self._pending.remove(outgoing)
            self._user.sent(outgoing._about, message.status, now)

    def request(self, request):
        """The status to answer a MESSAGE with."""
        kind = request.content_type()
        if request.get(b"Content-Encoding") or kind not in (_TEXT, b""):
            return 415
        try:
            text = str(request.body, "utf-8")
        except ValueError:
            return 400
        target, sender = parse_uri(request.uri), parse_uri(request.sender.uri)
        return self._user.text(printable(target.user), printable(sender.user), text)
