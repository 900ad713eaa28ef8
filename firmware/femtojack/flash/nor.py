"""Driver of the serial NOR flash W25Q128 (Winbond W25Q128JV data sheet; sections are its).

What takes the chip time is a *script*: a generator that yields the milliseconds to wait before it goes on, and returns
whether all went well. At boot `run` waits with the board's wait_ms; later a step resumes it with a timer. Reading takes
no time. The chip goes on with what it does when a script is dropped; `begin` waits for it.

Writing below layout.PROTECTED is refused twice: here, and by the chip, whose status registers are locked by WP#.
"""

from micropython import const

from femtojack.flash.layout import CHIP, COPIES, PAGE, PROTECTED, SECTOR

_JEDEC_ID = const(0x9F)  # 8.1.2, table of instructions
_READ_SFDP = const(0x5A)
_READ_DATA = const(0x03)
_PAGE_PROGRAM = const(0x02)
_SECTOR_ERASE = const(0x20)
_WRITE_ENABLE = const(0x06)
_VOLATILE_ENABLE = const(0x50)
_READ_STATUS = (0x05, 0x35, 0x15)
_WRITE_STATUS = (0x01, 0x31, 0x11)
_RELEASE_POWER_DOWN = const(0xAB)
_ENABLE_RESET = const(0x66)
_RESET = const(0x99)

_W25Q128 = b"\xef\x40\x18"

_SILENCE = const(0xFF)
_BUSY = const(0x01)  # status register 1, 7.1
# What the registers should hold, and of which bits. Register 1: SRP, TB and BP=110: the lower half is protected, and
# the registers while WP# is low. Register 2: not CMP, SRL, or QE, which takes WP# away. Register 3: not WPS.
_WANTED = ((0xB8, 0xFC), (0x00, 0x43), (0x00, 0x04))
# Registers 1 and 2: what stays protected while a copy of the identity is written, 7.1.11 and 7.1.12.
_LOCKED = b"\xb8\x00"
_COPY_0_OPEN = b"\xe4\x40"  # CMP, SEC, TB, BP=001: all but the first sector
_COPIES_OPEN = b"\xb4\x00"  # TB, BP=101: the lower quarter

_PROGRAM_MS = const(6)  # twice the most of 9.6: 3 ms, 400 ms, 15 ms
_ERASE_MS = const(800)
_STATUS_MS = const(30)
_LONGEST_MS = const(4000)  # a block erase that a restart of the firmware left running
_POLL_MS = const(5)


