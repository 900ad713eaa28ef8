"""What somebody with the handset at the ear recognises: the call progress tones of a country, silence, speech.

Blocks of 10 ms are on or off by level; runs of them that are on are named by the frequencies that hold nearly all
of their energy. A tone is heard when the runs follow its cadence and no other tone of the country fits as well:
425 Hz, for instance, may be any German tone until it has been on for longer than, or exactly as long as, one of them.
"""

import json
from functools import cache
from importlib.resources import files
from itertools import pairwise
from typing import NamedTuple

import numpy as np

BLOCK = 80  # samples, 10 ms
FRAME = 5  # blocks: 50 ms tell 420 from 425 Hz and 413 + 438 Hz from either
HISTORY = 1000  # blocks: longer than one period of any cadence
FULL_SCALE_DBM0 = 3.17  # mean power of a full-scale sine, G.711 mu-law
ON_DBM0 = -45.0
ON_ENERGY = BLOCK * 32767**2 / 2 * 10 ** ((ON_DBM0 - FULL_SCALE_DBM0) / 10)  # of a block
PURITY = 0.9  # share of a frame's energy that its frequencies must explain
CERTAIN = 2 * FRAME + 1  # blocks: a run as long as this holds a whole frame
GAP = 3  # blocks: beats and modulation make shorter holes than any cadence
TOLERANCE = 2  # blocks, of a cadence: both edges fall anywhere in a block
SHORT = 20  # blocks: the least of an unfinished run that is believed
SPEECH = 50  # blocks looked at for speech and silence
SPEECH_ON = 15  # of these, blocks that must be on


@cache
def _tables():
    return json.loads(files("femtohost").joinpath("data/tones.json").read_text())


def country_tones(country):
    """The entry of data/tones.json for "us", "de", ...; KeyError for a country that is not there."""
    return _tables()[country]


class Run(NamedTuple):
    """`blocks` blocks of one kind: `key` is a tuple of Hz, () for silence, None for anything else."""

    key: tuple | None
    blocks: int


class Cadence:
    """One tone of a country: `steps` as (key, blocks); blocks None = without end."""

    def __init__(self, tone):
        self.steps = tuple((tuple(hz), ms / 10 if ms else None) for hz, ms in tone)
        self.longest = {}
        for key, blocks in self.steps:
            if key:
                self.longest[key] = max(self.longest.get(key, 0), blocks or 0)
        self.endless = self.steps[0][1] is None

    def fit(self, runs):
        """(runs matched back from the last one, runs with sound among them that ended) of the best phase."""
        return max(self._fit_from(step, runs) for step in range(len(self.steps)))

    def _fit_from(self, step, runs):
        matched = ended = 0
        for back, run in enumerate(reversed(runs)):
            key, blocks = self.steps[(step - back) % len(self.steps)]
            if not _matches(run, key, blocks, back == 0):
                break
            matched += 1
            ended += bool(key) and back > 0
        return matched, ended


def _matches(run, key, blocks, unfinished):
    if run.key != key or blocks is None:
        return False
    return run.blocks <= blocks + TOLERANCE and (unfinished or run.blocks >= blocks - TOLERANCE)


