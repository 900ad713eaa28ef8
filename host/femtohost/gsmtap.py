"""GSMTAP version 2: a frame of the air behind a header of 16 octets, as Wireshark and virtual Um have it.

version, header length in words, type (Um), time slot: u8    ARFCN u16: bit 14 uplink, bit 15 PCS
signal dBm i8, signal to noise dB i8, frame number u32       channel type, antenna, sub-slot, reserved: u8
"""

import struct

from femtohost.models.gsm_air import AirFrame
from femtohost.network import endpoint

HEADER = struct.Struct(">BBBBHbbIBBBB")
VERSION, UM = 2, 1
UPLINK, ARFCN = 0x4000, 0x3FFF
SIGNAL_DBM, SNR_DB = -47, 63  # loud and clear: nothing of this is modelled

# Virtual Um: multicast groups by direction, and the port that IANA has for gsmtap.
PORT = 4729
DOWNLINK_GROUP, UPLINK_GROUP = "239.193.23.1", "239.193.23.2"


def encode(frame):
    """The octets of an AirFrame."""
    arfcn = frame.arfcn | (UPLINK if frame.uplink else 0)
    words = HEADER.size // 4
    place = frame.fn, frame.channel, 0, frame.sub_slot, 0
    return HEADER.pack(VERSION, words, UM, frame.tn, arfcn, SIGNAL_DBM, SNR_DB, *place) + frame.payload


def decode(data):
    """The AirFrame in a datagram; None where it is none of the Um interface."""
    if len(data) < HEADER.size or data[0] != VERSION or data[2] != UM:
        return None
    _, words, _, tn, arfcn, _, _, fn, channel, _, sub_slot, _ = HEADER.unpack_from(data)
    if tn > 7 or words < HEADER.size // 4:
        return None
    return AirFrame(arfcn & ARFCN, bool(arfcn & UPLINK), tn, fn, channel, sub_slot, bytes(data[4 * words :]))


def datagram(frame):
    """(source, destination, data) of a frame on virtual Um; endpoints are 6 octets."""
    group = UPLINK_GROUP if frame.uplink else DOWNLINK_GROUP
    return endpoint((127, 0, 0, 1), PORT), endpoint(map(int, group.split(".")), PORT), encode(frame)
