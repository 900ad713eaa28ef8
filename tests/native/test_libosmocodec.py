"""The SID code word of a full rate frame, against libosmocodec's reading of GSM 05.03 and 06.12."""

import pytest
from cffi import FFI
from gsm_frames import CODE_WORD, WIDTHS, a_sid, damaged, pack, random_frames

from femtohost.full_rate import SID, FullRate

ffi = FFI()
ffi.cdef("bool osmo_fr_check_sid(const uint8_t *rtp_payload, size_t payload_len);")


@pytest.fixture(scope="module")
def is_sid():
    try:
        library = ffi.dlopen("libosmocodec.so.0")
    except OSError as error:
        pytest.skip(f"libosmocodec is missing ({error}): apt-get install libosmocodec0")
    return lambda frame: library.osmo_fr_check_sid(frame, len(frame))


def taken_for_a_sid(frame):
    return FullRate().receive(frame)[0] == SID


FIELD_BITS = [(i, 1 << bit) for i, width in enumerate(WIDTHS) for bit in range(width)]


def test_the_code_word_is_the_same(is_sid):
    assert is_sid(pack(a_sid()))
    for i, bit in FIELD_BITS:
        fields = a_sid()
        fields[i] |= bit
        assert is_sid(pack(fields)) == ((i, bit) not in CODE_WORD)


def test_a_frame_with_15_wrong_bits_is_a_sid_until_another_bit_of_the_code_word_is_wrong(is_sid):
    spoilt = damaged(a_sid(), 15)
    assert taken_for_a_sid(pack(spoilt))
    for i, bit in FIELD_BITS:
        fields, alone = spoilt.copy(), a_sid()
        if not fields[i] & bit:
            fields[i] |= bit
            alone[i] |= bit
            assert taken_for_a_sid(pack(fields)) == is_sid(pack(alone))


def test_speech_is_none(is_sid):
    frames = random_frames(100)
    for i in range(0, len(frames), 33):
        assert not is_sid(frames[i : i + 33])
        assert not taken_for_a_sid(frames[i : i + 33])
