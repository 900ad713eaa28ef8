"""The uplink of a board with a network: femtojack.board's `udp` on the sockets of MicroPython.

A datagram that is received costs the heap its octets: MicroPython's sockets tell an address only by making objects.
Looking for one that is not there costs nothing.
"""

import select
import socket
from struct import pack_into


class UdpPort:
    """`address`: the board's own, four octets."""

    def __init__(self, address):
        self.address = address

    def open(self, port):
        return UdpSocket(port)


class UdpSocket:
    """One socket, non-blocking."""

    def __init__(self, port):
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(socket.getaddrinfo("0.0.0.0", port)[0][-1])
        self._socket.setblocking(False)
        self._poll = select.poll()
        self._poll.register(self._socket, select.POLLIN)
        self._to = bytearray(6)  # where the last datagram went, and the same as sockets have it
        self._to_address = None

    def recv_into(self, buf, addr):
        for _ in self._poll.ipoll(0):
            try:
                data, source = self._socket.recvfrom(len(buf))
            except OSError:
                return -1
            n = len(data)
            buf[:n] = data
            addr[:4] = dotted(source[0])
            pack_into(">H", addr, 4, source[1])
            return n
        return -1

    def send(self, buf, n, addr):
        if self._to_address is None or addr != self._to:
            self._to[:] = addr
            host = f"{addr[0]}.{addr[1]}.{addr[2]}.{addr[3]}"
            self._to_address = socket.getaddrinfo(host, addr[4] << 8 | addr[5])[0][-1]
        try:
            self._socket.sendto(memoryview(buf)[:n], self._to_address)
        except OSError:  # no route, no buffer: lost on the wire
            pass

    def close(self):
        self._socket.close()


def dotted(text):
    """Four octets of "A.B.C.D"."""
    return bytes(int(part) for part in text.split("."))
