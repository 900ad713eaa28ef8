"""A plain analog telephone: hook, bell, keypad, dial, microphone and earpiece, and the finger and ear of its user.

Levels: DTMF per tone in dBm0, Q.23 frequencies. The finger keys 100 ms on and 100 ms off, and pulses 10 a second
with a break of 60 ms (ITU-T Q.23, Q.24; E.180 for what the ear knows).
"""

from collections import deque

import numpy as np

from femtohost.clock import MS
from femtohost.models.ear import BLOCK, FULL_SCALE_DBM0, HISTORY, Ear

SAMPLE = 125_000  # ns
DTMF_LOW = (697, 770, 852, 941)
DTMF_HIGH = (1209, 1336, 1477, 1633)
KEYPAD = "123A456B789C*0#D"
KEY_ON = KEY_OFF = 100  # ms
BREAK, MAKE, INTERDIGIT = 60, 40, 800  # ms, of a dial pulse and between digits
PATIENCE = 3000  # ms off-hook without dial tone until the finger keys all the same
LOOK = 20  # ms between two listenings for dial tone
BELL_DELAY = 20 * MS  # of the ringer, on and off
BELL_VRMS = 35.0
BELL_HZ = (15.0, 70.0)
EARPIECE_SECONDS = 5


class Phone:
    """One telephone on a line.

    clock: femtohost.clock.Clock. tones: an entry of femtohost.models.ear.country_tones. resistance: ohm between tip
    and ring off-hook. ren: ringer equivalence number. dtmf_dbm0: levels of the low and the high group.
    `observers` are called after every change of the loop, `ringing` is True while the bell sounds.
    """

    def __init__(self, clock, tones, *, resistance=430.0, ren=1.0, dtmf_dbm0=(-10.0, -8.0)):
        self._clock = clock
        self._ear = Ear(tones)
        self._dtmf_peaks = [peak(level) for level in dtmf_dbm0]
        self.resistance = resistance
        self.ren = ren
        self.observers = []
        self.ringing = False
        self._bell = None
        self._ringer_driven = False
        self._off_hook = False
        self._loop_closed = False
        self._off_hook_since = 0
        self._flash = None
        self._finger = None  # event of the next movement
        self._queue = deque()  # ("key" or "pulse", digit)
        self._dialled = False  # since off-hook
        self._keyed = deque()  # (first sample, end, digit), kept until played
        self._voice = None
        self._voice_at = 0
        self._voice_loops = False
        self._next_heard = 0  # sample

    # the hook

    def off_hook(self):
        """Lift the handset."""
        if self._off_hook:
            return
        self._off_hook = True
        self._off_hook_since = self._clock.now
        self._dialled = False
        self._ear.forget()
        self._next_heard = self._clock.now // SAMPLE
        self._close_loop(True)
        if self._queue:
            self._move_finger(0)

    def on_hook(self):
        """Put the handset down; what is not dialled yet is forgotten."""
        self._off_hook = False
        self._stop_finger()
        self._queue.clear()
        self._keyed.clear()
        self._close_loop(False)

    def flash(self, ms=500):
        """Open the loop for `ms` with the handset up."""
        if self._off_hook:
            self._close_loop(False)
            self._flash = self._clock.after(int(ms * MS), lambda: self._close_loop(True))

    @property
    def loop_closed(self):
        """True while direct current flows through the phone: off-hook, and not in a flash or a pulse's break."""
        return self._loop_closed

    def _close_loop(self, closed):
        if self._flash:
            self._flash.cancel()
            self._flash = None
        if closed == self._loop_closed:
            return
        self._loop_closed = closed
        self._update_bell()
        for observer in self.observers:
            observer()

    # the bell

    def ring_voltage(self, vrms, hz):
        """The line tells what alternating voltage is on it; 0, 0 when none."""
        self._ringer_driven = vrms >= BELL_VRMS and BELL_HZ[0] <= hz <= BELL_HZ[1]
        self._update_bell()

    def _update_bell(self):
        rings = self._ringer_driven and not self._loop_closed
        if self._bell:
            self._bell.cancel()
            self._bell = None
        if rings != self.ringing:
            self._bell = self._clock.after(BELL_DELAY, lambda: self._set_ringing(rings))

    def _set_ringing(self, rings):
        self._bell = None
        self.ringing = rings

    # the finger

    def dial(self, digits):
        """Key `digits` in DTMF after what is queued already; the first one off-hook waits for dial tone."""
        self._enqueue("key", digits.upper(), KEYPAD)

    def pulse(self, digits):
        """Dial `digits` in pulses, likewise."""
        self._enqueue("pulse", digits, "0123456789")

    @property
    def busy_dialling(self):
        """True until the pause after the last digit is over."""
        return bool(self._queue) or self._finger is not None

    def _enqueue(self, kind, digits, known):
        for digit in digits:
            if digit not in known:
                raise ValueError(f"{digit!r} cannot be dialled: one of {known}")
        self._queue.extend((kind, digit) for digit in digits)
        if self._off_hook and self._finger is None:
            self._move_finger(0)

    def _move_finger(self, ms):
        self._finger = self._clock.after(ms * MS, self._next_digit)

    def _stop_finger(self):
        if self._finger:
            self._finger.cancel()
            self._finger = None

    def _next_digit(self):
        self._finger = None
        if not self._queue:
            return
        if not self._dialled and not self._hears_dial_tone():
            self._move_finger(LOOK)
            return
        self._dialled = True
        kind, digit = self._queue.popleft()
        if kind == "key":
            self._press(digit)
        else:
            self._pulse(int(digit) or 10)

    def _hears_dial_tone(self):
        return self._clock.now - self._off_hook_since >= PATIENCE * MS or self.hears("dial")

    def _press(self, digit):
        first = -(-self._clock.now // SAMPLE)
        self._keyed.append((first, first + KEY_ON * MS // SAMPLE, digit))
        self._move_finger(KEY_ON + KEY_OFF)

    def _pulse(self, left):
        if not left:
            self._move_finger(INTERDIGIT)
            return
        self._close_loop(False)
        self._finger = self._clock.after(BREAK * MS, lambda: self._make(left - 1))

    def _make(self, left):
        self._close_loop(True)
        self._finger = self._clock.after(MAKE * MS, lambda: self._pulse(left))

    # the microphone

    def talk(self, samples, loop=True):
        """Speak: int16 samples at 8 kHz, from the next block on while off-hook; over again with `loop`."""
        voice = np.asarray(samples, float)
        if not len(voice):
            raise ValueError("nothing to say: no samples")
        self._voice_length = len(voice)
        self._voice_loops = loop
        self._voice = np.resize(voice, len(voice) + BLOCK) if loop else np.append(voice, np.zeros(BLOCK))
        self._voice_at = 0

    def stop_talking(self):
        self._voice = None

    def near(self, first):
        """What the microphone and the keypad send in the 80 samples from sample number `first`; None for nothing."""
        if not self._loop_closed:
            return None
        sound = self._speak() if self._voice is not None else None
        while self._keyed and self._keyed[0][1] <= first:
            self._keyed.popleft()
        for start, end, digit in self._keyed:
            key = self._key(digit, start, end, first)
            sound = key if sound is None else sound + key
        return sound

    def _speak(self):
        at = self._voice_at
        self._voice_at = at + BLOCK
        if self._voice_at >= self._voice_length:
            self._voice_at -= self._voice_length
            if not self._voice_loops:
                sound, self._voice = self._voice[at : at + BLOCK], None
                return sound
            self._voice_at %= self._voice_length
        return self._voice[at : at + BLOCK]

    def _key(self, digit, start, end, first):
        time = np.arange(first, first + BLOCK)
        row, column = divmod(KEYPAD.index(digit), 4)
        low, high = self._dtmf_peaks
        phase = 2 * np.pi / 8000 * (time - start)
        sound = low * np.sin(DTMF_LOW[row] * phase) + high * np.sin(DTMF_HIGH[column] * phase)
        return np.where((time >= start) & (time < end), sound, 0.0)

    # the ear

    def hear(self, first, block):
        """The line brings 80 float samples from sample number `first` on; what it left out was silence."""
        if not self._off_hook:
            return
        for _ in range(min((first - self._next_heard) // BLOCK, HISTORY)):
            self._ear.hear(0.0)
        self._ear.hear(block)
        self._next_heard = first + BLOCK

    def hears(self, name):
        """True when the ear recognises `name` now: a tone of the country ("dial", "ringback", "busy", "reorder"),
        "silence" or "speech"; ValueError for a name it does not know."""
        self._hear_silence()
        return self._ear.hears(name) and self._off_hook

    def earpiece(self, seconds):
        """int16 samples of the last `seconds`, at most 5, in whole blocks."""
        self._hear_silence()
        blocks = round(min(seconds, EARPIECE_SECONDS) * 8000) // BLOCK
        return np.rint(np.clip(self._ear.recent(blocks), -32768, 32767)).astype(np.int16)

    def _hear_silence(self):
        """A line that brought nothing for more than two blocks is silent."""
        now = self._clock.now // SAMPLE
        if self._off_hook and now - self._next_heard > 2 * BLOCK:
            self.hear(self._next_heard + (now - self._next_heard) // BLOCK * BLOCK - BLOCK, np.zeros(BLOCK))


def peak(dbm0):
    """Amplitude, in int16 units, of a sine of `dbm0`."""
    return 32767 * 10 ** ((dbm0 - FULL_SCALE_DBM0) / 20)
