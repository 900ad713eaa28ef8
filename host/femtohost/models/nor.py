"""W25Q128FV serial NOR flash: pins, bus, commands, times.

Source: W25Q128FV datasheet, "Instructions" and "AC Electrical Characteristics". The cells behind it are in
nor_silicon.py and nor_cells.py, status registers and protection in nor_status.py, the parameter table in nor_sfdp.py.
Single-line SPI, modes 0 and 3; lines IO2 and IO3 are WP and HOLD here. Not modelled, and Misuse: dual and quad
commands, QPI, security registers, suspend, individual block locks.
"""

from femtohost.clock import MS, SECOND, US
from femtohost.models import nor_status
from femtohost.models.nor_sfdp import sfdp
from femtohost.models.nor_silicon import OUTCOMES, PAGE, RATED_CYCLES, TORN, Silicon

PART = "W25Q128"
MANUFACTURER, DEVICE, JEDEC = 0xEF, 0x17, bytes((0xEF, 0x40, 0x18))
KIB = 1024
SPIN = 64  # equal status reads at one instant

# ns: typical, and the most that it may take (tW, tPP, tSE, tBE1, tBE2, tCE)
STATUS_TIME = (10 * MS, 15 * MS)
PROGRAM_TIME = (700 * US, 3 * MS)
ERASE_TIME = {
    4 * KIB: (45 * MS, 400 * MS),
    32 * KIB: (120 * MS, 1600 * MS),
    64 * KIB: (150 * MS, 2 * SECOND),
    None: (40 * SECOND, 200 * SECOND),
}
RESET_TIME = 30 * US  # tRST
SLEEP_TIME = 3 * US  # tDP, tRES1

WRITE_ENABLE, WRITE_DISABLE, VOLATILE_ENABLE = 0x06, 0x04, 0x50
READ_STATUS = {0x05: 0, 0x35: 1, 0x15: 2}  # command -> register
WRITE_STATUS = {0x01: 0, 0x31: 1, 0x11: 2}
PAGE_PROGRAM = 0x02
ERASE = {0x20: 4 * KIB, 0x52: 32 * KIB, 0xD8: 64 * KIB}
CHIP_ERASE = (0xC7, 0x60)
ENABLE_RESET, RESET = 0x66, 0x99
POWER_DOWN, RELEASE = 0xB9, 0xAB


