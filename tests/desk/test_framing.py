"""Frames of the monitor: what is sent arrives, and after any garbage the next frame does; the board's encoder too."""

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from femtohost.desk.framing import LARGEST, Frame, Receiver, encode
from femtohost.targets import interpreter

MONITOR = Path(__file__).parents[2] / "boards/common"
FIRMWARE = Path(__file__).parents[2] / "firmware"

frames = st.builds(
    Frame, kind=st.sampled_from("TPS"), sequence=st.integers(0, 255), payload=st.binary(max_size=LARGEST - 50)
)


@given(st.lists(frames, max_size=5), st.integers(1, 50))
def test_frames_arrive_however_they_are_cut(sent, piece):
    line = b"".join(map(encode, sent))
    receiver = Receiver()
    got = [frame for i in range(0, len(line), piece) for frame in receiver.feed(line[i : i + piece])]
    assert got == sent
    assert receiver.skipped == 0


@given(st.binary(max_size=3 * LARGEST), frames)
def test_after_any_garbage_the_next_frame_is_whole(garbage, frame):
    receiver = Receiver()
    list(receiver.feed(garbage))
    assert list(receiver.feed(encode(frame)))[-1:] == [frame]


@given(frames, st.data())
def test_a_changed_octet_is_noticed(frame, data):
    line = bytearray(encode(frame))
    at = data.draw(st.integers(1, len(line) - 2))
    line[at] ^= data.draw(st.integers(1, 255))
    receiver = Receiver()
    assert frame not in list(receiver.feed(bytes(line)))


def test_lost_frames_are_counted():
    receiver = Receiver()
    for sequence in (254, 255, 0, 3):
        list(receiver.feed(encode(Frame("T", sequence, b""))))
    assert receiver.lost == 2


def test_memory_is_bounded():
    receiver = Receiver()
    for _ in range(100):
        list(receiver.feed(b"x" * LARGEST))
    assert len(receiver._waiting) <= LARGEST + 1


SCRIPT = """
import sys
sys.path[:0] = [{boards!r}, {firmware!r}]
from array import array
from common.monitor import Monitor
class Pcm:
    missed = 0
    def exchange(self, play, captured, ref):
        captured[:] = array('h', range(-40, 40))
        ref[:] = array('h', range(80))
        return True
class Board:
    pcm = Pcm()
board = Board()
Monitor(board, sys.stdout.buffer.write)
buffers = [array('h', bytes(160)) for _ in range(3)]
board.trace('fxs', b'DOWN>ON_HOOK')
board.pcm.exchange(*buffers)
board.trace('x', bytes(range(256)) * 3)
"""


def test_the_boards_own_encoder():
    """boards/common/monitor.py in a real MicroPython, native emitter and all."""
    program = interpreter.find()
    if program is None:
        pytest.skip(f"no MicroPython here: {interpreter.HINT}")
    script = SCRIPT.format(boards=str(MONITOR.parent), firmware=str(FIRMWARE))
    done = subprocess.run([program, "-c", script], capture_output=True, check=True, timeout=600)
    receiver = Receiver()
    trace, pcm, cut = receiver.feed(done.stdout)
    assert (trace.kind, trace.payload[4:]) == ("T", b"fxs\0DOWN>ON_HOOK")
    samples = memoryview(pcm.payload).cast("h").tolist()
    assert pcm.kind == "P" and samples == [*range(-40, 40), *range(80)]
    assert cut.payload.startswith(trace.payload[:0]) and bytes(range(256)) in cut.payload
    assert receiver.skipped == receiver.lost == 0
