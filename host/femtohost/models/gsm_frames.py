"""TDMA frames and where a channel's blocks lie in the 26 and 51 multiframes (TS 45.002).

A frame number runs from 0 to HYPERFRAME - 1 and wraps; a *frame count* is the same without the wrap, since power-on.
Times are ns. A block is four frames; it is named by its first frame, and SACCH/T, whose four frames lie 26 apart, too.
"""

from dataclasses import dataclass

HYPERFRAME = 26 * 51 * 2048  # TS 45.002 4.3.3
MULTIFRAME_NS = 120_000_000  # 26 frames last 120 ms: TS 45.010 annex
BLOCK_FRAMES = 4

# Channel types of GSMTAP v2, which name a channel everywhere here; SACCH is a flag.
BCCH, CCCH, RACH, AGCH, PCH, SDCCH4, SDCCH8, FACCH_F, VOICE_F = 1, 2, 3, 4, 5, 7, 8, 9, 0x10
SACCH = 0x80


def frame_time(count):
    """The instant, ns, at which frame `count` begins."""
    return -(-count * MULTIFRAME_NS // 26)


def frame_at(time):
    """The frame count at the instant `time`, ns."""
    return time * 26 // MULTIFRAME_NS


def reduced(fn):
    """(T1', T2, T3) of a frame number, as IMMEDIATE ASSIGNMENT refers to a burst (TS 44.018 10.5.2.30)."""
    return fn // 1326 % 32, fn % 26, fn % 51


@dataclass(frozen=True)
class Blocks:
    """The first frames of a channel's blocks, modulo `period`, ascending."""

    period: int
    first: tuple

    def following(self, count):
        """The first block that begins at frame `count` or later."""
        base = count - count % self.period
        within = count - base
        for first in self.first:
            if first >= within:
                return base + first
        return base + self.period + self.first[0]

    def previous(self, count):
        """The last block that began before frame `count`."""
        base = count - count % self.period
        within = count - base
        for first in reversed(self.first):
            if first < within:
                return base + first
        return base - self.period + self.first[-1]


def _each(period, firsts):
    return tuple(Blocks(period, (first,)) for first in firsts)


# TS 45.002 clause 7 table 3 and table 4
BCCH_BLOCKS = Blocks(51, (2,))
CCCH_BLOCKS = Blocks(51, (6, 12, 16, 22, 26, 32, 36, 42, 46))
CCCH_COMBINED = Blocks(51, (6, 12, 16))
SDCCH4_DOWN = _each(51, (22, 26, 32, 36))
SDCCH4_UP = _each(51, (37, 41, 47, 0))
SACCH4_DOWN = _each(102, (42, 46, 93, 97))
SACCH4_UP = _each(102, (57, 61, 6, 10))
SDCCH8_DOWN = _each(51, range(0, 32, 4))
SDCCH8_UP = _each(51, range(15, 47, 4))
SACCH8_DOWN = _each(102, (32, 36, 40, 44, 83, 87, 91, 95))
SACCH8_UP = _each(102, (47, 51, 55, 59, 98, 0, 4, 8))
TCH_F_BLOCKS = Blocks(26, (0, 4, 8, 13, 17, 21))
SACCH_T_BLOCKS = _each(104, (12, 25, 38, 51, 64, 77, 90, 103))  # by time slot
RACH_COMBINED = (4, 5, *range(14, 37), 45, 46)


@dataclass(frozen=True)
class DedicatedBlocks:
    """Where a dedicated channel's main and SACCH blocks lie, in both directions."""

    down: Blocks
    up: Blocks
    sacch_down: Blocks
    sacch_up: Blocks


def dedicated_blocks(channel, tn, sub_slot):
    """DedicatedBlocks of SDCCH4, SDCCH8 or FACCH_F (for TCH/F as a whole)."""
    if channel == SDCCH4:
        tables = SDCCH4_DOWN, SDCCH4_UP, SACCH4_DOWN, SACCH4_UP
    elif channel == SDCCH8:
        tables = SDCCH8_DOWN, SDCCH8_UP, SACCH8_DOWN, SACCH8_UP
    else:
        return DedicatedBlocks(TCH_F_BLOCKS, TCH_F_BLOCKS, SACCH_T_BLOCKS[tn], SACCH_T_BLOCKS[tn])
    return DedicatedBlocks(*(table[sub_slot] for table in tables))


def si_types(count, available):
    """The SYSTEM INFORMATION type of the BCCH block in the multiframe of frame `count` (TS 45.002 6.3.1.3).

    TC counts multiframes modulo 8. SI 2 stands where an optional type would; 13 takes TC 4 when it is `available`.
    """
    return (1, 2, 3, 4, 13 if 13 in available else 2, 2, 3, 4)[count // 51 % 8]
