"""Datagrams as the IPv4 packets that would carry them (RFC 791, RFC 768)."""

import struct

IPV4_PACKETS = 101  # LINKTYPE_RAW: packets begin with the IP header
DO_NOT_FRAGMENT = 0x4000
TTL, UDP = 64, 17


class Ipv4:
    """Makes packets; each gets the next identification."""

    def __init__(self):
        self._identification = 0

    def udp(self, source, destination, data):
        """The packet of a datagram; endpoints are 6 octets, address and port in network order."""
        self._identification = self._identification + 1 & 0xFFFF
        datagram = udp_datagram(source, destination, data)
        total = 20 + len(datagram)
        head = [0x45, 0, total, self._identification, DO_NOT_FRAGMENT, TTL, UDP, 0, source[:4], destination[:4]]
        head[7] = checksum(HEADER.pack(*head))
        return HEADER.pack(*head) + datagram


HEADER = struct.Struct("!BBHHHBBH4s4s")


def udp_datagram(source, destination, data):
    """UDP header and data."""
    length = 8 + len(data)
    pseudo = source[:4] + destination[:4] + struct.pack("!HH", UDP, length)
    ports_and_length = source[4:] + destination[4:] + struct.pack("!H", length)
    check = checksum(pseudo + ports_and_length + b"\0\0" + data) or 0xFFFF  # RFC 768: 0 would mean none
    return ports_and_length + check.to_bytes(2, "big") + data


def checksum(data):
    """RFC 1071: the complement of the sum of 16-bit words, carries added in."""
    data = bytes(data) + bytes(len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF
