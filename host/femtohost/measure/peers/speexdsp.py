"""SpeexDSP's echo canceller, a block filter in the frequency domain (speex/speex_echo.h)."""

import numpy as np
from cffi import FFI

from femtohost.audio import RATE
from femtohost.measure.peers import Peer, shared_library

LIBRARY = "libspeexdsp.so.1"
FRAME = 160  # 20 ms, the longest that its header recommends
SET_SAMPLING_RATE = 24

ffi = FFI()
ffi.cdef("""
    void *speex_echo_state_init(int frame, int taps);
    void speex_echo_state_destroy(void *state);
    int speex_echo_ctl(void *state, int request, void *value);
    void speex_echo_cancellation(void *state, const int16_t *sin, const int16_t *rin, int16_t *sout);
""")


class SpeexDsp:
    """Its tail is a whole number of frames: never below 160 taps."""

    def __init__(self, taps):
        self._lib = shared_library(ffi, LIBRARY)
        self._state = ffi.gc(self._lib.speex_echo_state_init(FRAME, taps), self._lib.speex_echo_state_destroy)
        self._lib.speex_echo_ctl(self._state, SET_SAMPLING_RATE, ffi.new("int *", RATE))

    def process(self, rin, sin):
        sout = np.empty(len(sin), np.int16)
        far, near, out = (ffi.from_buffer("int16_t[]", np.ascontiguousarray(x)) for x in (rin, sin, sout))
        for i in range(0, len(sin), FRAME):
            self._lib.speex_echo_cancellation(self._state, near + i, far + i, out + i)
        return sout


PEER = Peer(
    "SpeexDSP", SpeexDsp, FRAME, "apt-get install libspeexdsp-dev", f"frames of {FRAME} samples, at least so many taps"
)
