"""What a serial flash is apart from its bus: cells that wear, bits that forget, operations that a power cut interrupts.

Everything here survives the power. Nothing here knows of commands or time.
"""

import random
from dataclasses import dataclass, field

from femtohost.models.nor_cells import SECTOR, MemoryCells

PAGE = 256  # octets
PAGE_BITS = 8 * PAGE
ONES = (1 << PAGE_BITS) - 1
RATED_CYCLES = 100_000  # erase cycles of a sector, W25Q128FV "Features"

# How a power cut may leave an operation.
BEFORE = "before"  # it did nothing yet
TORN = "torn"  # some of its bits changed
LATE = "marginal-late"  # nearly complete: what it changed may still read as it was
EARLY = "marginal-early"  # barely begun: what it would change may already read as changed
AFTER = "after"  # complete
OUTCOMES = (BEFORE, TORN, LATE, EARLY, AFTER)

PROGRAM, ERASE, STATUS = "program", "erase", "status"


@dataclass
class Operation:
    """One program, erase or write of the status registers: what it found from `address` on, and what it makes of it."""

    kind: str
    address: int
    before: bytes
    after: bytes
    unstable: dict = field(default_factory=dict)  # what was unstable there

    @property
    def size(self):
        return len(self.after)

    def unstable_in(self, address, size):
        """Those of `unstable` that lie in a part of it."""
        if not self.unstable:
            return {}
        pages = range(address // PAGE, (address + size - 1) // PAGE + 1)
        return {page: unstable for page, unstable in self.unstable.items() if page in pages}


@dataclass(frozen=True)
class Unstable:
    """A page some of whose bits lie between two values; pages of one interrupted operation share its `origin`."""

    before: int
    after: int
    late: bool
    origin: int

    def programmed(self, data):
        return Unstable(self.before & data, self.after & data, self.late, self.origin)


class Silicon:
    """The cells of one chip. `rng` (random.Random): what unstable bits read like, and how torn operations end.

    `unstable` and `stuck` are keyed by page; `store` is of femtohost.models.nor_cells.
    """

    def __init__(self, store=None, rng=None):
        self.store = store or MemoryCells()
        self.rng = rng or random.Random(0)
        self.size = self.store.size
        self.unstable = {}
        self.stuck = {}  # page -> (AND mask, OR mask)
        self._status_mix = None
        self._moods = {}
        self._cuts = 0

    def fork(self, rng):
        """A copy that goes its own way; only sectors that change afterwards cost memory."""
        copy = Silicon(self.store.fork(), rng)
        copy.unstable, copy.stuck = dict(self.unstable), dict(self.stuck)
        copy._status_mix, copy._moods, copy._cuts = self._status_mix, dict(self._moods), self._cuts
        return copy

    def power_up(self):
        """The three status registers as they are loaded; unstable bits may feel different from now on."""
        self._moods.clear()
        if self._status_mix:
            before, after, late = self._status_mix
            mask = _mask(self._draw_share(late), self.rng)
            return (before & ~mask | after & mask).to_bytes(3, "little")
        return bytes(self.store.status)

    # -- reading ------------------------------------------------------------------------------------------------------

    def read(self, address, n):
        """What `n` cells from `address` on read like, this time."""
        data = self.store.read(address, n)
        if (self.unstable or self.stuck) and n:
            first, last = address // PAGE, (address + n - 1) // PAGE
            troubled = [page for page in self.unstable.keys() | self.stuck.keys() if first <= page <= last]
            if troubled:
                data = self._disturb(address, bytearray(data), sorted(troubled))
        return data

    def _disturb(self, address, data, pages):
        for page in pages:
            octets = self._read_page(page)
            begin = max(page * PAGE, address)
            end = min((page + 1) * PAGE, address + len(data))
            data[begin - address : end - address] = octets[begin - page * PAGE : end - page * PAGE]
        return bytes(data)

    def _read_page(self, page):
        unstable = self.unstable.get(page)
        if unstable:
            mask = _mask(self._mood(unstable), self.rng)
            bits = unstable.before & ~mask | unstable.after & mask
        else:
            bits = int.from_bytes(self.store.read(page * PAGE, PAGE), "little")
        low, high = self.stuck.get(page, (ONES, 0))
        return (bits & low | high).to_bytes(PAGE, "little")

    def _mood(self, unstable):
        """The share of bits that read as the operation would have left them; at times it changes, for all its pages."""
        if unstable.origin not in self._moods or self.rng.random() < MOOD_SWING:
            self._moods[unstable.origin] = self._draw_share(unstable.late)
        return self._moods[unstable.origin]

    def _draw_share(self, late):
        share = self.rng.choice(SHARES)
        return share if late else WHOLE - share

    # -- changing -----------------------------------------------------------------------------------------------------

    def program(self, address, data):
        """Clear the bits that are 0 in `data`; returns the Operation, done."""
        before = self.read(address, len(data))
        operation = Operation(PROGRAM, address, before, _and(before, data), self._unstable_in(address, len(data)))
        for page, unstable in operation.unstable.items():
            changed = unstable.programmed(_page_bits(page, address, data))
            self._keep(page, changed)
        self.store.write(address, _and(self.store.read(address, len(data)), data))
        return operation

    def erase(self, address, size):
        """Set all bits of whole sectors; returns the Operation, done."""
        after = b"\xff" * size
        operation = Operation(ERASE, address, self.read(address, size), after, self._unstable_in(address, size))
        for page in operation.unstable:
            del self.unstable[page]
        self.store.write(address, after)
        for sector in range(address // SECTOR, (address + size) // SECTOR):
            self._wear(sector)
        return operation

    def write_status(self, values):
        """Write the three non-volatile status registers; returns the Operation, done."""
        operation = Operation(STATUS, 0, bytes(self.store.status), bytes(values))
        self.store.status[:] = bytes(values)
        self._status_mix = None
        return operation

    def _wear(self, sector):
        cycles = self.store.cycles[sector] = self.store.cycles[sector] + 1
        if cycles > RATED_CYCLES and self.rng.random() < cycles / RATED_CYCLES - 1:
            self.stick(sector * SECTOR + self.rng.randrange(SECTOR), self.rng.randrange(8), 0)

    def _unstable_in(self, address, size):
        if not self.unstable:
            return {}
        first, last = address // PAGE, (address + size - 1) // PAGE
        return {page: unstable for page, unstable in self.unstable.items() if first <= page <= last}

    def _keep(self, page, unstable):
        """`page` is as `unstable` says, which may be that it is firm."""
        if unstable.before == unstable.after:
            self.store.write(page * PAGE, unstable.after.to_bytes(PAGE, "little"))
            self.unstable.pop(page, None)
        else:
            self.unstable[page] = unstable

    # -- faults -------------------------------------------------------------------------------------------------------

    def interrupt(self, operation, outcome):
        """The power went during `operation`, the last one: leave it as `outcome` (one of OUTCOMES) says."""
        if outcome == AFTER:
            return
        self._cuts += 1
        if operation.kind == STATUS:
            self._interrupt_status(operation, outcome)
            return
        for offset in range(0, operation.size, SECTOR):
            self._interrupt_part(operation, offset, outcome)

    def _interrupt_part(self, operation, offset, outcome):
        """At most a sector of it."""
        address = operation.address + offset
        before = operation.before[offset : offset + SECTOR]
        after = operation.after[offset : offset + SECTOR]
        was_unstable = operation.unstable_in(address, len(after))
        if outcome == TORN:
            self.store.write(address, self._tear(operation.kind, before, after))
            self.unstable |= {page: old for page, old in was_unstable.items() if self.rng.random() < 0.5}
        elif outcome == BEFORE:
            self.store.write(address, before)
            self.unstable |= was_unstable
        else:
            self.store.write(address, after if outcome == LATE else before)
            for page in range(address // PAGE, (address + len(after) - 1) // PAGE + 1):
                self._unsettle(page, address, (before, after), outcome == LATE, was_unstable.get(page))

    def _tear(self, kind, before, after):
        """A definite state between the two. An erase programs all bits first, so it may pass through zeros."""
        how = self.rng.randrange(3 if kind == PROGRAM else 5)
        if how == 0:
            done = self.rng.randrange(len(after) + 1)
            return after[:done] + before[done:]
        mask = _mask(SHARES_TORN[how], self.rng, 8 * len(after))
        old, new = int.from_bytes(before, "little"), int.from_bytes(after, "little")
        if how == 3:
            old = 0
        elif how == 4:
            new = 0
        return (old & ~mask | new & mask).to_bytes(len(after), "little")

    def _unsettle(self, page, address, values, late, was_unstable):
        """`page` becomes unstable where `values` (before, after), which begin at `address`, differ; its rest stays."""
        begin, end = max(page * PAGE, address), min((page + 1) * PAGE, address + len(values[0]))
        part = slice(begin - address, end - address)
        before, after = (int.from_bytes(value[part], "little") << 8 * (begin % PAGE) for value in values)
        changed = before ^ after
        there = int.from_bytes(self.store.read(page * PAGE, PAGE), "little")
        old, new = (was_unstable.before, was_unstable.after) if was_unstable else (there, there)
        old, new = old & ~changed | before & changed, new & ~changed | after & changed
        self._keep(page, Unstable(old, new, late, self._cuts))

    def _interrupt_status(self, operation, outcome):
        before, after = (int.from_bytes(value, "little") for value in (operation.before, operation.after))
        mask = {BEFORE: 0, EARLY: 0, LATE: -1}.get(outcome)
        if mask is None:
            mask = self.rng.getrandbits(24)
        self.store.status[:] = (before & ~mask | after & mask).to_bytes(3, "little")
        self._status_mix = (before, after, outcome == LATE) if outcome in (LATE, EARLY) else None

    def stick(self, address, bit, level):
        """Fault: bit 0..7 of the octet at `address` reads as `level` for ever."""
        page, mask = address // PAGE, 1 << 8 * (address % PAGE) + bit
        low, high = self.stuck.get(page, (ONES, 0))
        self.stuck[page] = (low, high | mask) if level else (low & ~mask, high)

    def rot(self, address, bit):
        """Fault: bit 0..7 of the octet at `address` changes by itself."""
        octet = self.store.read(address, 1)[0]
        self.store.write(address, bytes((octet ^ 1 << bit,)))


# Shares are of 64: how many of the changed bits read as changed.
WHOLE = 64
SHARES = (0, 1, 32, 32, 63, 63, 64, 64, 64, 64)  # of an operation that was nearly complete
SHARES_TORN = (None, 32, 1, 32, 32)
MOOD_SWING = 1 / 8  # of the reads


def _mask(share, rng, bits=PAGE_BITS):
    """Random bits, `share` of 64 of them ones."""
    if share == WHOLE:
        return (1 << bits) - 1
    if share > WHOLE // 2:
        return (1 << bits) - 1 ^ _mask(WHOLE - share, rng, bits)
    if share == 0:
        return 0
    mask = rng.getrandbits(bits)
    while share < WHOLE // 2:
        mask &= rng.getrandbits(bits)
        share *= 2
    return mask


def _and(one, other):
    size = len(one)
    return (int.from_bytes(one, "little") & int.from_bytes(other, "little")).to_bytes(size, "little")


def _page_bits(page, address, data):
    """The octets of `data`, which begins at `address`, that lie in `page`; ones around them."""
    begin, end = page * PAGE, (page + 1) * PAGE
    first, last = max(begin, address), min(end, address + len(data))
    part = data[first - address : last - address]
    return int.from_bytes(b"\xff" * (first - begin) + bytes(part) + b"\xff" * (end - last), "little")
