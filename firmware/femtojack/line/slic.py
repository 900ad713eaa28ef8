"""Driver of the Silicon Labs Si3210 ProSLIC: one analog telephone line.

Source: Si3210/Si3211 datasheet, rev. 1.61: serial interface, indirect registers, register descriptions; the order of
power-up and the values of the indirect registers are those proven in the field by analog cards with this chip.

All work that takes time is a script: a generator that yields the milliseconds until it wants to go on.
"""

from micropython import const

from femtojack.line.cadence import Cadence
from femtojack.line.tones import OSCILLATOR, RINGER
from femtojack.ticks import Timer, earlier

# -- Direct registers, in address order; bits under their register ------------------------------------------------
_ID = const(0)
_ID_REVISION = const(0x0F)
_PCM_MODE = const(1)
_PCM_MASK = const(0x3F)
_PCM_ON_LINEAR = const(0x38)  # PCME, PCMF = 11: 16-bit linear
_PCM_SLOT = const(2)  # 2, 3: transmit start; 4, 5: receive start, in PCLKs after FSYNC
_LOOPBACK = const(8)
_IMPEDANCE = const(10)
_TISE = const(0x08)
_HYBRID = const(11)
_POWER_DOWN_1 = const(14)
_DCOF = const(0x10)
_INT_STATUS_1 = const(18)
_INT_STATUS_2 = const(19)
_LCIP = const(0x02)
_RTIP = const(0x01)
_QALARMS = const(0xFC)
_INT_STATUS_3 = const(20)
_DTMFP = const(0x01)
_INT_ENABLE_2 = const(22)
_INT_ENABLE_3 = const(23)
_DTMF_STATUS = const(24)
_VAL = const(0x10)
_DIG = const(0x0F)
_IDA_LOW = const(28)
_IDA_HIGH = const(29)
_IAA = const(30)
_IAS = const(31)
_OSC1_CONTROL = const(32)
_OSC2_CONTROL = const(33)
_OSC_TO_LINE = const(0x06)  # OnE, OnSO = 10: receive path
_LINEFEED = const(64)
_BATTERY_FEED = const(66)
_TRACK = const(0x01)
_AUTOMATIC = const(67)
_AUTO_HOOK = const(0x07)  # AORD, AOLD, AOPN
_LOOP_STATUS = const(68)
_LCR = const(0x01)
_RING_TRIP_DEBOUNCE = const(70)
_LOOP_CURRENT_LIMIT = const(71)
_COMMON_MODE = const(73)
_VBATH = const(74)
_VBATS1 = const(82)
_PWM_PERIOD = const(92)
_DCDC_DELAY = const(93)
_DCDC_ON = const(0x19)
_DCCAL = const(0x80)
_CALIBRATION_1 = const(96)
_CAL_ALL = const(0x5F)  # CAL and every converter of this register
_CALIBRATION_2 = const(97)
_CAL_MONITORS = const(0x1F)
_DC_PEAK_RESULT = const(107)
_ENHANCEMENT = const(108)
_ENHANCED = const(0xEB)

# -- Linefeed states, reg 64 LF -----------------------------------------------------------------------------------
OPEN = const(0)
FORWARD_ACTIVE = const(1)
ON_HOOK_TRANSMISSION = const(2)
RINGING = const(4)

# -- Indirect registers, 0..43: undefined after reset, so every one is written --------------------------------------
_INDIRECT = (  # RCO, RNGX and NRTP are the country's
    # 0..12: DTMF receiver thresholds: rows, column, twists, second harmonics, least power, hot limit
    0x55C2, 0x51E6, 0x4B85, 0x4937, 0x3333, 0x0202, 0x0202, 0x0198, 0x0198, 0x0611, 0x0202, 0x00E5, 0x0A1C,
    # 13..18: OSC1, OSC1X, OSC1Y, OSC2, OSC2X, OSC2Y
    0x7B30, 0x0063, 0x0000, 0x7870, 0x007D, 0x0000,
    # 19..25: ROFF, RCO, RNGX, RNGY, PLSD, PLSX, PLSCO
    0x0000, 0x7EFD, 0x0177, 0x0000, 0x2000, 0x2000, 0x0000,
    # 26, 27: DACG, ADCG, 0 dB
    0x4000, 0x4000,
    # 28..31: LCRT 10.2 mA, RPTP 34.3 mA, CML, CMH
    0x1000, 0x3600, 0x1000, 0x0200,
    # 32..34: power alarm thresholds of Q1 Q2, Q3 Q4, Q5 Q6
    0x07C0, 0x2600, 0x1B80,
    # 35..39: low-pass filters of loop closure, ring trip, and the transistors' power
    0x8000, 0x0320, 0x008C, 0x0100, 0x0010,
    # 40..43: VCMR, VMIND, DC-DC, LCRTL
    0x0C00, 0x0C00, 0x1000, 0x1000,
)  # fmt: skip
_OSC1 = const(13)
_OSC2 = const(16)
_RCO = const(20)
_RNGX = const(21)
_NCLR = const(35)
_NRTP = const(36)
_FILTERS = const(5)  # 35..39
_FLUSH = const(0x8000)

