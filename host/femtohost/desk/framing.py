"""Frames of a board's monitor on a serial line: COBS between zeros, with a CRC.

    frame    COBS(kind u8, sequence u8, payload, CRC-32 of all before it, u32 little-endian), between zeros
    kind     'T' trace: time u32 ms, point, zero, data
             'P' PCM: 80 samples captured (Sin), 80 of what was played meanwhile (Rin), int16 little-endian
             'S' status: JSON

Whatever is no frame with a good CRC is skipped and counted; the next zero begins anew.
"""

import struct
import zlib
from dataclasses import dataclass

from cobs import cobs

LARGEST = 2048  # octets between two zeros; more is no frame


@dataclass(frozen=True)
class Frame:
    kind: str
    sequence: int
    payload: bytes


def encode(frame):
    """The octets of a Frame on the line."""
    body = struct.pack("<cB", frame.kind.encode(), frame.sequence) + frame.payload
    return b"\0" + cobs.encode(body + struct.pack("<I", zlib.crc32(body))) + b"\0"


class Receiver:
    """Takes octets as they come. `skipped` counts pieces that were no frames, `lost` gaps in the sequence."""

    def __init__(self):
        self.skipped = self.lost = 0
        self._waiting = bytearray()
        self._expected = None

    def feed(self, octets):
        """Yield the frames that are complete with `octets`."""
        self._waiting += octets
        *pieces, rest = self._waiting.split(b"\0")
        self._waiting = rest if len(rest) <= LARGEST else bytearray(rest[-LARGEST - 1 :])
        for piece in pieces:
            if not piece:
                continue
            frame = _decode(bytes(piece))
            if frame is None:
                self.skipped += 1
                continue
            self._count(frame.sequence)
            yield frame

    def _count(self, sequence):
        if self._expected is not None:
            self.lost += (sequence - self._expected) & 0xFF
        self._expected = (sequence + 1) & 0xFF


def _decode(piece):
    if len(piece) > LARGEST:
        return None
    try:
        body = cobs.decode(piece)
    except cobs.DecodeError:
        return None
    if len(body) < 6 or zlib.crc32(body[:-4]) != struct.unpack("<I", body[-4:])[0]:
        return None
    return Frame(chr(body[0]), body[1], body[2:-4])
