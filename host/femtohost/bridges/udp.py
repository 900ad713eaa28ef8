"""The uplink as real UDP sockets: what femtohost.network is in virtual time.

The box's ports are bound before it has power, so that its configuration can name those that the operating system
chose; they stay bound while it is off, as an address stays a box's.
"""

import ipaddress
import socket
import time

from femtohost.network import endpoint, endpoint_text

LARGEST = 65536
TRIES = 64  # for an even port: half of all ports are


def address_towards(server):
    """Own IPv4 address (text) that the operating system would use to reach `server` ("A.B.C.D:PORT"), else loopback."""
    host, _, port = (server or "127.0.0.1").partition(":")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((host, int(port or 5060)))  # a datagram socket: nothing is sent
        return probe.getsockname()[0]


class UdpBridge:
    """UDP ports at one address of this machine.

    `watch(socket, callback)` and `unwatch(socket)` belong to the loop that waits (femtohost.wallclock).
    taps: observers `tap(time_ns, source, destination, data)`, called for every datagram sent or received.
    """

    def __init__(self, host, watch, unwatch):
        self.host = host
        self.address = ipaddress.IPv4Address(host).packed
        self._watch, self._unwatch = watch, unwatch
        self.taps = []
        self._bound = {}

    def reserve(self, port=0, even=False):
        """Bind `port`, or one that the operating system chooses; returns it. OSError if it is taken."""
        for _ in range(TRIES):
            bound = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            bound.setblocking(False)
            try:
                bound.bind((self.host, port))
            except OSError as error:
                bound.close()
                raise OSError(f"UDP port {self.host}:{port}: {error.strerror}; choose another, or 0 for any") from None
            number = bound.getsockname()[1]
            if port or not even or number % 2 == 0:
                self._bound[number] = bound
                return number
            bound.close()
        raise OSError(f"no free even UDP port at {self.host}")

    def open(self, address, port, on_datagram=None):
        """The box opens a port that was reserved for it."""
        return RealSocket(self, self._bound[port], on_datagram)

    def close(self):
        for bound in self._bound.values():
            bound.close()

    def _tell(self, source, destination, data):
        for tap in self.taps:
            tap(time.time_ns(), source, destination, bytes(data))


class RealSocket:
    """One open port, with the methods of femtohost.network.Socket."""

    def __init__(self, bridge, bound, on_datagram):
        self._bridge, self._bound = bridge, bound
        self.address = endpoint(bridge.address, bound.getsockname()[1])
        self.unsent = 0
        bridge._watch(bound, on_datagram or (lambda: None))

    def send(self, data, addr):
        """A datagram that cannot leave is lost, as on a wire; `unsent` counts them."""
        host, _, port = endpoint_text(addr).partition(":")
        try:
            self._bound.sendto(data, (host, int(port)))
        except OSError:
            self.unsent += 1
        else:
            self._bridge._tell(self.address, bytes(addr), data)

    def receive(self):
        """(data, source endpoint), or None when nothing waits."""
        while True:
            try:
                data, (host, port) = self._bound.recvfrom(LARGEST)
            except ConnectionError:  # an ICMP error for something that was sent before
                continue
            except OSError:
                return None
            source = endpoint(ipaddress.IPv4Address(host).packed, port)
            self._bridge._tell(source, self.address, data)
            return data, source

    def close(self):
        self._bridge._unwatch(self._bound)
