"""TCP clients of a bridge: octets in and out between the events of a box; nothing that a client sends can stop it."""

import socket

READ_AT_ONCE = 1 << 14  # what a flood brings in one turn of the loop
MOST_HELD = 4 << 20  # octets that wait, for the device or for the client
KEEPALIVE = ((socket.TCP_KEEPIDLE, 10), (socket.TCP_KEEPINTVL, 5), (socket.TCP_KEEPCNT, 3))


class ProtocolError(Exception):
    """The client does not speak the protocol: it is dropped."""


def listen(host, port, option):
    """A listening socket at `host`:`port` (0: any). OSError, which names the command's `option`: it cannot be had."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        listener = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:
        raise OSError(f"{option} {host}:{port}: {error.strerror}; give HOST:PORT of this machine") from None
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen()
    except OSError as error:
        listener.close()
        raise OSError(f"{option} {host}:{port}: {error.strerror}; choose another port, or 0 for any") from None
    listener.setblocking(False)
    return listener


def accept(listener):
    """The client that waits at the listening socket; None: it has gone already."""
    try:
        return listener.accept()[0]
    except OSError:
        return None


class Stream:
    """One client. A protocol gives `_take() -> bool`: serve one message of `_input` if it is there as a whole.

    `_refused()` is called when what it sent ends the connection, `_ended()` whenever that has ended.
    """

    def __init__(self, loop, client):
        self._loop, self._client = loop, client
        client.setblocking(False)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in KEEPALIVE:
            client.setsockopt(socket.IPPROTO_TCP, option, value)
        self._input, self._output = bytearray(), bytearray()
        self._blocked = self._last = False
        self.closed = False
        loop.watch(client, self._read)

    def _refused(self):
        """For the protocol."""

    def _ended(self):
        """For the protocol."""

    def _read(self):
        try:
            data = self._client.recv(READ_AT_ONCE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.drop()
            return
        self._input += data
        try:
            while not self.closed and self._take():
                pass
        except ProtocolError:
            self._refused()
            self.drop()

    def _send(self, *parts):
        if self.closed:
            return
        for part in parts:
            self._output += part
        if len(self._output) > MOST_HELD:
            self._refused()
            self.drop()
            return
        self._flush()

    def _flush(self):
        if self.closed:
            return
        try:
            while self._output:
                del self._output[: self._client.send(self._output)]
        except BlockingIOError:
            self._blocked = True
            self._loop.when_writable(self._client, self._flush)
            return
        except OSError:
            self.drop()
            return
        if self._blocked:
            self._blocked = False
            self._loop.when_writable(self._client, None)
        if self._last:
            self.drop()

    def _end_after_sending(self):
        """No more is said; the connection ends when all is sent."""
        self._last = True
        self._flush()

    def drop(self):
        """End the connection."""
        if self.closed:
            return
        self.closed = True
        self._loop.unwatch(self._client)
        self._client.close()
        self._ended()
