"""The cell: the baseband's mailbox, the channels, the phones, and the MM connections that their users speak over."""


class Connection:
    """An MM connection (TS 24.007): one call, message or service of one phone. Several share its radio connection.

    `subscriber` is a femtojack.gsm.subscribers.Subscriber; `speech` is None until `user.assigned` was called, then
    what carries the speech frames.
    """

    def __init__(self, session, subscriber, user):
        self.session, self.subscriber, self.user = session, subscriber, user
        self.speech = None

    def send(self, data, sapi=0):
        """Send a layer 3 message (bytes, at most 251); SAPI 3 is established when it must be. False: cannot be."""
        return False

    def assign(self):
        """Get a traffic channel in speech mode: user.assigned(connection) or user.assignment_failed(connection, cause)
        comes in a later step."""

    def release(self):
        """Have done with it; nothing more is heard of it. The last connection of a phone closes its channel."""


class Cell:
    """`step(now) -> deadline`. `users[pd]` serves a protocol: femtojack.gsm.l3.PD_CC, PD_SMS, PD_SS."""

    def __init__(self, board, config):
        self.now = 0  # of the present step
        self.users = {}
        self.subscribers = None

    def step(self, now):
        """Drain the mailbox, then run what is due. Returns the next deadline or None."""
        self.now = now
        return None

    def connect(self, subscriber, user):
        """Open a connection to a phone: user.connected(connection) or user.lost(connection, cause) comes in a later
        step. None when the phone is not registered or too much is going on."""
        return None
