"""MM connections (TS 24.007): what the users of a phone's radio connection speak over.

They are kept apart by protocol and transaction identifier (TI, TS 24.007 11.2.3.1.3): a connection takes the TI of the
first message that goes over it, whoever sends it.
"""

from micropython import const

from femtojack.gsm import l3
from femtojack.gsm.rr import ABORTED

_MOST = const(6)  # of one phone


class Connection:
    """One call, message or service of one phone. Several share its radio connection.

    `subscriber` is a femtojack.gsm.subscribers.Subscriber; `service` is what the phone asked for (l3.SERVICE_CALL ...),
    0 when the network opened it.
    """

    def __init__(self, cell, subscriber, user, service=0):
        self._cell = cell
        self.subscriber, self.user, self.service = subscriber, user, service
        self.session = None  # while the phone is being paged
        self.ti = None  # as the network sends it, from the first message on

    @property
    def emergency(self):
        return self.service == l3.SERVICE_EMERGENCY

    @property
    def speech(self):
        """The femtojack.gsm.channel.Speech of the phone's traffic channel; None while it has none."""
        return self.session.radio.channel.speech if self.session else None

    def send(self, data, now, sapi=0):
        """Send a layer 3 message (1..251 octets); SAPI 3 is established when it must be. False: it cannot be sent."""
        if self.session is None:
            return False
        if self.ti is None:
            self.ti = data[0] >> 4
        return self.session.radio.send(data, now, sapi)

    def assign(self, now):
        """Get a traffic channel in speech mode: user.assigned(connection, now) or
        user.assignment_failed(connection, cause, now) comes in a later step."""
        if self.session:
            self.session.connections.assign(self, now)

    def release(self, now):
        """Have done with it; nothing more is heard of it. The last connection of a phone closes its channel."""
        if self.session:
            self.session.connections.part(self, now)
        else:
            self._cell.forget(self)


class Connections:
    """Those of one phone, whose radio connection is `session.radio`."""

    def __init__(self, session):
        self._session = session
        self._all = []
        self._assigning = []  # that wait for the traffic channel

    @property
    def any(self):
        return len(self._all) > 0

    @property
    def silent(self):
        """Whether there is one that the phone asked for and has not used."""
        return any(connection.ti is None and connection.service for connection in self._all)

    @property
    def full(self):
        return len(self._all) >= _MOST

    def open(self, connection, now):
        """One that the phone asked for."""
        self._add(connection)
        connection.user.opened(connection, now)

    def adopt(self, connection, now):
        """One that the network wanted."""
        self._add(connection)
        connection.user.connected(connection, now)

    def part(self, connection, now):
        """One is released by its user."""
        self._forget(connection)
        self._session.close_unused(now)

    def _add(self, connection):
        connection.session = self._session
        self._all.append(connection)

    def _forget(self, connection):
        connection.session = None
        self._all.remove(connection)
        if connection in self._assigning:
            self._assigning.remove(connection)

    # -- the traffic channel ------------------------------------------------------------------------------------------

    def assign(self, connection, now):
        """One needs it."""
        if connection not in self._assigning:
            self._assigning.append(connection)
            self._session.radio.assign(now)

    def assigned(self, now):
        for connection in self._take_assigning():
            if connection.session:
                connection.user.assigned(connection, now)

    def assignment_failed(self, cause, now):
        for connection in self._take_assigning():
            if connection.session:
                connection.user.assignment_failed(connection, cause, now)

    def _take_assigning(self):
        waiting, self._assigning = self._assigning, []
        return waiting

    # -- messages and losses ------------------------------------------------------------------------------------------

    def deliver(self, user, message, now):
        """Give a message to the connection of `user` that has its TI or takes it; False: there is none."""
        connection = self._with_ti(user, message[0] >> 4 ^ 8)
        if connection is None:
            return False
        user.received(connection, message, now)
        return True

    def _with_ti(self, user, ti):
        anyone = None
        for connection in self._all:
            if connection.user is user:
                if connection.ti == ti:
                    return connection
                if anyone is None or (anyone.ti is not None and connection.ti is None):
                    anyone = connection
        if anyone and anyone.ti is None:
            anyone.ti = ti
        return anyone

    def lose(self, cause, now):
        """The radio connection is gone."""
        self._assigning.clear()
        while self._all:
            connection = self._all.pop(0)
            connection.session = None
            connection.user.lost(connection, cause, now)

    def lose_silent(self, now):
        """End those that the phone asked for and then never used."""
        for connection in list(self._all):
            if connection.ti is None and connection.service and connection.session:
                self._forget(connection)
                connection.user.lost(connection, ABORTED, now)
