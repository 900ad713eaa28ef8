import io

import numpy as np
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from femtohost.peers.g711 import SILENCE, ulaw_decode, ulaw_encode


def test_decoding_agrees_with_libsndfile():
    octets = bytes(range(256))
    theirs, _ = soundfile.read(
        io.BytesIO(octets), dtype="int16", format="RAW", subtype="ULAW", samplerate=8000, channels=1
    )
    assert np.array_equal(ulaw_decode(octets), theirs)


def test_every_code_survives():
    codes = bytes(c for c in range(256) if c != 0x7F)  # negative zero comes back as positive zero
    assert ulaw_encode(ulaw_decode(codes)) == codes
    assert ulaw_encode(np.zeros(1, np.int16)) == bytes([SILENCE])


@given(st.integers(-32768, 32767))
def test_error_is_within_half_a_step(sample):
    decoded = int(ulaw_decode(ulaw_encode([sample]))[0])
    magnitude = min(abs(sample), 32635)
    segment = (magnitude // 4 + 33).bit_length() - 6
    assert abs(abs(decoded) - magnitude) <= 4 << segment
    assert decoded == 0 or (decoded > 0) == (sample > 0)