class W25Q128:
    """One chip on an SPI bus, with power.

    clock: an object whose `now` is ns. misuse: femtohost.misuse.MisuseLog. silicon: what survived the power, by default
    a new chip. unique: the 64-bit unique ID.

    A command is what passes while CS is low; it may come in any number of transfers. WP is low until it is driven.
    `on_operation`: observers `observer(operation)` of each program, erase or status write as it begins: its cells are
    changed already, and `cut` may still leave it otherwise.
    """

    def __init__(self, clock, misuse, silicon=None, unique=b"\xd1\x66\x01\x02\x03\x04\x05\x06"):
        self.clock = clock
        self.silicon = silicon or Silicon()
        self.on_operation = []
        self._misuse = misuse
        self._size = self.silicon.size
        self._sfdp = sfdp(self._size)
        self._cs, self._wp = 1, 0
        # command -> octets before its data, and the data from `offset` on; they repeat as long as CS is low
        self._readers = {
            0x03: (4, self._read_cells), 0x0B: (5, self._read_cells), 0x9F: (1, _repeat(JEDEC)),
            0x90: (4, self._read_maker), RELEASE: (4, _repeat(bytes((DEVICE,)))), 0x4B: (5, _repeat(unique)),
            0x5A: (5, self._read_parameters),
        } | {command: (1, self._status_reader(register)) for command, register in READ_STATUS.items()}  # fmt: skip
        # command -> what happens when CS rises
        self._actions = {
            WRITE_ENABLE: self._enable, WRITE_DISABLE: self._disable, VOLATILE_ENABLE: self._enable_volatile,
            PAGE_PROGRAM: self._program, ENABLE_RESET: self._enable_reset, RESET: self._reset,
            POWER_DOWN: self._sleep, RELEASE: self._wake,
        }  # fmt: skip
        self._actions |= dict.fromkeys(WRITE_STATUS, self._write_status)
        self._actions |= dict.fromkeys(ERASE, self._erase) | dict.fromkeys(CHIP_ERASE, self._erase_chip)
        self.power_up()

    # -- power --------------------------------------------------------------------------------------------------------

    def power_up(self):
        """Power comes: what is volatile is as after a reset. The processor starts later than tPUW."""
        self.powered = True
        self.status = bytearray(nor_status.loaded(self.silicon.power_up()))
        self._restart()
        self._operation = None
        self._until = self._ready_at = self.clock.now

    def cut(self, outcome=None):
        """Power goes. An operation under way is left as `outcome` says (nor_silicon.OUTCOMES; by default any)."""
        if self.busy:
            self.silicon.interrupt(self._operation, outcome or self.silicon.rng.choice(OUTCOMES))
        self.powered = False
        self._operation = None

    def finish(self):
        """Whatever is under way ends well, at once: its power stays."""
        self._operation = None
        self._write_enabled = False

    def _restart(self):
        self._frame = bytearray()
        self._length = 0
        self._refused = False
        self._write_enabled = self._volatile_enabled = self._reset_enabled = self._asleep = False
        self._last_poll = None

    @property
    def settings(self):
        """(the status registers, the level of WP): what the chip goes by until its power goes; `resume` takes them."""
        return bytes(self.status), self._wp

    def resume(self, settings):
        """Go by the `settings` of another chip."""
        self.status[:], self._wp = settings

    # -- pins ---------------------------------------------------------------------------------------------------------

    def cs(self, level):
        """Chip select: 0 selects; its rising edge executes the command."""
        level = int(bool(level))
        if level == self._cs:
            return
        self._cs = level
        if not level:
            self._frame.clear()
            self._length = 0
            self._refused = False
        elif self.powered and self._length and not self._refused:
            self._execute()

    def wp(self, level):
        """Write protect: 0 keeps the status registers from being written, where SRP0 asks for it."""
        self._wp = int(bool(level))

    def transfer(self, tx, rx):
        """Clock the octets of `tx` in and fill `rx`, as long, with what DO shows (0xFF when it is not driven)."""
        size = len(tx)
        if not self.powered or self._cs or not size:
            if self.powered and self._cs:
                self._breach("Chip Select", "transfer while CS is high")
            rx[:] = b"\xff" * size
            return
        begin = self._length
        if begin == 0:
            self._refused = not self._accepts(tx[0])
        self._length += size
        reader = None if self._refused else self._readers.get(self._frame[0] if begin else tx[0])
        if reader is None or begin < reader[0]:
            self._frame += tx
        rx[:] = b"\xff" * size if reader is None else self._shift_out(*reader, begin, size)

    def _shift_out(self, head, read, begin, size):
        silent = min(max(head - begin, 0), size)
        if silent == size:
            return b"\xff" * size
        return b"\xff" * silent + read(begin + silent - head, size - silent)

    # -- what it listens to -------------------------------------------------------------------------------------------

    def _breach(self, section, text):
        self._misuse.report(PART, section, text)

    @property
    def busy(self):
        """Whether an operation is under way."""
        if self._operation is not None and self.clock.now >= self._until:
            self._operation = None
            self._write_enabled = False
        return self._operation is not None

    @property
    def busy_until(self):
        """When the last operation ends or ended, ns."""
        return self._until

    def _accepts(self, command):
        if command not in self._readers and command not in self._actions:
            self._breach("Instruction Set", f"command {command:02X}h: there is none, or it is not modelled")
            return False
        if self.clock.now < self._ready_at:
            self._breach("tRST, tDP, tRES1", f"command {command:02X}h before the last one has taken effect")
            return False
        if self._asleep and command != RELEASE:
            self._breach("Power-down (B9h)", f"command {command:02X}h in power-down")
            return False
        if self.busy and command not in READ_STATUS and command not in (ENABLE_RESET, RESET):
            self._breach("BUSY", f"command {command:02X}h while an operation is under way")
            return False
        return True

    def _execute(self):
        command = self._frame[0]
        reset_enabled, self._reset_enabled = self._reset_enabled, False
        if command == RESET and not reset_enabled:
            self._breach("Reset (99h)", "without Enable Reset (66h) right before")
            return
        action = self._actions.get(command)
        if action:
            action()

    def _length_is(self, section, octets):
        """Whether CS rose after exactly `octets`; else the command is not executed."""
        if self._length == octets:
            return True
        self._breach(section, f"CS rose after {self._length} octets, not {octets}")
        return False

    def _address(self):
        return int.from_bytes(self._frame[1:4], "big") % self._size

    # -- reading ------------------------------------------------------------------------------------------------------

    def _read_cells(self, offset, size):
        address = (self._address() + offset) % self._size
        data = self.silicon.read(address, min(size, self._size - address))
        while len(data) < size:
            data += self.silicon.read(0, min(size - len(data), self._size))
        return data

    def _read_maker(self, offset, size):
        pair = bytes((MANUFACTURER, DEVICE))
        return _repeat(pair[::-1] if self._address() & 1 else pair)(offset, size)

    def _read_parameters(self, offset, size):
        return _repeat(self._sfdp)(self._address() + offset, size)

    def _status_reader(self, register):
        def read(offset, size):
            return bytes((self._status(register),)) * size

        return read

    def _status(self, register):
        value = self.status[register]
        if register == 0:
            value = value & ~3 | (nor_status.BUSY if self.busy else 0)
            value |= nor_status.WEL if self._write_enabled else 0
        self._watch_spinning(register, value)
        return value

    def _watch_spinning(self, register, value):
        poll = (self.clock.now, register, value)
        self._equal_polls = self._equal_polls + 1 if poll == self._last_poll else 1
        self._last_poll = poll
        if self._equal_polls == SPIN:
            self._breach("Board contract", f"{SPIN} equal reads of the status while time stands still")

    # -- enabling, reset, sleep ---------------------------------------------------------------------------------------

    def _enable(self):
        if self._length_is("Write Enable (06h)", 1):
            self._write_enabled = True

    def _disable(self):
        if self._length_is("Write Disable (04h)", 1):
            self._write_enabled = False

    def _enable_volatile(self):
        self._volatile_enabled = self._length_is("Write Enable for Volatile Status Register (50h)", 1)

    def _enable_reset(self):
        self._reset_enabled = self._length_is("Enable Reset (66h)", 1)

    def _reset(self):
        if not self._length_is("Reset (99h)", 1):
            return
        if self.busy:
            self._breach("Reset (99h)", "while an operation is under way: its data are corrupt")
            self.silicon.interrupt(self._operation, TORN)
        self._operation = None
        self.status[:] = nor_status.loaded(self.silicon.power_up())
        self._restart()
        self._ready_at = self.clock.now + RESET_TIME

    def _sleep(self):
        if self._length_is("Power-down (B9h)", 1):
            self._asleep = True
            self._ready_at = self.clock.now + SLEEP_TIME

    def _wake(self):
        if self._asleep:
            self._asleep = False
            self._ready_at = self.clock.now + SLEEP_TIME

    # -- operations ---------------------------------------------------------------------------------------------------

    def _may_write(self, section, begin, end):
        """Whether a program or erase of the octets begin..end is executed."""
        if not self._write_enabled:
            self._breach(section, "without Write Enable (06h)")
            return False
        first, last = nor_status.protected(self.status, self._size)
        if begin < last and first < end:
            there = f"{first:#08x}..{last - 1:#08x}"
            self._breach(section, f"{begin:#08x}..{end - 1:#08x} reaches into what is protected, {there}")
            return False
        return True

    def _begin(self, operation, times, wear=0.0):
        """An operation starts. It takes longer the more its sector is worn."""
        typical, most = times
        self._operation = operation
        self._until = self.clock.now + typical + round((most - typical) * min(wear, 1.0))
        for observer in self.on_operation:
            observer(operation)

    def _program(self):
        section = "Page Program (02h)"
        if self._length < 5:
            self._breach(section, f"CS rose after {self._length} octets: no data")
            return
        address = self._address()
        page = address - address % PAGE
        if self._may_write(section, page, page + PAGE):
            begin, data = self._wrapped(address - page)
            self._warn_of_ones(page + begin, data)
            self._begin(self.silicon.program(page + begin, data), PROGRAM_TIME)

    def _wrapped(self, offset):
        """(first offset in the page, data) of what came: at the end of the page it goes on at its start."""
        data = bytes(self._frame[4:])
        if offset + len(data) <= PAGE:
            return offset, data
        page = bytearray(b"\xff" * PAGE)
        for i in range(max(len(data) - PAGE, 0), len(data)):
            page[(offset + i) % PAGE] = data[i]
        return 0, bytes(page)

    def _warn_of_ones(self, address, data):
        there = self.silicon.store.read(address, len(data))
        if address // PAGE in self.silicon.unstable:
            return
        ones = int.from_bytes(data, "little") & ~int.from_bytes(there, "little")
        if ones:
            at = address + ((ones & -ones).bit_length() - 1) // 8
            self._breach("Page Program (02h)", f"a 1 over a 0 at {at:#08x}: only an erase sets bits")

    def _erase(self):
        size = ERASE[self._frame[0]]
        section = f"Erase ({self._frame[0]:02X}h)"
        if not self._length_is(section, 4):
            return
        begin = self._address() // size * size
        if self._may_write(section, begin, begin + size):
            self._start_erase(begin, size, ERASE_TIME[size])

    def _erase_chip(self):
        section = f"Chip Erase ({self._frame[0]:02X}h)"
        if self._length_is(section, 1) and self._may_write(section, 0, self._size):
            self._start_erase(0, self._size, ERASE_TIME[None])

    def _start_erase(self, begin, size, times):
        operation = self.silicon.erase(begin, size)
        wear = (self.silicon.store.cycles[begin // (4 * KIB)] - 1) / RATED_CYCLES
        self._begin(operation, times, wear)

    def _write_status(self):
        command = self._frame[0]
        register, section = WRITE_STATUS[command], f"Write Status Register ({command:02X}h)"
        volatile, self._volatile_enabled = self._volatile_enabled, False
        values = self._frame[1:]
        if not 1 <= len(values) <= (2 if command == 0x01 else 1):
            self._breach(section, f"CS rose after {self._length} octets")
        elif not volatile and not self._write_enabled:
            self._breach(section, "without Write Enable (06h or 50h)")
        elif nor_status.locked(self.status, self._wp):
            self._breach(section, "the registers are locked (SRP1, SRP0 and WP)")
        else:
            self._take_status(register, values, volatile)

    def _take_status(self, register, values, volatile):
        wanted = bytearray(self.status)
        wanted[register : register + len(values)] = values
        new = nor_status.merged(self.status, wanted)
        if nor_status.bit(new, nor_status.WPS):
            self._breach("Write Status Register", "WPS: individual block locks are not modelled")
        self.status[:] = new
        if not volatile:
            self._begin(self.silicon.write_status(new), STATUS_TIME)


def _repeat(octets):
    """A reader of `octets`, over and over."""

    def read(offset, size):
        offset %= len(octets)
        times = (offset + size) // len(octets) + 1
        return (octets * times)[offset : offset + size]

    return read
