"""The emulated network: UDP over IPv4 in virtual time, with delay, jitter and loss.

An endpoint is 6 octets, IPv4 address and port, both in network order. What is lost is lost silently, as on a wire;
the counters say how much.
"""

import errno
import ipaddress
from collections import deque

from femtohost.clock import MS

QUEUE = 64  # datagrams a socket keeps until they are received
EPHEMERAL = range(49152, 65536)  # RFC 6335 6: dynamic ports


def endpoint(address, port):
    """The 6 octets of an IPv4 `address` (4 octets) and a `port`."""
    return bytes(address) + port.to_bytes(2, "big")


def endpoint_text(addr):
    """An endpoint as people write it: 10.0.0.1:5060."""
    return f"{ipaddress.IPv4Address(bytes(addr[:4]))}:{int.from_bytes(addr[4:], 'big')}"


class Network:
    """All hosts of one emulated network.

    clock: femtohost.clock.Clock. rng: numpy.random.Generator (or random.Random); every datagram takes two draws,
    whatever the settings, so that changing one setting leaves the other's fate of each datagram alone.
    delay_ms, jitter_ms, loss may be changed at any time and hold for the datagrams sent from then on: each arrives
    after delay_ms plus a uniform 0..jitter_ms (so it may overtake another), or with probability `loss` never.
    taps: observers `tap(time_ns, source, destination, data)`, called for every datagram as it is sent.
    Counters: sent, lost (by chance), unreachable (nobody there), overflowed (receiver's queue full).
    """

    def __init__(self, clock, rng, delay_ms=10, jitter_ms=0, loss=0.0):
        self._clock = clock
        self._rng = rng
        self.delay_ms = delay_ms
        self.jitter_ms = jitter_ms
        self.loss = loss
        self.taps = []
        self.sent = self.lost = self.unreachable = self.overflowed = 0
        self._sockets = {}

    def open(self, address, port, on_datagram=None):
        """A Socket at `address` (4 octets) and `port`; 0 takes the lowest free port of 49152..65535.

        `on_datagram()` is called, without arguments, after each datagram that was queued. OSError if the port is
        taken or no port is free.
        """
        addr = endpoint(address, port) if port else self._free_endpoint(address)
        if addr in self._sockets:
            raise OSError(errno.EADDRINUSE, f"{endpoint_text(addr)} is taken")
        self._sockets[addr] = socket = Socket(self, addr, on_datagram)
        return socket

    def _free_endpoint(self, address):
        for port in EPHEMERAL:
            if endpoint(address, port) not in self._sockets:
                return endpoint(address, port)
        raise OSError(errno.EADDRINUSE, f"no free port at {ipaddress.IPv4Address(bytes(address))}")

    def inject(self, source, destination, data):
        """Send `data` as if from the endpoint `source`, which need not exist, to `destination` (6 octets each)."""
        self._send(bytes(source), bytes(data), bytes(destination))

    def _send(self, source, data, destination):
        self.sent += 1
        for tap in self.taps:
            tap(self._clock.now, source, destination, data)
        chance, lateness = self._rng.random(), self._rng.random()
        if chance < self.loss:
            self.lost += 1
            return
        delay = round((self.delay_ms + self.jitter_ms * lateness) * MS)
        self._clock.after(delay, lambda: self._deliver(source, data, destination))

    def _deliver(self, source, data, destination):
        socket = self._sockets.get(destination)
        if socket is None:
            self.unreachable += 1
        elif not socket._put(data, source):
            self.overflowed += 1

    def _close(self, addr):
        self._sockets.pop(addr, None)


class Socket:
    """One UDP port of one host; from `Network.open`. `address`: its own endpoint. `overflowed`: datagrams refused."""

    def __init__(self, network, address, on_datagram):
        self._network = network
        self._on_datagram = on_datagram
        self._queue = deque()
        self.address = address
        self.overflowed = 0

    def send(self, data, addr):
        """Send `data` (bytes-like, copied) to the endpoint `addr`. OSError once closed."""
        if self._network is None:
            raise OSError(errno.EBADF, f"the socket of {endpoint_text(self.address)} is closed")
        self._network._send(self.address, bytes(data), bytes(addr))

    def receive(self):
        """The oldest waiting datagram as (data, endpoint of its sender), or None."""
        return self._queue.popleft() if self._queue else None

    def close(self):
        """Give the port back; what waits is dropped. Closing again does nothing."""
        if self._network is not None:
            self._network._close(self.address)
            self._network = None
            self._queue.clear()

    def _put(self, data, source):
        if len(self._queue) >= QUEUE:
            self.overflowed += 1
            return False
        self._queue.append((data, source))
        if self._on_datagram is not None:
            self._on_datagram()
        return True
