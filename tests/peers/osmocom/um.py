"""Virtual Um as datagrams: GSMTAP version 2 in multicast (osmocom-bb's and osmo-bts-virtual's)."""

import socket
import struct
from dataclasses import dataclass

PORT = 4729
DOWN, UP = "239.193.23.1", "239.193.23.2"
LOOPBACK = "127.0.0.1"
HEADER = struct.Struct("!BBBBHbbIBBBB")
VERSION, WORDS, TYPE_UM = 2, HEADER.size // 4, 1
POWER = -47, 63  # dBm, dB above noise: a good signal
UPLINK, ARFCN = 0x4000, 0x3FFF
BCCH, RACH, AGCH, PCH, SDCCH4, SDCCH8, FACCH, VOICE_F, SACCH = 1, 3, 4, 5, 7, 8, 9, 0x10, 0x80


@dataclass(frozen=True)
class Frame:
    """What a GSMTAP datagram says."""

    arfcn: int
    uplink: bool
    tn: int
    fn: int
    channel: int
    subslot: int
    payload: bytes

    @classmethod
    def parse(cls, datagram):
        """Of a datagram; None if it is none of Um."""
        if len(datagram) < HEADER.size:
            return None
        version, words, kind, tn, arfcn, _, _, fn, channel, _, subslot, _ = HEADER.unpack_from(datagram)
        if (version, kind) != (VERSION, TYPE_UM):
            return None
        return cls(arfcn & ARFCN, bool(arfcn & UPLINK), tn, fn, channel, subslot, datagram[4 * words :])

    def octets(self):
        arfcn = self.arfcn | self.uplink * UPLINK
        place = self.fn, self.channel, 0, self.subslot, 0
        return HEADER.pack(VERSION, WORDS, TYPE_UM, self.tn, arfcn, *POWER, *place) + self.payload


class Air:
    """A phone's place on virtual Um of the network namespace in which it is made; its socket does not block."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.socket.bind((DOWN, PORT))
        groups = socket.inet_aton(DOWN) + socket.inet_aton(LOOPBACK)
        self.socket.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, groups)
        self.socket.setblocking(False)

    def send(self, frame):
        self.socket.sendto(frame.octets(), (UP, PORT))

    def frames(self):
        """Those of the network that came; BlockingIOError when there are no more."""
        while True:
            if frame := Frame.parse(self.socket.recv(2048)):
                yield frame

    def close(self):
        self.socket.close()
