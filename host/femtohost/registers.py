"""Declared registers of a chip: what each bit is, what it resets to, and what software may do to it.

A register is declared with a layout such as "PCME 5, PCMF 4:3, PCMT 2 ?, LFS 6:4 r": a field, its bits, and
marks. No mark means read and write; `r` read-only, `c` cleared by writing 1, `t` trigger (reads as 0), `?` kept
but not modelled. Bits without a field are reserved. The reset is a string of bits, `x` = undefined.
"""

from dataclasses import dataclass

_ACCESS = {"r": "ro", "c": "w1c", "t": "trigger"}


@dataclass(frozen=True)
class Field:
    """Bits `high`..`low` of a register; `access` is rw, ro, w1c or trigger."""

    name: str
    high: int
    low: int
    access: str = "rw"
    modelled: bool = True

    @property
    def mask(self):
        return (1 << self.high + 1) - (1 << self.low)


@dataclass(frozen=True)
class Register:
    """One register: `reset` and `undefined` are values, `fields` a tuple of Field."""

    address: int
    name: str
    reset: int
    undefined: int
    fields: tuple

    def bits(self, access):
        return sum(field.mask for field in self.fields if field.access == access)

    @property
    def reserved(self):
        return ~sum(field.mask for field in self.fields)


def register(address, name, reset, layout):
    """Declare a Register; see the head of this file for `reset` and `layout`."""
    known = int(reset.replace("x", "0"), 2)
    undefined = int("".join("1" if bit == "x" else "0" for bit in reset), 2)
    return Register(address, name, known, undefined, tuple(_field(text) for text in layout.split(",")))


def _field(text):
    name, bits, *marks = text.split()
    high, _, low = bits.partition(":")
    marks = "".join(marks)
    access = _ACCESS.get(marks.replace("?", ""), "rw")
    return Field(name, int(high), int(low or high), access, "?" not in marks)


class RegisterFile:
    """The values of a table of registers and the rules of access to them.

    `rng` (numpy Generator) fills undefined bits. `unmodelled` is the set of the fields, as "register.FIELD", that
    software took away from their reset though no model stands behind them.
    """

    def __init__(self, table, part, misuse, rng):
        self._registers = {r.address: r for r in table}
        self._fields = {f.name: (r.address, f) for r in table for f in r.fields}
        if len(self._fields) != sum(len(r.fields) for r in table):
            raise ValueError(f"{part}: a field name stands twice")
        self._reserved = {r.address: r.reserved for r in table}
        self._access = {r.address: {a: r.bits(a) for a in ("rw", "ro", "w1c", "trigger")} for r in table}
        self._part = part
        self._misuse = misuse
        self._rng = rng
        self.values = {}
        self.unmodelled = set()
        self.reset()

    def reset(self):
        """Every register to its reset; what is undefined gets random bits."""
        for r in self._registers.values():
            self.values[r.address] = r.reset | int(self._rng.integers(1 << 16)) & r.undefined

    def read(self, address):
        """What software sees; Misuse and 0 where there is no register."""
        if address not in self._registers:
            self._misuse.report(self._part, f"reg {address}", "read of a register that does not exist")
            return 0
        return self.values[address]

    def write(self, address, value):
        """Write as software does. Returns (old, new), or None where there is no register.

        Reserved bits of a register with w1c fields may be written: clearing everything with all ones is usual.
        """
        if address not in self._registers:
            self._misuse.report(self._part, f"reg {address}", f"write of {value:#04x}: no such register")
            return None
        bits = self._access[address]
        if value & self._reserved[address] and not bits["w1c"]:
            self._misuse.report(self._part, f"reg {address}", f"write of {value:#04x} sets reserved bits")
        old = self.values[address]
        new = old & bits["ro"] | value & bits["rw"] | old & ~value & bits["w1c"]
        self.values[address] = new
        self._note_unmodelled(self._registers[address], new)
        return old, new

    def _note_unmodelled(self, r, value):
        for field in r.fields:
            if not field.modelled and (value ^ r.reset) & field.mask & ~r.undefined:
                self.unmodelled.add(f"{r.address}.{field.name}")

    def get(self, name):
        """Value of the field `name`."""
        address, field = self._fields[name]
        return (self.values[address] & field.mask) >> field.low

    def set(self, name, value):
        """Set the field `name` from the side of the hardware, whatever its access."""
        address, field = self._fields[name]
        self.values[address] = self.values[address] & ~field.mask | value << field.low & field.mask
