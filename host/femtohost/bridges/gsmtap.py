"""Virtual Um: an emulated air joined to GSMTAP multicast, in real time.

What runs on virtual Um (Osmocom's virtual phone and virtual BTS, Wireshark) hears what the air's own side sends, and is
heard by it. A box's bridge is the cell's side; a bridge for an emulated phone on another network is the phone's.
"""

import socket
import struct
import sys

from femtohost.errors import UserError
from femtohost.gsmtap import DOWNLINK_GROUP, PORT, UPLINK_GROUP, decode, encode

LOOPBACK = "lo"
LARGEST = 2048
MEMBERSHIP = struct.Struct("=4s4si")  # ip_mreqn: group, address, interface index


class GsmtapBridge:
    """Multicast on the network interface of that name.

    `watch(socket, callback)` and `unwatch(socket)` belong to the loop that waits (femtohost.wallclock).
    cell: the air's side is the cell's; else the phones'. `unsent` counts frames that could not leave, `strange`
    datagrams that are no frame of the other side. UserError: no such interface, or no multicast on it.
    """

    def __init__(self, watch, unwatch, interface=LOOPBACK, *, cell=True):
        self._watch, self._unwatch, self.cell = watch, unwatch, cell
        self._air = None
        self.unsent = self.strange = 0
        self._index = _index(interface)
        self._out_group, in_group = (DOWNLINK_GROUP, UPLINK_GROUP) if cell else (UPLINK_GROUP, DOWNLINK_GROUP)
        self._out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._in = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            self._open(in_group)
        except OSError as error:
            self._out.close()
            self._in.close()
            raise UserError(
                f"--gsmtap {interface}: {error.strerror}; it needs multicast at {in_group}:{PORT}"
            ) from None
        self._watch(self._in, self._receive)

    def _open(self, group):
        own = MEMBERSHIP.pack(bytes(4), bytes(4), self._index)
        self._out.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, own)
        self._out.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 1)
        self._out.setblocking(False)
        self._in.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._in.bind((group, PORT))
        member = MEMBERSHIP.pack(socket.inet_aton(group), bytes(4), self._index)
        self._in.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, member)
        self._in.setblocking(False)

    def join(self, air):
        """Be the far side of `air` from now on."""
        self._air = air
        air.taps.append(self._send)
        if self.cell:
            air.want_all()

    def leave(self):
        """The air is gone; what comes is dropped."""
        self._air = None

    def close(self):
        self.leave()
        self._unwatch(self._in)
        self._in.close()
        self._out.close()

    def _send(self, frame):
        if frame.uplink == self.cell or self._air is None:
            return
        try:
            self._out.sendto(encode(frame), (self._out_group, PORT))
        except OSError:
            self.unsent += 1

    def _receive(self):
        """Everything that waits."""
        while True:
            try:
                data = self._in.recv(LARGEST)
            except OSError:
                return
            frame = decode(data)
            if frame is None or frame.uplink != self.cell:
                self.strange += 1
            elif self._air:
                (self._air.uplink if self.cell else self._air.downlink)(frame)


def _index(interface):
    if not sys.platform.startswith("linux"):
        raise UserError("--gsmtap: virtual Um needs Linux")
    try:
        return socket.if_nametoindex(interface)
    except OSError:
        names = " ".join(name for _, name in socket.if_nameindex())
        raise UserError(f"--gsmtap {interface}: no such network interface; there are {names}") from None
