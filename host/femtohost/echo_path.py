"""Echo paths: the impulse responses that a hybrid shows to the canceller.

Built in are the models of G.168 Annex D, clauses D.2 to D.9; others come from a file of taps.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from femtohost.errors import UserError

DATA = Path(__file__).parent / "data" / "g168"
NAMES = ("d2", "d3", "d4", "d5", "d6", "d7", "d8", "d9")
LONGEST = 2048  # taps, 256 ms: far beyond any canceller's reach
RATE = 8000

_SCALE = re.compile(r"^#\s*K_\d+\s*=\s*(\S+)", re.MULTILINE)


class PathError(UserError):
    """An echo path that cannot be used; the text is one line: what, where, and what would be right."""


@dataclass(frozen=True, eq=False)
class EchoPath:
    """An impulse response at 8 kHz: `taps`, float64, scaled to an ERL of 0 dB for speech."""

    name: str
    taps: np.ndarray

    def scaled(self, erl_db):
        """The taps for an echo return loss of `erl_db`."""
        return self.taps * 10 ** (-erl_db / 20)


def load_path(name):
    """The EchoPath of a model "d2" .. "d9", or of a CSV file. PathError otherwise.

    A model is scaled by the K of its G.168 clause. A file has one tap in a row, or `k,h` rows (k from 0; a missing k
    is a zero), `#` comments and at most 2048 taps. Its scale does not matter: it is normalised so that noise with
    the spectrum of speech (G.168 Annex C, weighting of the composite source signal) comes back as strong as it went.
    An EchoPath is returned as it is, an array becomes the taps of one.
    """
    if isinstance(name, EchoPath):
        return name
    if isinstance(name, np.ndarray):
        return EchoPath("array", name.astype(np.float64))
    if name in NAMES:
        return EchoPath(name, _model(name))
    file = Path(name)
    if not file.is_file():
        raise PathError(f"{name}: no such echo path; give one of {', '.join(NAMES)}, or a CSV file of taps")
    taps = _read_taps(file)
    return EchoPath(file.stem, taps / np.sqrt(speech_gain(taps)))


def speech_gain(taps):
    """Power gain of the path for noise with the spectrum of speech (G.168 Annex C)."""
    frequency, level = np.loadtxt(DATA / "css_noise_weighting.csv", delimiter=",", comments=("#", "f"), unpack=True)
    size = 2 * LONGEST
    weight = 10 ** (np.interp(np.fft.rfftfreq(size, 1 / RATE), frequency, level, left=-60, right=-60) / 10)
    response = np.abs(np.fft.rfft(taps, size)) ** 2
    return float(np.dot(weight, response) / weight.sum())


def _model(name):
    text = (DATA / f"path_{name}.csv").read_text()
    return _taps(text, name) * float(_SCALE.search(text).group(1))


def _read_taps(file):
    try:
        text = file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise PathError(f"{file}: cannot be read ({type(error).__name__}); give a text file of taps") from None
    taps = _taps(text, file)
    if taps.size == 0:
        raise PathError(f"{file}: no taps in the file; give one number in a row, or rows of k,h")
    if not taps.any():
        raise PathError(f"{file}: all taps are zero; an echo path needs at least one that is not")
    return taps


def _taps(text, source):
    response = {}
    for number, line in enumerate(text.splitlines(), 1):
        row = line.split("#", 1)[0].strip()
        if row and not row.startswith("k,"):
            k, h = _row(row, len(response), f"{source}:{number}")
            if k in response:
                raise PathError(f"{source}:{number}: tap {k} is given twice; give each k once")
            response[k] = h
    taps = np.zeros(max(response, default=-1) + 1)
    taps[list(response)] = list(response.values())
    return taps


def _row(row, position, where):
    """(k, h) of one row; a row without k stands at `position`."""
    *index, value = row.split(",")
    try:
        k, h = (int(index[0]) if index else position), float(value)
        if len(index) > 1 or not np.isfinite(h):
            raise ValueError
    except ValueError:
        raise PathError(f"{where}: {row!r} is not a tap; give one number, or k,h") from None
    if not 0 <= k < LONGEST:
        raise PathError(f"{where}: tap {k} is out of range; give k of 0..{LONGEST - 1}, at most {LONGEST} taps")
    return k, h
