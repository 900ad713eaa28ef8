"""Si3210: battery supply, linefeed, loop closure and ring trip, calibration.

Source: Si3210/Si3211 datasheet rev 1.61, sections "DC Feed Characteristics", "Linefeed Operation States", "Loop
Closure Detection", "Ring Trip Detection", "Power Supply". The transistors' power is not modelled.
"""

from math import exp

from femtohost.clock import MS

OPEN, FWD_ACTIVE, FWD_OHT, TIP_OPEN, RINGING, REV_ACTIVE, REV_OHT, RING_OPEN = range(8)
REVERSED = (REV_ACTIVE, REV_OHT)
ACTIVE_OF = {FWD_OHT: FWD_ACTIVE, REV_OHT: REV_ACTIVE}
OUTPUT_RESISTANCE = 160.0  # ohm
VOLTAGE_STEP = 1.5  # V: reg 72..75, 78
SENSE_STEP = 0.376  # V: reg 80..83
CURRENT_STEP = 1.25  # mA: reg 79
THRESHOLD_STEP = 1.27  # mA: LCRT, RPTP, LCRTL, field at bits 14:9
OVERHEAD = 1.5  # V between RING and the battery
SUPPLY_RISE, SUPPLY_FALL = 40 * MS, 2000 * MS  # time constants: filter capacitor charged, leaking
SUPPLY_UP = 0.95  # share of VBATH
MONITOR = 1_250_000  # ns between two samples of the monitor ADC, 800 Hz
CALIBRATION, CALIBRATION_FAST = 350 * MS, 80 * MS


class Supply:
    """The dc-dc converter: a battery voltage that rises and falls exponentially."""

    def __init__(self, chip):
        self._chip = chip
        self.readers = {82: self._sense, 83: self._sense}
        self._from, self._since, self._target = 0.0, 0, 0.0

    def reset(self):
        self._period_written = False
        self._came_up = False
        self._move(0.0)

    def note_period(self, old, new):
        self._period_written = True

    def switch(self, old, new):
        if not self._chip.get("DCOF") and not self._period_written:
            self._chip.breach("reg 92", "dc-dc converter powered up before its PWM period was written")
        self.follow()

    def follow(self):
        """Aim at the voltage that the registers and the line ask for."""
        target = 0.0 if self._chip.get("DCOF") else self._chip.feed.battery_asked()
        if target != self._target:
            self._move(target)

    def _move(self, target):
        self._from, self._since, self._target = self.volts, self._chip.clock.now, target

    @property
    def volts(self):
        """Magnitude of the battery voltage now."""
        rising = self._target > self._from
        passed = (self._chip.clock.now - self._since) / (SUPPLY_RISE if rising else SUPPLY_FALL)
        return self._target + (self._from - self._target) * exp(-passed)

    @property
    def up(self):
        """True when the converter is on and has reached its voltage since; tracking may move it afterwards."""
        self._came_up = self._target > 0 and (self._came_up or self.volts >= SUPPLY_UP * self._target)
        return self._came_up

    def _sense(self):
        counts = min(int(self.volts / SENSE_STEP), 255)
        self._chip.set("VBATS1", counts)
        self._chip.set("VBATS2", counts)


class Detector:
    """Threshold, one-pole low-pass and debounce over |loop current|, at 800 Hz.

    The current between two calls of `step` may only swing between two bounds; where it cannot change the outcome
    the detector is settled and time may be skipped.
    """

    def __init__(self):
        self.reset()

    def reset(self):
        self.state = 0
        self.raw = 0
        self._filtered = 0.0
        self._differs = 0

    def step(self, current, pole, rise, fall, debounce):
        """One sample in mA; `pole` 1..0x8000, thresholds in mA, `debounce` in samples. True when `state` changed."""
        self._filtered += (current - self._filtered) * min(pole / 0x8000, 1.0)
        self.raw = int(self._filtered > (fall if self.raw else rise))
        self._differs = self._differs + 1 if self.raw != self.state else 0
        if not self._differs or self._differs <= debounce:
            return False
        self.state, self._differs = self.raw, 0
        return True

    def skip(self, samples, mean, pole):
        """Let `samples` pass in which nothing could happen."""
        self._filtered = mean + (self._filtered - mean) * (1.0 - min(pole / 0x8000, 1.0)) ** samples

    def settled(self, low, high, rise, fall):
        """True when no current between `low` and `high` mA can change anything."""
        if self.raw != self.state:
            return False
        if self.raw:
            return min(low, self._filtered) > fall
        return max(high, self._filtered) <= rise


