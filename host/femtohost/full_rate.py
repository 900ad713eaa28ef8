"""The native GSM full rate codec on numpy arrays and bytes, any number of frames at a time."""

import numpy as np
from _femtonative import ffi, lib

SAMPLES, OCTETS = lib.GSM_FR_SAMPLES, lib.GSM_FR_OCTETS
LOST, SPEECH, SID = lib.GSM_FR_LOST, lib.GSM_FR_SPEECH, lib.GSM_FR_SID


class FullRate:
    """Both directions of one call, 8 kHz, int16 linear; see native/gsm_fr.h. Frames have 160 samples, 33 octets."""

    def __init__(self):
        self._state = ffi.from_buffer(bytearray(lib.gsm_fr_size()))
        lib.gsm_fr_init(self._state)

    def encode(self, pcm):
        """The frames, bytes, of an int16 array of whole frames."""
        pcm = np.ascontiguousarray(pcm)
        if pcm.dtype != np.int16 or pcm.ndim != 1 or len(pcm) % SAMPLES:
            raise ValueError(f"{pcm.dtype} of shape {pcm.shape}: must be int16, a multiple of {SAMPLES} samples")
        frames = bytearray(len(pcm) // SAMPLES * OCTETS)
        source, target = ffi.from_buffer("int16_t[]", pcm), ffi.from_buffer("uint8_t[]", frames)
        for i in range(len(pcm) // SAMPLES):
            lib.gsm_fr_encode(self._state, source + i * SAMPLES, target + i * OCTETS)
        return bytes(frames)

    def decode(self, frames):
        """The samples of whole frames; ValueError names the first that is none, those before it are decoded."""
        if len(frames) % OCTETS:
            raise ValueError(f"{len(frames)} octets: must be a multiple of {OCTETS}")
        pcm = np.empty(len(frames) // OCTETS * SAMPLES, np.int16)
        source, target = ffi.from_buffer("uint8_t[]", frames), ffi.from_buffer("int16_t[]", pcm)
        for i in range(len(frames) // OCTETS):
            if lib.gsm_fr_decode(self._state, source + i * OCTETS, target + i * SAMPLES) != 0:
                first = frames[i * OCTETS]
                raise ValueError(f"frame {i} begins with {first:#04x}: no full rate frame, they begin with 0xd.")
        return pcm

    def receive(self, frame):
        """(kind, 160 samples) of what came in 20 ms: bytes, or None; LOST, SPEECH or SID."""
        if frame is not None and len(frame) != OCTETS:
            raise ValueError(f"{len(frame)} octets: a frame has {OCTETS}")
        pcm = np.empty(SAMPLES, np.int16)
        octets = ffi.NULL if frame is None else ffi.from_buffer("uint8_t[]", frame)
        return lib.gsm_fr_receive(self._state, octets, ffi.from_buffer("int16_t[]", pcm)), pcm