class Nor:
    """The chip behind `port` (femtojack.board, `nor`). `wait_ms` is the board's; `refused` counts what was refused."""

    def __init__(self, port, wait_ms):
        self._spi, self._cs, self._wp = port.spi, port.cs, port.wp
        self._wait_ms = wait_ms
        self._sent = bytearray(PAGE)  # what comes back while a page goes out
        self._back = memoryview(self._sent)
        self._open = None  # (start, end) below PROTECTED that may be written
        self.refused = 0

    # -- scripts ------------------------------------------------------------------------------------------------------

    def run(self, script):
        """Run `script` to its end, waiting as it asks; at boot and in block devices only. Returns its result."""
        while True:
            try:
                ms = next(script)
            except StopIteration as stop:
                return stop.value
            self._wait_ms(ms)

    def begin(self):
        """Wake the chip, know it, lock its lower half (`protected` tells). False: it is not there, or is another."""
        return self.run(self._begin())

    def _begin(self):
        self._wp.value(0)
        if self._status(0) == _SILENCE:  # in power-down it answers nothing
            self._command(_RELEASE_POWER_DOWN)
            yield 1
        if self._status(0) & _BUSY:  # with what it did before the firmware began again
            yield from self._finish(_LONGEST_MS, _POLL_MS)
        self._command(_ENABLE_RESET)
        self._command(_RESET)
        yield 1
        known = self._is_known()
        if known and not self.protected:
            yield from self._protect()
        return known

    def program(self, address, data):
        """Script: one page program, which must not reach over the end of a page. Nothing is verified."""
        if not self._may_write(address, len(data)):
            return False
        n = min(len(data), PAGE - address % PAGE)
        self._command(_WRITE_ENABLE)
        self._cs.value(0)
        self._exchange(_at(_PAGE_PROGRAM, address))
        self._spi.write_readinto(memoryview(data)[:n], self._back[:n])
        self._cs.value(1)
        return (yield from self._finish(_PROGRAM_MS, 1))

    def write(self, address, data):
        """Script: program `data`, over as many pages as it wants, and read it back. False: it does not read so."""
        if not self._may_write(address, len(data)):
            return False
        view = memoryview(data)
        done = 0
        while done < len(view):
            n = min(len(view) - done, PAGE - (address + done) % PAGE)
            if not (yield from self.program(address + done, view[done : done + n])):
                return False
            done += n
        return self.holds(address, data)

    def erase(self, address):
        """Script: erase the sector at `address`. Nothing is verified."""
        if address % SECTOR or not self._may_write(address, SECTOR):
            return False
        self._command(_WRITE_ENABLE)
        self._command(_SECTOR_ERASE, address)
        return (yield from self._finish(_ERASE_MS, _POLL_MS))

    def _finish(self, most_ms, poll_ms):
        """Script: until the chip has done; False if it has not in `most_ms`."""
        for _ in range(0, most_ms, poll_ms):
            yield poll_ms
            if not self._status(0) & _BUSY:
                return True
        return False

    # -- reading ------------------------------------------------------------------------------------------------------

    def read(self, address, buf):
        """Fill `buf` from `address` on."""
        self._cs.value(0)
        self._exchange(_at(_READ_DATA, address))
        self._spi.write_readinto(buf, buf)
        self._cs.value(1)

    def holds(self, address, data):
        """Whether the octets at `address` are `data`."""
        found = bytearray(len(data))
        self.read(address, found)
        return found == data

    def is_blank(self, address, size=SECTOR):
        """Whether the chip reads as erased there."""
        return self.holds(address, b"\xff" * size)

    def _is_known(self):
        """The chip by its id, and its size and erase instruction by SFDP (JESD216 6.4)."""
        if self._answer(b"\x9f", 3) != _W25Q128:
            return False
        header = self._sfdp(0, 16)
        if header[:4] != b"SFDP":
            return False
        table = self._sfdp(header[12] | header[13] << 8 | header[14] << 16, 8)
        bits = table[4] | table[5] << 8 | table[6] << 16 | table[7] << 24
        return bits == CHIP * 8 - 1 and table[0] & 3 == 1 and table[1] == _SECTOR_ERASE

    def _sfdp(self, address, n):
        return self._answer(_at(_READ_SFDP, address) + b"\0", n)

    # -- protection ---------------------------------------------------------------------------------------------------

    def open_identity(self, copy):
        """Let a copy of the identity be written until `close_identity`, or a power cut: only the volatile registers say
        so, and they are locked by WP# meanwhile. False: the chip does not do it."""
        registers = _COPIES_OPEN if copy else _COPY_0_OPEN
        self._set_volatile(registers)
        self._open = COPIES[copy], COPIES[copy] + SECTOR
        return all(self._status(i) & _WANTED[i][1] == registers[i] for i in range(len(registers)))

    def close_identity(self):
        self._open = None
        self._set_volatile(_LOCKED)

    def _set_volatile(self, registers):
        """Registers 1 and 2 in one instruction: between two, the chip would protect something else."""
        self._wp.value(1)
        self._command(_VOLATILE_ENABLE)
        self._answer(bytes((_WRITE_STATUS[0],)) + registers, 0)
        self._wp.value(0)

    @property
    def protected(self):
        """Whether the lower half is locked now."""
        return all(self._status(i) & mask == value for i, (value, mask) in enumerate(_WANTED))

    def _protect(self):
        """Script: set the registers, for good."""
        self._wp.value(1)
        for i in (2, 1, 0):  # the last one locks
            value, mask = _WANTED[i]
            found = self._status(i)
            if found & mask != value:
                self._command(_WRITE_ENABLE)
                self._answer(bytes((_WRITE_STATUS[i], found & ~mask & 0xFC | value)), 0)
                yield from self._finish(_STATUS_MS, _POLL_MS)
        self._wp.value(0)

    def _may_write(self, address, n):
        inside = self._open and self._open[0] <= address and address + n <= self._open[1]
        if inside or PROTECTED <= address <= CHIP - n:
            return True
        self.refused += 1
        return False

    # -- bus ----------------------------------------------------------------------------------------------------------

    def _status(self, i):
        return self._answer(bytes((_READ_STATUS[i],)), 1)[0]

    def _command(self, instruction, address=None):
        self._answer(bytes((instruction,)) if address is None else _at(instruction, address), 0)

    def _answer(self, sent, n):
        """Send `sent` in a frame of its own; returns the n octets that follow."""
        octets = bytearray(n)
        self._cs.value(0)
        self._exchange(sent)
        if n:
            self._spi.write_readinto(octets, octets)
        self._cs.value(1)
        return octets

    def _exchange(self, sent):
        self._spi.write_readinto(sent, self._back[: len(sent)])


def _at(instruction, address):
    return bytes((instruction, address >> 16 & 255, address >> 8 & 255, address & 255))
