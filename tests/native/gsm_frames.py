"""Full rate frames bit by bit, after RFC 3551 4.5.8.1, and signals for the codec; its C code has no part in either."""

import hashlib
import itertools

import numpy as np

LAR_BITS = (6, 6, 5, 5, 4, 4, 3, 3)
SUBFRAME_BITS = (7, 2, 2, 6, *[3] * 13)
WIDTHS = (*LAR_BITS, *SUBFRAME_BITS * 4)
NC, BC, MC, XMAXC = (slice(8 + i, 76, 17) for i in range(4))  # the field in all four subframes
PULSES = [8 + 17 * subframe + 4 + i for subframe in range(4) for i in range(13)]
CODE_WORD = [(i, 4) for i in PULSES] + [(i, 2) for i in PULSES[:43]]  # the 95 bits of a SID frame that are 0
ENDS = list(itertools.accumulate(WIDTHS, initial=4))


def pack(fields):
    """33 octets of the 76 fields, in the order of the frame."""
    bits = 0xD
    for value, width in zip(fields, WIDTHS, strict=True):
        assert 0 <= value < 1 << width
        bits = bits << width | int(value)
    return bits.to_bytes(33, "big")


def unpack(frame):
    """The 76 fields of 33 octets."""
    bits = int.from_bytes(frame, "big")
    assert bits >> 260 == 0xD
    return np.array([bits >> (264 - end) & ((1 << width) - 1) for end, width in zip(ENDS[1:], WIDTHS, strict=True)])


def wrong_bits(fields):
    return sum(1 for i, bit in CODE_WORD if fields[i] & bit)


def damaged(fields, wrong):
    """`fields` of a SID frame with so many bits of its code word wrong."""
    for i, bit in CODE_WORD[:wrong]:
        fields[i] |= bit
    return fields


def a_sid(lar=(40, 30, 20, 10, 8, 7, 4, 3), xmax=(20, 21, 22, 23)):
    fields = np.zeros(76, int)
    fields[:8], fields[XMAXC] = lar, xmax
    return fields


def noise(octets, name="noise"):
    """Bytes that are the same for ever."""
    return hashlib.shake_256(name.encode()).digest(octets)


def pcm_noise(frames, name="noise"):
    """Full-scale noise, int16."""
    return np.frombuffer(noise(320 * frames, name), "<i2").astype(np.int16)


def random_frames(n, name="frames"):
    """n frames of random fields."""
    frames = np.frombuffer(noise(33 * n, name), np.uint8).reshape(n, 33).copy()
    frames[:, 0] = frames[:, 0] & 0x0F | 0xD0
    return frames.tobytes()


def signals():
    """(name, int16 of whole frames): what is loud, quiet, sudden, steady or absent."""
    wide = pcm_noise(300)
    sine = np.sin(2 * np.pi * np.arange(48000) * np.linspace(50, 3900, 48000) / 16000)  # a sweep
    yield "full-scale noise", wide
    yield "noise, softer every second", np.concatenate([wide[:8000] >> shift for shift in range(16)])
    yield "square of the extremes", np.where(pcm_noise(300, "signs") < 0, -32768, 32767).astype(np.int16)
    yield "slow square of the extremes", np.where(np.arange(48000) // 37 % 2, -32768, 32767).astype(np.int16)
    yield "silence", np.zeros(16000, np.int16)
    yield "sweep at full scale", np.rint(32767 * sine).astype(np.int16)
    yield "quiet sweep", np.rint(30 * sine).astype(np.int16)
    for level in (-32768, -9, 7, 8, 32767):
        yield f"steady {level}", np.full(8000, level, np.int16)
    clicks = np.zeros(48000, np.int16)
    clicks[::777], clicks[333::777] = 32767, -32768
    yield "clicks", clicks
    for hz in (100, 400, 1000, 2000, 3400, 4000):
        yield f"tone {hz} Hz", np.rint(20000 * np.sin(2 * np.pi * hz / 8000 * np.arange(16000) + 0.3)).astype(np.int16)
    ms = np.arange(320) / 8
    tones = [np.rint(5000 * np.sin(2 * np.pi * hz / 1000 * ms)).astype(np.int16) for hz in range(10, 4000, 10)]
    yield "many tones of 40 ms", np.concatenate(tones)  # some bring Schur's recursion to its edge
