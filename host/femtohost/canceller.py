"""The native echo canceller on numpy arrays."""

import numpy as np
from _femtonative import ffi, lib

from femtohost import voice

_INT16 = np.dtype(np.int16)
_PCM = ffi.typeof("int16_t[]")
_buffer, _empty, _process = ffi.from_buffer, np.empty, lib.ec_process  # looked up once: a block takes a few us

_KERNELS = {"auto": lib.EC_AUTO, "scalar": lib.EC_SCALAR, "sse2": lib.EC_SSE2, "avx2": lib.EC_AVX2}


def _new_state(taps, flags):
    state = bytearray(voice.Voice().ec_size(taps))
    lib.ec_init(ffi.from_buffer(state), taps, flags)
    return state


def _runnable():
    state = ffi.from_buffer(_new_state(lib.EC_TAPS_MIN, 0))
    return tuple(name for name, number in _KERNELS.items() if number and lib.ec_kernel(state, number) == number)


KERNELS = _runnable()  # what this machine can run, without "auto"


class EchoCanceller:
    """A line echo canceller, 8 kHz, int16 linear; see native/ec.h for the figure and the words.

    taps: the longest echo path in samples, 16..1024 in steps of 16. nlp: mute what is left of the echo.
    comfort_noise: fill the muted time with noise, with nlp only. kernel: "auto" or one of KERNELS; the output is the
    same to the bit. ValueError says what would be right.
    """

    def __init__(self, taps=128, nlp=False, comfort_noise=False, kernel="auto"):
        if comfort_noise and not nlp:
            raise ValueError("comfort_noise fills what the NLP mutes: it needs nlp=True")
        if kernel != "auto" and kernel not in KERNELS:
            raise ValueError(f"kernel {kernel!r}: must be one of {', '.join(('auto', *KERNELS))}")
        self._state = _new_state(taps, lib.EC_NLP * nlp | lib.EC_COMFORT_NOISE * comfort_noise)
        self._native = ffi.from_buffer(self._state)
        lib.ec_kernel(self._native, _KERNELS[kernel])

    def process(self, rin, sin):
        """Sout of one block: int16 arrays of one axis and of equal length, 0 and more."""
        try:
            n = len(rin)
            if not (rin.dtype is sin.dtype is _INT16 and rin.shape == sin.shape == (n,)):
                raise ValueError
            far, near = _buffer(_PCM, rin), _buffer(_PCM, sin)
        except (AttributeError, TypeError, ValueError):  # not what it should be, or not contiguous
            rin, sin = _checked(rin, sin)
            n, far, near = len(rin), _buffer(_PCM, rin), _buffer(_PCM, sin)
        sout = _empty(n, _INT16)
        _process(self._native, far, near, _buffer(_PCM, sout), n)
        return sout

    def reset(self):
        """Forget the path and all signal history."""
        lib.ec_reset(self._native)

    def freeze(self, on):
        """Stop learning while `on`; cancelling goes on."""
        lib.ec_freeze(self._native, on)

    def stats(self):
        """Dict of erle_db, erl_db (before the NLP) and double_talk, proved, tone, nlp_open (bool); see ec_stats_t."""
        return voice.stats(self._state)

    def path(self):
        """The learnt impulse response from Rout to Sin, float64, one value a tap."""
        return np.array(voice.path(self._state))


def _checked(rin, sin):
    """Both as contiguous arrays, or a ValueError."""
    for name, samples in (("rin", rin), ("sin", sin)):
        if not isinstance(samples, np.ndarray):
            raise ValueError(f"{name} is {type(samples).__name__}: must be a numpy int16 array of one axis")
        if samples.dtype != _INT16 or samples.ndim != 1:
            kind = f"{samples.dtype} of {samples.ndim} axes"
            raise ValueError(f"{name} is {kind}: must be a numpy int16 array of one axis")
    if len(rin) != len(sin):
        raise ValueError(f"rin has {len(rin)} samples, sin {len(sin)}: they must be equal")
    return np.array(rin, _INT16, order="C"), np.array(sin, _INT16, order="C")
