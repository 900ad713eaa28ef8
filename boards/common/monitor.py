"""The monitor: trace, audio and status of a running board as frames on its serial port (femtohost.desk.framing).

It stands between the board and the App: `Monitor(board, write)` takes the place of the board's trace and PCM port.
`write(octets)` gets one frame at a time.
"""

# Viper's types are known to its compiler only.
# pyright: reportUndefinedVariable=false

import gc
import json
from binascii import crc32
from struct import pack_into
from time import ticks_diff, ticks_ms

import micropython

from femtojack.board import BLOCK

_LARGEST = 512  # octets of a frame before framing; longer trace data is cut
_STATUS_MS = 1000


class Monitor:
    """femtojack.board's `pcm` and `trace` of `board`, watched."""

    def __init__(self, board, write):
        self._pcm = board.pcm
        self._write = write
        self._body = bytearray(_LARGEST + 6)
        self._line = bytearray(_LARGEST + 16)
        self._line_view = memoryview(self._line)
        self._sequence = 0
        self._status = ticks_ms()
        self._blocks = 0
        board.pcm = self
        board.trace = self.trace

    def trace(self, point, data):
        body = self._body
        pack_into("<I", body, 2, ticks_ms())
        text = point.encode()
        n = 6 + len(text)
        body[6:n] = text
        body[n] = 0
        data = bytes(data)[: _LARGEST - n - 1]
        body[n + 1 : n + 1 + len(data)] = data
        self._send(ord("T"), n + 1 + len(data))

    # -- as the PCM port ------------------------------------------------------------------------------------------

    def due(self):
        return self._pcm.due()

    def exchange(self, play, captured, ref):
        if not self._pcm.exchange(play, captured, ref):
            return False
        self._blocks += 1
        pack_into("160s", self._body, 2, captured)
        pack_into("160s", self._body, 2 + 2 * BLOCK, ref)
        self._send(ord("P"), 2 + 4 * BLOCK)
        if ticks_diff(ticks_ms(), self._status) >= _STATUS_MS:
            self._status = ticks_ms()
            self._tell()
        return True

    def _tell(self):
        status = json.dumps(
            {"ms": ticks_ms(), "blocks": self._blocks, "missed": self._pcm.missed, "heap_free": gc.mem_free()}
        ).encode()
        self._body[2 : 2 + len(status)] = status
        self._send(ord("S"), 2 + len(status))

    def _send(self, kind, n):
        body = self._body
        body[0] = kind
        body[1] = self._sequence
        self._sequence = (self._sequence + 1) & 0xFF
        pack_into("<I", body, n, crc32(memoryview(body)[:n]))
        self._write(self._line_view[: stuff(body, n + 4, self._line)])


@micropython.viper
def stuff(source: ptr8, n: int, out: ptr8) -> int:
    """COBS of n octets of `source` into `out`, between zeros; returns the length."""
    out[0] = 0
    code = 1  # where the length of the present run goes
    at = 2
    i = 0
    while i < n:
        if source[i]:
            out[at] = source[i]
            at += 1
        if not source[i] or at - code == 255:
            out[code] = at - code
            code = at
            at += 1
        i += 1
    out[code] = at - code
    out[at] = 0
    return at + 1


def run(write):
    """Run the firmware, watched, for ever."""
    from board import Board  # pyright: ignore[reportMissingImports]

    from femtojack.app import App

    board = Board()
    Monitor(board, write)
    board.run(App(board))
