"""Messages of the L1 mailbox: an octet each of type, channel (TS 08.58 9.3.1), link (9.3.2) and payload length, the
frame number, the payload; numbers big-endian."""

import struct
from typing import NamedTuple

from femtohost.models.gsm_frames import FACCH_F, SDCCH4, SDCCH8

HEAD = struct.Struct(">BBBBI")
LARGEST = HEAD.size + 255

# up
RTS_IND, DATA_IND, RACH_IND, TCH_IND, TIME_IND, MEAS_IND, ACT_CNF, DEACT_CNF, ERR_IND = range(1, 10)
# down
DATA_REQ, TCH_REQ, ACT_REQ, DEACT_REQ, MODE_REQ, CIPHER_REQ, SI_REQ = range(0x41, 0x48)

GOOD, BAD_CHANNEL, NOT_ACTIVE, BAD_LENGTH, LATE, UNKNOWN_TYPE = range(6)

MAIN, SACCH_LINK = 0x00, 0x40
BCCH_NR, RACH_NR, PCH_AGCH_NR = 0x80, 0x88, 0x90
SIGNALLING, SPEECH_FR = 0, 1
CODEC_FR = 1


class Message(NamedTuple):
    type: int
    chan_nr: int
    link_id: int
    fn: int
    payload: bytes

    def encode(self):
        return HEAD.pack(self.type, self.chan_nr, self.link_id, len(self.payload), self.fn) + self.payload


def parse(data):
    """The Message in `data`, octets; None if its length is wrong."""
    if len(data) < HEAD.size:
        return None
    kind, chan_nr, link_id, length, fn = HEAD.unpack_from(data)
    return Message(kind, chan_nr, link_id, fn, bytes(data[HEAD.size :])) if len(data) == HEAD.size + length else None


def number_of(channel, tn, sub_slot):
    """The channel number of a dedicated channel (TS 08.58 9.3.1)."""
    bits = {SDCCH4: 0b00100, SDCCH8: 0b01000, FACCH_F: 0b00001}[channel] + (sub_slot if channel != FACCH_F else 0)
    return bits << 3 | tn


def dedicated(chan_nr):
    """(channel, tn, sub_slot) of a channel number; None where it names no dedicated channel."""
    bits, tn = chan_nr >> 3, chan_nr & 7
    if bits == 0b00001:
        return FACCH_F, tn, 0
    if bits & 0b11100 == 0b00100:
        return SDCCH4, tn, bits & 3
    if bits & 0b11000 == 0b01000:
        return SDCCH8, tn, bits & 7
    return None
