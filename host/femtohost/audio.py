"""Audio sources: files to 8 kHz mono int16 and back, and their active speech level."""

import warnings
from pathlib import Path

import numpy as np
import soundfile
import soxr

from femtohost.errors import UserError
from femtohost.levels import dbm0_of_rms, rms_for

RATE = 8000
FRAME = 160  # samples, 20 ms: the grain of speech activity
MARGIN_DB = 15.9  # P.56 7.2: speech is active down to this much below its active level


class AudioError(UserError):
    """An audio file that cannot be used; the text is one line: what, where, and what would be right."""


class LimitWarning(UserWarning):
    """Samples were limited to the int16 range."""


def load(path):
    """The audio of a WAV or FLAC file (any rate, any number of channels, their mean is taken) as int16, 8 kHz.

    Non-finite samples become zero. AudioError when the file is missing, unreadable, not audio, or empty.
    """
    samples, rate = _read(Path(path))
    mono = np.nan_to_num(samples.mean(axis=1), nan=0.0, posinf=0.0, neginf=0.0)
    if rate != RATE:
        mono = soxr.resample(mono, rate, RATE)
    if mono.size == 0:
        raise AudioError(f"{path}: no audio in the file; at least one sample of 8 kHz (0.125 ms) is needed")
    return to_int16(mono * 32768.0)


def _read(path):
    if not path.exists():
        raise AudioError(f"{path}: no such file; give a WAV or FLAC file")
    if not path.is_file():
        raise AudioError(f"{path}: not a file; give a WAV or FLAC file")
    try:
        with path.open("rb") as file:
            return soundfile.read(file, dtype="float64", always_2d=True)
    except soundfile.LibsndfileError as error:
        raise AudioError(f"{path}: not audio ({error.error_string.rstrip('. ')}); give a WAV or FLAC file") from None
    except OSError as error:
        raise AudioError(f"{path}: cannot be read ({error.strerror}); give a readable WAV or FLAC file") from None


def save(path, samples):
    """Write int16 samples as a 16-bit mono WAV file of 8 kHz. AudioError when it cannot be written."""
    try:
        with Path(path).open("wb") as file:
            soundfile.write(file, np.asarray(samples, dtype=np.int16), RATE, subtype="PCM_16", format="WAV")
    except OSError as error:
        raise AudioError(f"{path}: cannot be written ({error.strerror}); give a path in a writable folder") from None


def to_int16(samples):
    """Round to int16 once; what lies beyond is limited."""
    return np.clip(np.rint(samples), -32768, 32767).astype(np.int16)


def frame_powers(samples):
    """Mean square of each 20 ms frame, float64; a last part frame counts as one of its own length."""
    x = np.asarray(samples, dtype=np.float64)
    starts = np.arange(0, x.size, FRAME)
    return np.add.reduceat(x * x, starts) / np.diff(np.append(starts, x.size)) if x.size else np.zeros(0)


def active_frames(powers):
    """Mask of the frames in which somebody speaks, in the manner of P.56.

    The active level is the mean power of the frames less than 15.9 dB below it: started from all frames, it only
    rises, and comes to rest after a few rounds. Silence has no active frames.
    """
    powers = np.asarray(powers)
    active = powers > 0
    while active.any():
        louder = powers >= powers[active].mean() * 10 ** (-MARGIN_DB / 10)
        if np.array_equal(louder & active, active):
            break
        active &= louder
    return active


def active_level(samples):
    """Active speech level in dBm0 (mu-law scale): pauses do not count; -inf for silence."""
    powers = frame_powers(samples)
    active = active_frames(powers)
    return dbm0_of_rms(np.sqrt(powers[active].mean())) if active.any() else -np.inf


def level_to(samples, dbm0=-16.0):
    """`samples` (int16 units) scaled to an active speech level of `dbm0`, as int16; silence stays silence.

    Peaks beyond int16 are limited, which lowers the level a little; LimitWarning says how many samples.
    """
    x = np.asarray(samples, dtype=np.float64)
    powers = frame_powers(x)
    active = active_frames(powers)
    if not active.any():
        return to_int16(x)
    scaled = x * (rms_for(dbm0) / np.sqrt(powers[active].mean()))
    limited = np.count_nonzero(np.abs(scaled) > 32767.5)
    if limited:
        warnings.warn(f"{limited} of {x.size} samples limited at {dbm0:g} dBm0", LimitWarning, stacklevel=2)
    return to_int16(scaled)
