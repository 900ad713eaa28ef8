"""Status registers of the W25Q128FV, and what they protect.

Source: W25Q128FV datasheet, "Status Registers" and "Status Register Memory Protection". Bits of the three registers are
numbered S0..S23 through all of them.
"""

BUSY, WEL = 1 << 0, 1 << 1
BP0, TB, SEC, SRP0 = 2, 5, 6, 7
SRP1, QE, LB1, LB3, CMP = 8, 9, 11, 13, 14
WPS = 18
WRITABLE = 0xE47BFC
LOCK_BITS = 0b111 << LB1  # one-time programmable
KIB = 1024


def bit(status, number):
    """Bit S`number` of three octets, S0 first."""
    return status[number // 8] >> number % 8 & 1


def protected(status, size):
    """(begin, end) octets that the registers protect; begin == end: nothing."""
    begin, end = _range(status, size)
    if not bit(status, CMP):
        return begin, end
    if begin == end:
        return 0, size
    return (end, size) if begin == 0 else (0, begin)


def _range(status, size):
    bp = status[0] >> BP0 & 7
    if bp == 0:
        return 0, 0
    if bp == 7:
        return 0, size
    length = min(4 * KIB << bp - 1, 32 * KIB) if bit(status, SEC) else size >> 7 - bp
    return (0, length) if bit(status, TB) else (size - length, size)


def locked(status, wp):
    """Whether the registers refuse to be written, at this level of the WP pin (0 protects)."""
    if bit(status, SRP1):
        return True
    return bool(bit(status, SRP0) and not wp and not bit(status, QE))


def merged(old, new):
    """What three registers become when `new` is written: reserved bits stay, security lock bits are never cleared."""
    was, wanted = int.from_bytes(old, "little"), int.from_bytes(new, "little")
    value = was & ~WRITABLE | wanted & WRITABLE | was & LOCK_BITS
    return value.to_bytes(3, "little")


def loaded(status):
    """What the registers are after power came: a lock until then (SRP1, SRP0 = 1, 0) has ended."""
    if bit(status, SRP1) and not bit(status, SRP0):
        return bytes((status[0], status[1] & ~1, status[2]))
    return bytes(status)
