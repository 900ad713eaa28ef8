"""Serial Flash Discoverable Parameters of the W25Q128FV: JESD216A header and a basic table of 16 words."""

import struct

TABLE = 0x80  # where the basic table begins
WORDS = 16
SIZE = 256


def _word(*fields):
    """A word out of (lowest bit, value) pairs."""
    return sum(value << low for low, value in fields)


def _time(count_low, count, unit_low, unit):
    """A typical time: `count` units."""
    return ((count_low, count - 1), (unit_low, unit))


def _basic_table(size):
    """JESD216A 6.4.3..18, words 1..16."""
    return (
        # 4 KiB erase (20h), 64-octet writes, three address octets, all the multi-line reads
        _word((0, 1), (2, 1), (5, 7), (8, 0x20), (16, 1), (19, 1), (20, 7), (23, 0x1FF)),
        8 * size - 1,
        _word((0, 4), (5, 2), (8, 0xEB), (16, 8), (24, 0x6B)),  # 1-4-4, 1-1-4
        _word((0, 8), (8, 0x3B), (16, 2), (21, 2), (24, 0xBB)),  # 1-1-2, 1-2-2
        _word((1, 7), (4, 1), (5, (1 << 27) - 1)),  # 4-4-4 there is
        _word((0, 0xFFFF)),
        _word((0, 0xFFFF), (21, 2), (24, 0xEB)),  # 4-4-4
        _word((0, 12), (8, 0x20), (16, 15), (24, 0x52)),  # erase types: 4 KiB, 32 KiB
        _word((0, 16), (8, 0xD8)),  # 64 KiB
        # Erase times: at most 14 times the typical; 48 ms, 128 ms, 160 ms (units of 16 ms)
        _word((0, 6), *_time(4, 3, 9, 1), *_time(11, 8, 16, 1), *_time(18, 10, 23, 1)),
        # Program times: at most 6 times; page of 2**8: 704 us (units of 64); octets: 32, 8 us; chip erase 40 s
        _word((0, 2), (4, 8), *_time(8, 11, 13, 1), *_time(14, 4, 18, 0), *_time(19, 1, 23, 0), *_time(24, 10, 29, 2))
        | 1 << 31,
        _word((31, 1)),  # suspend is not promised
        0,
        _word((2, 1), (8, 2), (13, 1), (15, 0xAB), (23, 0xB9)),  # status polling by 05h; power-down B9h, ABh in 3 us
        _word((20, 4), (24, 0xFF)),  # quad enable: bit 1 of status register 2, by 31h
        _word((8, 1 << 4), (0, 1 << 3)),  # reset by 66h 99h; volatile registers by 50h
    )  # fmt: skip


def sfdp(size):
    """The 256 octets, for a chip of `size` octets."""
    header = struct.pack("<4sBBBB", b"SFDP", 5, 1, 0, 0xFF)
    header += struct.pack("<BBBB", 0, 5, 1, WORDS) + TABLE.to_bytes(3, "little") + b"\xff"
    table = struct.pack(f"<{WORDS}I", *_basic_table(size))
    return (header.ljust(TABLE, b"\xff") + table).ljust(SIZE, b"\xff")