class Feed:
    """Linefeed state, the direct current it drives, and the detectors that watch it."""

    def __init__(self, chip):
        self._chip = chip
        self.readers = {78: self._sense, 79: self._sense, 80: self._sense, 81: self._sense}
        self._tick = None

    def reset(self):
        if self._tick:
            self._tick.cancel()
        self._tick = None
        self._last_sample = self._chip.clock.now // MONITOR
        self._closure, self._trip = Detector(), Detector()
        self._mean, self._skipping = 0.0, (self._closure, "NCLR")
        self._complained = False
        self._set_state(OPEN)

    # linefeed state

    @property
    def state(self):
        return self._chip.get("LFS")

    def ask(self, old, new):
        """Software wrote reg 64."""
        chip, asked = self._chip, new & 7
        if asked != OPEN:
            self._check_ready(asked)
        if asked == RINGING:
            if old & 7 != RINGING or self.state not in (RINGING, FWD_OHT):
                chip.ringing.start()
        else:
            chip.ringing.stop()
            self._set_state(self._automatic(asked))

    def burst(self, on):
        """The ringing cadence goes on or off."""
        if on:
            self._trip.reset()
            self._chip.set("RTP", 0)
        self._set_state(RINGING if on else FWD_OHT)
        self.update()

    def force_open(self):
        self._chip.ringing.stop()
        self._set_state(OPEN)
        self.update()

    def _check_ready(self, asked):
        chip = self._chip
        if not chip.supply.up:
            chip.breach("reg 64", f"linefeed {asked} before the battery is up ({chip.supply.volts:.1f} V)")
        # Before calibration the results' reset values serve to feed the line, but not to ring on it.
        if chip.calibration.running or (asked == RINGING and not chip.calibration.done):
            chip.breach("reg 96", f"linefeed {asked} before the end of calibration")
        if chip.unwritten and not self._complained:
            chip.breach("indirect registers", "linefeed with undefined " + ", ".join(chip.unwritten))
            self._complained = True

    def _automatic(self, asked):
        if self._chip.get("AOLD") and self._chip.get("LCR"):
            return ACTIVE_OF.get(asked, asked)
        return asked

    def _set_state(self, state):
        self._chip.set("LFS", state)
        self._chip.audio.refresh()

    # direct current

    def current(self):
        """Loop current in mA, not negative; ringing apart."""
        resistance = self._chip.line.resistance
        if resistance is None or self.state in (OPEN, TIP_OPEN, RINGING, RING_OPEN):
            return 0.0
        return min(self._open_volts() * 1000 / (OUTPUT_RESISTANCE + resistance), self._limit())

    def _open_volts(self):
        """VOC, as far as the battery lets it."""
        common = self._chip.get("VCM") * VOLTAGE_STEP
        return max(min(self._chip.get("VOC") * VOLTAGE_STEP, self._chip.supply.volts - common - OVERHEAD), 0.0)

    def _limit(self):
        return 20.0 + 3.0 * self._chip.get("ILIM")

    def volts(self):
        """Between tip and ring, not negative; ringing apart."""
        if self.state in (OPEN, RINGING):
            return 0.0
        resistance = self._chip.line.resistance
        return self._open_volts() if resistance is None else self.current() * resistance / 1000

    def battery_asked(self):
        """Magnitude of the battery voltage: VBATH, or just above the loop's where it is tracking and off-hook."""
        chip = self._chip
        high = chip.get("VBATH") * VOLTAGE_STEP
        resistance = chip.line.resistance
        if not chip.get("TRACK") or resistance is None or self.state not in (FWD_ACTIVE, REV_ACTIVE):
            return high
        voc = chip.get("VOC") * VOLTAGE_STEP
        loop = min(voc * resistance / (OUTPUT_RESISTANCE + resistance), self._limit() * resistance / 1000)
        tracked = chip.get("VCM") * VOLTAGE_STEP + loop + 160e-3 * self._limit() + OVERHEAD
        return min(max(tracked, chip.get("VBATL") * VOLTAGE_STEP), high)

    def _sense(self):
        chip, volts = self._chip, self.volts()
        negative = int((self.state in REVERSED) != bool(chip.get("VSGN")))
        chip.set("LVS", min(int(volts / VOLTAGE_STEP), 63))
        chip.set("LVSP", negative if volts else 0)
        current = self._ring_current(chip.clock.now) if self.state == RINGING else self.current()
        chip.set("LCS", min(int(current / CURRENT_STEP), 63))
        chip.set("LCSP", negative if current else 0)
        near = chip.get("VCM") * VOLTAGE_STEP if self.state not in (OPEN, RINGING) else 0.0
        tip, ring = (near + volts, near) if negative else (near, near + volts)
        chip.set("VTIP", min(int(tip / SENSE_STEP), 255))
        chip.set("VRING", min(int(ring / SENSE_STEP), 255))

    def _ring_impedance(self):
        line = self._chip.line
        return OUTPUT_RESISTANCE + (line.ringer_impedance if line.resistance is None else line.resistance)

    def _ring_current(self, time):
        offset = 0.0 if self._chip.line.resistance is None else self._chip.ringing.offset
        return abs(self._chip.ringing.volts(time) + offset) * 1000 / self._ring_impedance()

    # detectors

    def update(self):
        """Something changed that the current depends on: look at the loop again."""
        chip = self._chip
        chip.supply.follow()
        if self._tick is None:
            self._catch_up()
            self._schedule()

    def _catch_up(self):
        """Bring the filters to the last sample before now; until then the loop was settled."""
        sample = self._chip.clock.now // MONITOR
        passed, self._last_sample = sample - self._last_sample, sample
        if passed:
            detector, pole = self._skipping
            detector.skip(passed, self._mean, self._chip.indirect[pole])

    def _schedule(self):
        """Sample again when the outcome may still change, else leave the clock alone."""
        low, high = self._bounds()
        detector, pole = self._watched()
        if detector.settled(low, high, *self._thresholds()):
            self._mean, self._skipping = (low + high) / 2, (detector, pole)
            self._chip.set("DBIRAW", 1 - detector.raw)
        else:
            self._tick = self._chip.clock.at((self._chip.clock.now // MONITOR + 1) * MONITOR, self._sample)

    def _bounds(self):
        if self.state != RINGING:
            current = self.current()
            return current, current
        offset = 0.0 if self._chip.line.resistance is None else self._chip.ringing.offset
        return 0.0, (self._chip.ringing.vpk + abs(offset)) * 1000 / self._ring_impedance()

    def _watched(self):
        """The detector in use and the name of its pole."""
        return (self._trip, "NRTP") if self.state == RINGING else (self._closure, "NCLR")

    def _thresholds(self):
        """(rising, falling) threshold of the detector in use, mA."""
        indirect = self._chip.indirect
        if self.state == RINGING:
            return (_threshold(indirect["RPTP"]),) * 2
        rise = _threshold(indirect["LCRT"])
        return rise, _threshold(indirect["LCRTL"]) if self._chip.get("HYSTEN") else rise

    def _sample(self):
        """One sample of the monitor ADC."""
        chip = self._chip
        self._last_sample = chip.clock.now // MONITOR
        self._tick = None
        detector, pole = self._watched()
        current = self._ring_current(chip.clock.now) if self.state == RINGING else self.current()
        debounce = chip.get(self._debounce())
        changed = detector.step(current, chip.indirect[pole], *self._thresholds(), debounce)
        chip.set("DBIRAW", 1 - detector.raw)
        if changed and detector is self._trip:
            self._ring_tripped()
        elif changed:
            self._loop_changed()
        chip.supply.follow()
        if self._tick is None:
            self._schedule()

    def _debounce(self):
        if self.state == RINGING:
            return "RTDI"
        return "LCD" if self._chip.get("LF") == RINGING and self.state == FWD_OHT else "LCDI"

    def _ring_tripped(self):
        chip = self._chip
        chip.set("RTP", self._trip.state)
        if self._trip.state:
            chip.interrupt("RTIP")
            if chip.get("AORD"):
                chip.ringing.stop()
                self._set_state(FWD_ACTIVE)

    def _loop_changed(self):
        chip, closed = self._chip, self._closure.state
        chip.set("LCR", closed)
        if not closed:
            chip.set("RTP", 0)
        if chip.get("AOLD"):
            if closed and chip.get("LF") == RINGING and self.state == FWD_OHT:
                chip.ringing.stop()
                self._set_state(FWD_ACTIVE)
            elif chip.get("LF") in ACTIVE_OF and self.state != OPEN:
                self._set_state(self._automatic(chip.get("LF")))
        chip.audio.refresh()
        chip.interrupt("LCIP")


def _threshold(value):
    return (value >> 9 & 0x3F) * THRESHOLD_STEP


CALIBRATION_BITS = (
    "CAL", "CALSP", "CALR", "CALT", "CALD", "CALC", "CALIL", "CALM1", "CALM2", "CALDAC", "CALADC", "CALCM",
)  # fmt: skip
CALIBRATION_RESULTS = {
    "CALGMR": 16, "CALGMT": 16, "CALGD": 17, "CALGC": 17, "CALGIL": 8, "CALMG1": 8, "CALMG2": 8,
    "DACOF": 4, "CMBAL": 32, "CMDCPK": 8,
}  # fmt: skip


class Calibration:
    """Reg 96 and 97: takes its time, then clears its bits and leaves results."""

    def __init__(self, chip):
        self._chip = chip
        self._event = None

    def reset(self):
        self.done = False
        if self._event:
            self._event.cancel()
        self._event = None

    @property
    def running(self):
        return self._event is not None

    def control(self, old, new):
        """Software wrote reg 96."""
        chip = self._chip
        if not chip.get("CAL") or self.running:
            return
        if chip.feed.state != OPEN or chip.get("LF") != OPEN:
            chip.breach("reg 96", "calibration while the linefeed is not open")
        if chip.line.resistance is not None:
            chip.breach("reg 96", "calibration while the phone is off-hook")
        if not chip.supply.up:
            chip.breach("reg 96", "calibration before the battery is up")
        self.done = False
        self._event = chip.clock.after(CALIBRATION_FAST if chip.get("CALSP") else CALIBRATION, self._finish)

    def _finish(self):
        chip = self._chip
        self._event = None
        self.done = True
        for name in CALIBRATION_BITS:
            chip.set(name, 0)
        for name, middle in CALIBRATION_RESULTS.items():
            chip.set(name, middle + int(chip.rng.integers(-2, 3)))