# -- Figures ------------------------------------------------------------------------------------------------------
_READ = const(0x80)
_RESET_MS = const(2)
_INDIRECT_TRIES = const(10)
_BATTERY_UP = const(0xC7)  # 74.8 V at 0.376 V: 96 % of what is asked for
_BATTERY_MS = const(500)
_BATTERY_LEAK = const(6)
_LEAK_MS = const(500)
_LEAK_POLL_MS = const(50)
_VBATH_78V = const(52)  # 1.5 V a step: 70 V of ringing and 7.5 V of overhead
_ILIM_20MA = const(0)
_VCM_6V = const(4)
_CALIBRATION_MS = const(600)
_POLL_MS = const(10)
_PROBE_MS = const(50)  # loop closure and its debounce
_WATCH_MS = const(1000)
_TRIPPED_MS = const(100)  # after a ring trip: loop closure and its debounce
_RETRY_MS = const(5000)
_DTMF_KEYS = "D1234567890*#ABC"  # reg 24 DIG


class Slic:
    """One Si3210. `port` is told what happens: `line_up(closed, now)`, `line_down(now)`, `loop(closed, now)`,
    `ring_trip(now)`, `digit(key, now)`.

    `up` is true between bring-up and loss. A chip that does not answer, or that has forgotten what it was told, is
    brought up again every few seconds; the rest of the box goes on.
    """

    def __init__(self, board, country, port):
        self._spi = board.spi_slic
        self._cs = board.cs_slic
        self._reset = board.reset_slic
        self._int = board.int_slic
        self._trace = board.trace
        self._country = country
        self._port = port
        self._octet = bytearray(1)
        self._answer = bytearray(1)
        self._cadence = Cadence()
        self._voices = 0  # oscillators of the present tone
        self._script = None
        self._script_timer = Timer()
        self._watch = Timer()
        self._begun = False
        self._calibrated = self._was_open = False
        self._reported = False  # loop closure, as the port knows it
        self._image = _image(country)
        self.up = False
        self._now = 0

    @property
    def can_ring(self):
        """Ringing wants a calibrated line."""
        return self.up and self._calibrated

    # -- what the port asks for -----------------------------------------------------------------------------------

    def linefeed(self, state):
        """Ask for one of the linefeed states above."""
        self._write(_LINEFEED, state)

    def play(self, tone, now):
        """Send `tone` (femtojack.line.tones.Tone) to the line in place of the one before; None: silence."""
        if self.up:
            self._cadence.stop()
            self._oscillators(False)
            self._run(self._load(tone) if tone else None, now)

    def ring(self, now):
        """Ring with the country's cadence until `stop_ringing`."""
        self.play(None, now)
        if self.up:
            self._cadence.start(self._country.ring, self._ring_burst, now)

    def stop_ringing(self):
        self._cadence.stop()
        self.linefeed(FORWARD_ACTIVE)

    # -- time -----------------------------------------------------------------------------------------------------

    def step(self, now):
        """Serve the interrupt, then all that is due."""
        self._now = now
        if self.up and self._int.value() == 0:
            self._interrupt()
        if self._script_timer.due(now):
            self._resume()
        self._cadence.step(now)
        if self._watch.due(now) or not self._begun:
            self._begun = True
            self._check()

    @property
    def deadline(self):
        return earlier(self._script_timer.deadline, earlier(self._cadence.deadline, self._watch.deadline))

    def _run(self, script, now):
        """Start `script` in place of the one that runs."""
        self._now = now
        self._script = script
        self._script_timer.stop()
        self._resume()

    def _resume(self):
        ms = next(self._script, None) if self._script else None
        if ms is not None:
            self._script_timer.start(self._now, ms)

    def _check(self):
        """A chip that is up must still know its PCM mode; one that is down is brought up."""
        if not self.up:
            self._run(self._bring_up(), self._now)
        elif self._read(_PCM_MODE) & _PCM_MASK != _PCM_ON_LINEAR:
            self._lose(b"forgot its registers")
        elif self._may_calibrate():
            self._lose(b"calibration due", 1)
        else:
            self._watch.start(self._now, _WATCH_MS)
            self._report(self._closed())

    def _report(self, closed):
        """Tell the port of the loop, by level: an edge may have come without an interrupt, as in a short ring trip."""
        if closed != self._reported:
            self._reported = closed
            self._port.loop(closed, self._now)

    def _may_calibrate(self):
        """Brought up with the phone off-hook, and it has been on-hook since the last look."""
        if self._calibrated:
            return False
        was_open, self._was_open = self._was_open, not self._closed()
        return was_open and self._was_open

    def _lose(self, reason, retry_ms=_RETRY_MS):
        """The line goes down; bring-up is tried again after `retry_ms`."""
        self._trace("slic.lost", reason)
        self._cadence.stop()
        self._run(None, self._now)
        self._watch.start(self._now, retry_ms)
        if self.up:
            self.up = False
            self._port.line_down(self._now)

    # -- interrupts -----------------------------------------------------------------------------------------------

    def _interrupt(self):
        for status in (_INT_STATUS_1, _INT_STATUS_2, _INT_STATUS_3):
            pending = self._read(status)
            if pending:
                self._write(status, pending)
                self._serve(status, pending)

    def _serve(self, status, pending):
        if status == _INT_STATUS_2:
            self._loop_event(pending)
        elif status == _INT_STATUS_3 and pending & _DTMFP:
            self._digit()

    def _loop_event(self, pending):
        if pending & _QALARMS:
            self._lose(b"power alarm")
            return
        if pending & _RTIP:
            self._reported = True
            self._watch.start(self._now, _TRIPPED_MS)
            self._port.ring_trip(self._now)
        if pending & _LCIP:
            self._was_open = False
            self._report(self._closed())

    def _digit(self):
        decoded = self._read(_DTMF_STATUS)
        if decoded & _VAL:
            self._port.digit(_DTMF_KEYS[decoded & _DIG], self._now)

    def _closed(self):
        return bool(self._read(_LOOP_STATUS) & _LCR)

    # -- tones and ringing ----------------------------------------------------------------------------------------

    def _load(self, tone):
        """Script: the oscillators' coefficients, then the cadence."""
        self._voices = len(tone.frequencies)
        for i, frequency in enumerate(tone.frequencies):
            coefficient, start = OSCILLATOR[frequency]
            first = _OSC2 if i else _OSC1
            yield from self._write_indirect(first, coefficient)
            yield from self._write_indirect(first + 1, start * tone.amplitude >> 8)
            yield from self._write_indirect(first + 2, 0)
        self._cadence.start(tone.cadence, self._oscillators, self._now)

    def _oscillators(self, on):
        self._write(_OSC1_CONTROL, _OSC_TO_LINE if on else 0)
        self._write(_OSC2_CONTROL, _OSC_TO_LINE if on and self._voices == 2 else 0)

    def _ring_burst(self, on):
        self.linefeed(RINGING if on else ON_HOOK_TRANSMISSION)

    # -- bring-up -------------------------------------------------------------------------------------------------

    def _bring_up(self):
        """Script: from reset to forward active, or to `_lose` where the chip does not follow."""
        self._reset.value(0)
        yield _RESET_MS
        self._reset.value(1)
        yield _RESET_MS
        for name, stage in (
            (b"presence", self._presence),
            (b"indirect registers", self._indirect_registers),
            (b"battery", self._battery),
            (b"leak", self._leak),
            (b"battery", self._battery),
            (b"calibration", self._calibration),
            (b"verify", self._verify),
        ):
            good = yield from stage()
            if not good:
                self._lose(name)
                return
            self._trace("slic.stage", name)
        self._activate()

    def _presence(self):
        """Three registers still have their reset values, and the revision is one that was made."""
        yield 1
        return (
            2 <= self._read(_ID) & _ID_REVISION < 15
            and self._read(_LOOPBACK) == 0x02
            and self._read(_HYBRID) == 0x33
            and self._read(_LINEFEED) == OPEN
        )

    def _indirect_registers(self):
        """All of them; the five filters are flushed until the calibration is done."""
        for address, value in enumerate(self._image):
            flushed = _NCLR <= address < _NCLR + _FILTERS
            yield from self._write_indirect(address, _FLUSH if flushed else value)
        self._write(_LOOPBACK, 0)
        self._write(_ENHANCEMENT, _ENHANCED)
        self._write(_AUTOMATIC, _AUTO_HOOK)
        self._write(_BATTERY_FEED, _TRACK)
        self._write(_VBATH, _VBATH_78V)
        return True

    def _battery(self):
        """Power up and wait for the voltage."""
        self._write(_PWM_PERIOD, 0xFF)
        self._write(_POWER_DOWN_1, 0)
        for _ in range(_BATTERY_MS // _POLL_MS):
            yield _POLL_MS
            if self._read(_VBATS1) >= _BATTERY_UP:
                self._write(_LOOP_CURRENT_LIMIT, _ILIM_20MA)
                self._write(_DCDC_DELAY, _DCDC_ON)
                return True
        return False

    def _leak(self):
        """With the converter off the battery must not collapse at once: no short on the line or in the part."""
        self._write(_LINEFEED, OPEN)
        self._write(_POWER_DOWN_1, _DCOF)
        for _ in range(_LEAK_MS // _LEAK_POLL_MS):
            yield _LEAK_POLL_MS
            if self._read(_VBATS1) < _BATTERY_LEAK:
                return False
        return True

    def _calibration(self):
        """Legal on-hook only. With the phone off-hook the results' reset values serve until it is on-hook."""
        self.linefeed(FORWARD_ACTIVE)
        yield _PROBE_MS
        self._calibrated = not self._closed()
        self.linefeed(OPEN)
        yield _PROBE_MS
        done = not self._calibrated or (yield from self._calibrate())
        for address in range(_NCLR, _NCLR + _FILTERS):
            yield from self._write_indirect(address, self._image[address])
        return done

    def _calibrate(self):
        self._write(_CALIBRATION_2, _CAL_MONITORS)
        self._write(_CALIBRATION_1, _CAL_ALL)
        for _ in range(_CALIBRATION_MS // _POLL_MS + 1):
            yield _POLL_MS
            if self._read(_CALIBRATION_1) == 0:
                break
        else:
            return False
        self._write(_DCDC_DELAY, _DCCAL | _DCDC_ON)
        if not 2 <= self._read(_DC_PEAK_RESULT) <= 0x0D:
            self._write(_DC_PEAK_RESULT, 0x08)
        return True

    def _verify(self):
        """Every indirect register reads as written."""
        for address, value in enumerate(self._image):
            if (yield from self._read_indirect(address)) != value:
                return False
        return True

    def _activate(self):
        """PCM on, interrupts on, forward active: the line is in service."""
        for slot in range(_PCM_SLOT, _PCM_SLOT + 4):
            self._write(slot, 0)
        self._write(_PCM_MODE, _PCM_ON_LINEAR)
        for status in (_INT_STATUS_1, _INT_STATUS_2, _INT_STATUS_3):
            self._write(status, 0xFF)
        self._write(_INT_ENABLE_2, _QALARMS | _LCIP | _RTIP)
        self._write(_INT_ENABLE_3, _DTMFP)
        self._write(_COMMON_MODE, _VCM_6V)
        self._write(_IMPEDANCE, _TISE | self._country.impedance)
        self._write(_RING_TRIP_DEBOUNCE, RINGER[self._country.ring_hz][3])
        self.linefeed(FORWARD_ACTIVE)
        self.up = True
        self._watch.start(self._now, _WATCH_MS)
        self._reported = self._closed()
        self._port.line_up(self._reported, self._now)

    # -- bus ------------------------------------------------------------------------------------------------------

    def _byte(self, value):
        """One byte of a frame; chip select goes high between bytes, so that a lost clock is never carried on."""
        self._octet[0] = value
        self._cs.value(0)
        self._spi.write_readinto(self._octet, self._answer)
        self._cs.value(1)
        return self._answer[0]

    def _read(self, register):
        self._byte(_READ | register)
        return self._byte(0)

    def _write(self, register, value):
        self._byte(register)
        self._byte(value)

    def _ready(self):
        """Script: until the chip has taken or served the last indirect access; that lasts 62.5 us at most."""
        for _ in range(_INDIRECT_TRIES):
            if not self._read(_IAS):
                return
            yield 1

    def _write_indirect(self, address, value):
        yield from self._ready()
        self._write(_IDA_LOW, value & 0xFF)
        self._write(_IDA_HIGH, value >> 8)
        self._write(_IAA, address)
        yield 1

    def _read_indirect(self, address):
        yield from self._ready()
        self._write(_IAA, address)
        yield 1
        yield from self._ready()
        return self._read(_IDA_LOW) | self._read(_IDA_HIGH) << 8


def _image(country):
    """The indirect registers of `country`."""
    coefficient, start, filter_, _ = RINGER[country.ring_hz]
    image: list[int] = list(_INDIRECT)
    image[_RCO] = coefficient
    image[_RNGX] = start
    image[_NRTP] = filter_
    return image