class Ear:
    """Listens to one country's tones. `hear(block)` takes 10 ms, 80 float samples or 0; `hears(name)` looks lazily."""

    def __init__(self, tones):
        self._cadences = {name: Cadence(tone) for name, tone in tones["tones"].items()}
        modulation = {
            key: tones["modulation_hz"][name]
            for name, cadence in self._cadences.items()
            for key in cadence.longest
            if name in tones["modulation_hz"]
        }
        keys = {key for cadence in self._cadences.values() for key in cadence.longest}
        self._bases = [(key, _basis(key, modulation.get(key))) for key in sorted(keys, key=lambda k: (len(k), k))]
        self._audio = np.zeros((HISTORY, BLOCK))
        self._on = np.zeros(HISTORY, bool)
        self._names = [None] * (HISTORY // FRAME)
        self.forget()

    def forget(self):
        """Begin anew: nothing was heard."""
        self._count = 0  # blocks heard
        self._analysed = 0  # frames named
        self._keys = {}  # (first frame, end): key; they are what they are once they are named
        self._answer = (-1, frozenset())

    def hear(self, block):
        heard = self._audio[self._count % HISTORY]
        heard[:] = block
        self._on[self._count % HISTORY] = heard @ heard > ON_ENERGY
        self._count += 1

    def recent(self, blocks):
        """The last `blocks` blocks, at most HISTORY, as one float array; zeros before the first."""
        count = min(blocks, self._count)
        heard = self._audio[np.arange(self._count - count, self._count) % HISTORY]
        return np.concatenate([np.zeros((blocks - count, BLOCK)), heard]).ravel()

    def hears(self, name):
        """True when `name` is what is heard now: a tone of the country, "silence" or "speech"."""
        if name not in self._cadences and name not in ("silence", "speech"):
            raise ValueError(f"no such tone: {name}; there are {', '.join(self._cadences)}, silence, speech")
        if self._answer[0] != self._count:
            self._analyse()
            self._answer = (self._count, self._listen())
        return name in self._answer[1]

    def _analyse(self):
        end = self._count // FRAME
        for frame in range(max(self._analysed, end - HISTORY // FRAME), end):
            first = frame * FRAME % HISTORY
            self._names[first // FRAME] = self._name(self._audio[first : first + FRAME].ravel())
        self._analysed = end

    def _name(self, frame):
        """The key whose frequencies explain the frame: of the fewest frequencies, then the best; or None."""
        energy = frame @ frame
        best, best_purity, size = None, PURITY, 0
        for key, (span, inverse) in self._bases:
            if best and len(key) > size:
                break
            parts = span.T @ frame
            purity = parts @ parts / energy if energy else 0.0
            if purity > best_purity and _all_sound(inverse @ parts, len(key)):
                best, best_purity, size = key, purity, len(key)
        return best

    def _runs(self):
        """The runs of the whole history, oldest first."""
        first = self._count - min(self._count, HISTORY)
        on = self._on[np.arange(first, self._count) % HISTORY]
        runs = [Run(self._run_key(first + a, first + b) if sound else (), b - a) for sound, a, b in _spans(on)]
        nameless = runs[-1].key is None and runs[-1].blocks < CERTAIN
        return runs[:-1] if nameless and len(runs) > 1 else runs  # too short yet to hold a frame

    def _run_key(self, first, end):
        frames = -(-(first + 1) // FRAME), (end - 1) // FRAME  # the first and the last block are parts
        if frames not in self._keys:
            if len(self._keys) > HISTORY:
                self._keys.clear()
            names = [self._names[frame % len(self._names)] for frame in range(*frames)]
            best = max(names, key=names.count, default=None)
            self._keys[frames] = best if names.count(best) >= 0.8 * len(names) else None
        return self._keys[frames]

    def _listen(self):
        if not self._count:
            return frozenset()
        runs = self._runs()
        heard = self._endless(runs[-1]) or self._cadenced(runs) or self._plain(runs)
        return frozenset(heard)

    def _endless(self, last):
        """A tone without end, once it has been on longer than any other of its frequencies would be."""
        least = max((c.longest[last.key] for c in self._cadences.values() if last.key in c.longest), default=0)
        if not last.key or last.blocks < max(SHORT, least + TOLERANCE + 1):
            return []
        return [name for name, c in self._cadences.items() if c.endless and last.key in c.longest]

    def _cadenced(self, runs):
        fits = {name: c.fit(runs) for name, c in self._cadences.items()}
        sure = {name: fit[0] for name, fit in fits.items() if fit[1] or self._alone(name, fit[0], runs[-1])}
        best = [name for name in sure if sure[name] == max(sure.values())]
        return best if len({self._cadences[name].steps for name in best}) == 1 else []

    def _alone(self, name, matched, last):
        """A first run is enough where no other tone has its frequencies."""
        owners = [other for other, c in self._cadences.items() if last.key in c.longest]
        return matched > 0 and owners == [name] and last.blocks >= SHORT

    def _plain(self, runs):
        recent = self._on[np.arange(max(self._count - SPEECH, 0), self._count) % HISTORY]
        if not recent.any():
            return ["silence"] if len(recent) == SPEECH else []
        strange = any(run.key is None and run.blocks >= CERTAIN for run in runs[-5:])
        return ["speech"] if strange and recent.sum() >= SPEECH_ON else []


def _basis(key, modulation):
    """(orthonormal span of the key's cosines and sines, its inverse onto their amplitudes, the key's own first)."""
    hz = list(key)
    if modulation:
        hz += [f + side for f in key for side in (-modulation, modulation)] + [modulation]
    phase = 2 * np.pi * np.outer(np.arange(FRAME * BLOCK), hz) / 8000
    columns = np.stack([np.cos(phase), np.sin(phase)], axis=2).reshape(len(phase), -1)
    span, upper = np.linalg.qr(columns)
    return span, np.linalg.inv(upper)


def _all_sound(amplitudes, size):
    """Every one of the first `size` frequencies is there, none 13 dB weaker than the strongest."""
    powers = np.sum(amplitudes.reshape(-1, 2)[:size] ** 2, axis=1)
    return powers.min() > 0.05 * powers.max()


def _spans(on):
    """[(sound or not, first, end)] of the blocks `on`, less the holes of at most GAP blocks after one that is on."""
    bounds = [0, *(np.flatnonzero(on[1:] != on[:-1]) + 1).tolist(), len(on)]
    spans, sound = [], bool(on[0])
    for a, b in pairwise(bounds):
        if sound and spans and spans[-1][0]:
            spans[-1] = (True, spans[-1][1], b)
        elif sound or a == 0 or b - a > GAP:
            spans.append((sound, a, b))
        sound = not sound
    return spans
