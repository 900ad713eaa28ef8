"""Si3210 subscriber line interface: pins, SPI, register access, indirect access, interrupts.

Source: Si3210/Si3211 datasheet rev 1.61. The parts behind the registers are in slic_feed.py (battery, linefeed, loop
monitor, calibration), slic_tones.py (ringing and tone generators) and slic_audio.py (voice path, DTMF receiver).
"""

from femtohost.clock import US
from femtohost.models.slic_audio import Audio
from femtohost.models.slic_feed import Calibration, Feed, Supply
from femtohost.models.slic_registers import DIRECT, INDIRECT, MUST_BE_WRITTEN
from femtohost.models.slic_tones import Oscillator, Ringing
from femtohost.registers import RegisterFile

PART = "Si3210"
REVISION_C = 3  # reg 0 RNI
READ = 0x80  # of the command octet
INDIRECT_UPDATE = 62_500  # ns: indirect registers are served at 16 kHz
SPIN = 64  # equal reads of one register at one instant
TIMER_UNIT = 125 * US


class Si3210:
    """One chip on an SPI bus, a PCM bus and a line.

    clock: femtohost.clock.Clock. misuse: femtohost.misuse.MisuseLog. rng: numpy Generator, fills what is undefined
    after reset. line: femtohost.models.line.Line. on_interrupt: called, without arguments, when the pin falls.

    The SPI frame is two octets, command and data. Both may come while CS is low once, or each in its own low span;
    the order command, data is kept over the gap. The chip starts in reset with CS high.
    """

    def __init__(self, clock, misuse, rng, line, on_interrupt=lambda: None):
        self.clock = clock
        self.rng = rng
        self.line = line
        self._misuse = misuse
        self._on_interrupt = on_interrupt
        self._cs = 1
        self._running = False
        self._served = None
        self._registers = RegisterFile(DIRECT, PART, misuse, rng)
        self.supply = Supply(self)
        self.feed = Feed(self)
        self.ringing = Ringing(self)
        self.calibration = Calibration(self)
        self.oscillators = (Oscillator(self, 1), Oscillator(self, 2))
        self.audio = Audio(self)
        self._readers = self.supply.readers | self.feed.readers
        self._writers = {
            0: self._select_spi_mode,
            14: self.supply.switch,
            28: self._note_data,
            29: self._note_data,
            30: self._start_indirect,
            32: self.oscillators[0].control,
            33: self.oscillators[1].control,
            64: self.feed.ask,
            92: self.supply.note_period,
            96: self.calibration.control,
        }
        line.observers.append(self.feed.update)
        self._reset_registers()

    # pins

    def cs(self, level):
        """Chip select: 0 selects; its falling edge begins an octet."""
        if self._cs and not level:
            self._octets = 0
        self._cs = level

    def reset(self, level):
        """Reset pin: 0 = in reset."""
        if not level and self._running:
            self._reset_registers()
        self._running = bool(level)

    def int_level(self):
        """Level of the interrupt pin: 0 while an enabled interrupt is pending."""
        return self._int_level

    def transfer(self, tx, rx):
        """Clock the octets of `tx` in and fill `rx`, of equal length, with what SDO shows (0xFF when released)."""
        rx[:] = b"\xff" * len(tx)
        if self._cs:
            self.breach("SPI 2.10", "transfer while CS is high")
        elif not self._running:
            self.breach("SPI 2.10", "access in reset")
        else:
            for i, octet in enumerate(tx):
                rx[i] = self._clock_octet(octet)

    def _clock_octet(self, octet):
        self._octets += 1
        if self._octets == 3:
            self.breach("SPI 2.10", "a second frame without a falling edge of CS")
        if self._command is None:
            self._command = octet
            return 0xFF
        command, self._command = self._command, None
        if command & READ:
            return self._read(command & 0x7F)
        self._write(command, octet)
        return 0xFF

    # for the parts of this chip

    def breach(self, section, text):
        """Record a Misuse."""
        self._misuse.report(PART, section, text)

    def get(self, name):
        return self._registers.get(name)

    def set(self, name, value):
        self._registers.set(name, value)

    def timer(self, stem):
        """A 16-bit timer in ns."""
        return (self.get(stem + "H") << 8 | self.get(stem + "L")) * TIMER_UNIT

    def interrupt(self, name):
        """Latch an interrupt."""
        self.set(name, 1)
        self._update_interrupt()

    @property
    def unmodelled(self):
        """The fields that software set although no model stands behind them, as "register.FIELD"."""
        return self._registers.unmodelled

    @property
    def unwritten(self):
        """Names of the indirect registers that must be written and are not."""
        return [f"{INDIRECT[a]} ({a})" for a in MUST_BE_WRITTEN if a not in self._written]

    # registers

    def _reset_registers(self):
        self._registers.reset()
        self.set("PNI", 0)
        self.set("RNI", REVISION_C)
        self._command = None
        self._octets = 0
        self._written = set()
        self.indirect = {name: int(self.rng.integers(1 << 16)) for name in INDIRECT.values()}
        self._data_written = False
        self._last_read = None
        self._int_level = 1
        if self._served:
            self._served.cancel()
        for part in (self.supply, self.feed, self.ringing, self.calibration, *self.oscillators, self.audio):
            part.reset()

    def _read(self, address):
        if address in (28, 29) and self.get("IAS"):
            self.breach("indirect registers", f"read of reg {address} while IAS = 1")
        reader = self._readers.get(address)
        if reader:
            reader()
        value = self._registers.read(address)
        self._watch_spinning(address, value)
        return value

    def _watch_spinning(self, address, value):
        read = (self.clock.now, address, value)
        self._equal_reads = self._equal_reads + 1 if read == self._last_read else 1
        self._last_read = read
        if self._equal_reads == SPIN:
            self.breach("Board contract", f"{SPIN} equal reads of reg {address} while time stands still")

    def _write(self, address, value):
        self._last_read = None
        if address in (28, 29, 30) and self.get("IAS"):
            self.breach("indirect registers", f"write of reg {address} while IAS = 1")
            return
        written = self._registers.write(address, value)
        if written is None:
            return
        writer = self._writers.get(address)
        if writer:
            writer(*written)
        self._update_interrupt()
        self.feed.update()
        self.audio.refresh()

    def _select_spi_mode(self, old, new):
        if self.get("SPIDC"):
            self.breach("reg 0 SPIDC", "SPI daisy chain is not modelled")

    def _update_interrupt(self):
        values = self._registers.values
        level = 0 if values[18] & values[21] | values[19] & values[22] | values[20] & values[23] else 1
        falls = level < self._int_level
        self._int_level = level
        if falls:
            self._on_interrupt()

    # indirect registers: 28, 29, 30 writes; 30 alone reads

    def _note_data(self, old, new):
        self._data_written = True

    def _start_indirect(self, old, address):
        writes, self._data_written = self._data_written, False
        if address not in INDIRECT:
            self.breach("indirect registers", f"indirect register {address} does not exist")
            return
        self.set("IAS", 1)
        update = (self.clock.now // INDIRECT_UPDATE + 1) * INDIRECT_UPDATE
        self._served = self.clock.at(update, lambda: self._serve_indirect(address, writes))

    def _serve_indirect(self, address, writes):
        self._served = None
        name = INDIRECT[address]
        if writes:
            self.indirect[name] = self.get("IDAH") << 8 | self.get("IDAL")
            self._written.add(address)
            self.feed.update()
            self.audio.refresh()
        else:
            self.set("IDAL", self.indirect[name] & 0xFF)
            self.set("IDAH", self.indirect[name] >> 8)
        self.set("IAS", 0)
        self.interrupt("INDP")

    # faults, and the PCM bus

    def overheat(self, transistor):
        """Fault: the power of transistor 1..6 passes its threshold; opens the line where AOPN asks for it."""
        self.interrupt(f"Q{transistor}AP")
        if self.get("AOPN"):
            self.feed.force_open()

    def pcm_block(self, rx):
        """The last 10 ms of the PCM bus, called at their end: int16[80] in, a new int16[80] captured out."""
        return self.audio.block(rx)
