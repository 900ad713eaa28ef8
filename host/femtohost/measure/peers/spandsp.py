"""SpanDSP's line echo canceller (spandsp/echo.h), adaptation only."""

from contextlib import contextmanager
from functools import cache

import numpy as np
from cffi import FFI

from femtohost.measure.peers import Missing, Peer, shared_library

LIBRARY = "libspandsp.so.2"
ADAPT = 1  # ECHO_CAN_USE_ADAPTION: neither NLP nor comfort noise

ffi = FFI()
ffi.cdef("""
    void *echo_can_init(int taps, int mode);
    int echo_can_free(void *state);
    int16_t echo_can_update(void *state, int16_t tx, int16_t rx);
    int16_t echo_can_hpf_tx(void *state, int16_t tx);
    void *fopen(const char *name, const char *mode);
    extern void *stdout;
""")


@cache
def _libc():
    """(C library, a stream open for reading only: what is printed to it fails at once and costs nothing)."""
    c = ffi.dlopen(None)
    return c, c.fopen(b"/dev/null", b"r")


@contextmanager
def _silent():
    """C's stdout refuses all text: Debian's library prints in the middle of its work, some lines a sample."""
    c, refusing = _libc()
    kept, c.stdout = c.stdout, refusing
    try:
        yield
    finally:
        c.stdout = kept


class SpanDsp:
    """One call a sample: the library has no other."""

    def __init__(self, taps):
        self._lib = shared_library(ffi, LIBRARY)
        with _silent():
            self._state = ffi.gc(self._lib.echo_can_init(taps, ADAPT), self._lib.echo_can_free)
        if not self._state:
            raise Missing(f"echo_can_init({taps}) failed")

    def process(self, rin, sin):
        update, state = self._lib.echo_can_update, self._state
        with _silent():
            return np.array([update(state, *pair) for pair in zip(rin.tolist(), sin.tolist(), strict=True)], np.int16)

    def idle(self, rin, sin):
        """The same loop around a function of the library that does nothing in this mode: what the binding costs."""
        nothing, state = self._lib.echo_can_hpf_tx, self._state
        return np.array([nothing(state, far) for far, _ in zip(rin.tolist(), sin.tolist(), strict=True)], np.int16)


PEER = Peer(
    "SpanDSP", SpanDsp, get="apt-get install libspandsp-dev",
    note="no NLP; time without the binding's; figures vary by some 0.1 dB from run to run",
)  # fmt: skip
