"""libgsm, the full rate codec that is not ours, behind the calls of femtohost.full_rate."""

import numpy as np
from cffi import FFI

from femtohost.full_rate import OCTETS, SAMPLES
from femtohost.measure.peers import shared_library

LIBRARY, GET = "libgsm.so.1", "apt-get install libgsm1"

ffi = FFI()
ffi.cdef("""
    void *gsm_create(void);
    void gsm_destroy(void *state);
    void gsm_encode(void *state, int16_t *pcm, uint8_t *frame);
    int gsm_decode(void *state, uint8_t *frame, int16_t *pcm);
""")


class LibGsm:
    """Both directions of one call; Missing if the library is. A state of libgsm serves one direction only."""

    def __init__(self):
        self._lib = shared_library(ffi, LIBRARY)
        self._encoder, self._decoder = (ffi.gc(self._lib.gsm_create(), self._lib.gsm_destroy) for _ in range(2))

    def encode(self, pcm):
        frames = bytearray(len(pcm) // SAMPLES * OCTETS)
        source, target = ffi.from_buffer("int16_t[]", pcm), ffi.from_buffer("uint8_t[]", frames)
        for i in range(len(pcm) // SAMPLES):
            self._lib.gsm_encode(self._encoder, source + i * SAMPLES, target + i * OCTETS)
        return bytes(frames)

    def decode(self, frames):
        pcm = np.empty(len(frames) // OCTETS * SAMPLES, np.int16)
        source, target = ffi.from_buffer("uint8_t[]", frames), ffi.from_buffer("int16_t[]", pcm)
        for i in range(len(frames) // OCTETS):
            if self._lib.gsm_decode(self._decoder, source + i * OCTETS, target + i * SAMPLES) != 0:
                raise ValueError(f"libgsm refuses frame {i}")
        return pcm
