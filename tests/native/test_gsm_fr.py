"""The full rate codec: frames, known results, and what it plays when frames are lost or are silence descriptors.

That its bits are those of another codec, tests/peers/test_libgsm.py shows.
"""

import array
import hashlib

import numpy as np
import pytest
from gsm_frames import (
    LAR_BITS,
    MC,
    NC,
    XMAXC,
    a_sid,
    damaged,
    noise,
    pack,
    pcm_noise,
    random_frames,
    signals,
    unpack,
    wrong_bits,
)
from hypothesis import given
from hypothesis import strategies as st

from femtohost.full_rate import LOST, SID, SPEECH, FullRate
from femtohost.voice import Voice

VOICE = Voice()
SILENCE = [42, 39, 21, 10, 9, 4, 3, 2] + [40, 0, 1, 0, 3, 4, 3, 4, 4, 3, 3, 3, 3, 4, 4, 3, 3] * 4  # 06.11 table 1

# SHA-256 of what libgsm 1.0.22 makes of all `signals`, one after the other, and of random frames.
FRAMES_SHA256 = "9151447c336638b05a811dc1ddb06b7a5c7af284ed4552064394e407e8a0e5c6"
PCM_SHA256 = "ef922ef61c17c3946d882b581e74d581689eb0fdd7b22956083f9b933ad7c8db"


def everything():
    """All signals but those made of sines, which may differ from machine to machine."""
    sines = ("sweep", "quiet sweep", "tone", "many tones")
    return np.concatenate([samples for name, samples in signals() if not name.startswith(sines)])


def test_known_frames_and_samples():
    assert hashlib.sha256(FullRate().encode(everything())).hexdigest() == FRAMES_SHA256
    assert hashlib.sha256(FullRate().decode(random_frames(1000)).tobytes()).hexdigest() == PCM_SHA256


def test_the_frame_is_that_of_rfc_3551():
    frames = FullRate().encode(pcm_noise(50))
    for i in range(0, len(frames), 33):
        fields = unpack(frames[i : i + 33])
        assert pack(fields) == frames[i : i + 33]
        assert all(40 <= lag <= 120 for lag in fields[NC])


def test_the_directions_do_not_know_of_each_other():
    pcm, frames = pcm_noise(20), random_frames(20)
    both = FullRate()
    for i in range(20):
        frame, samples = frames[33 * i : 33 * i + 33], pcm[160 * i : 160 * i + 160]
        both.encode(samples)
        both.decode(frame)
    assert both.encode(pcm[:160]) == _after(pcm, pcm[:160])
    assert np.array_equal(both.decode(frames), FullRate().decode(frames + frames)[3200:])


def _after(before, pcm):
    codec = FullRate()
    codec.encode(before)
    return codec.encode(pcm)


def test_the_three_lowest_bits_do_not_count():
    pcm = pcm_noise(10)
    assert FullRate().encode(pcm) == FullRate().encode(pcm & ~7) == FullRate().encode(pcm | 7)
    assert not (FullRate().decode(random_frames(50)) & 7).any()


def test_what_is_no_frame_is_refused_and_changes_nothing():
    state, pcm = new_state(), array.array("h", [77] * 160)
    frame = bytearray(random_frames(1))
    before = bytes(state)
    for signature in set(range(16)) - {0xD}:
        frame[0] = signature << 4 | frame[0] & 15
        assert VOICE.gsm_fr_decode(state, frame, pcm) is False
    assert bytes(state) == before and set(pcm) == {77}
    with pytest.raises(ValueError, match="frame 1 begins with 0x40"):
        FullRate().decode(random_frames(1) + b"\x40" * 33)


# -- frames that do not come --


class Handler:
    """GSM 06.11, 06.12 and 06.31 read once more: which fields are decoded, given what came."""

    def __init__(self):
        self.random, self.lost, self.noise = 1, 0, False
        self.speech, self.sid = SILENCE, SILENCE

    def draw(self, n):
        self.random = (self.random * 1664525 + 1013904223) % 2**32
        return (self.random >> 16) * n >> 16

    def comfort_noise(self):
        fields = [*self.sid[:8]]
        for subframe in range(4):
            grid = self.draw(4)
            fields += [120 if subframe % 2 else 40, 0, grid, self.sid[XMAXC][subframe]]
            fields += [1 + self.draw(6) for _ in range(13)]
        return fields

    def lose(self):
        self.lost += 1
        fields = np.array(self.comfort_noise() if self.noise else self.speech)
        fades = self.lost - (48 if self.noise else 1)
        if fades > 0 and max(fields[XMAXC]) - 4 * (fades - 1) <= 0:
            return SILENCE
        if fades > 0:
            fields[XMAXC] = np.maximum(fields[XMAXC] - 4 * fades, 0)
            fields[MC] = [self.draw(4) for _ in range(4)]
        return fields

    def get(self, fields):
        self.lost = 0
        wrong = wrong_bits(fields)
        self.noise = wrong < 16
        if not self.noise:
            self.speech = fields
            return fields
        if wrong < 2:
            self.sid = fields
        return self.comfort_noise()

    def take(self, frame):
        """The fields to decode when `frame` came: 33 octets, or None."""
        lost = frame is None or frame[0] >> 4 != 0xD
        return self.lose() if lost else self.get(unpack(frame))


def speech_frames(n):
    """n frames, the last of which is loud."""
    frames = FullRate().encode(pcm_noise(n))
    return [frames[i : i + 33] for i in range(0, len(frames), 33)]


def play(came):
    """What is received when `came`, frames or None, and what a plain decoder makes of Handler's fields."""
    codec, plain, handler = FullRate(), FullRate(), Handler()
    received = [codec.receive(frame)[1] for frame in came]
    return np.array(received), np.array([plain.decode(pack(handler.take(frame))) for frame in came])


def rms(pcm):
    return np.sqrt(np.mean(pcm.astype(float) ** 2, axis=-1))


def test_good_frames_are_decoded_plainly():
    frames = speech_frames(10)
    codec = FullRate()
    received = [codec.receive(frame) for frame in frames]
    assert [kind for kind, _ in received] == [SPEECH] * 10
    assert np.array_equal(np.concatenate([pcm for _, pcm in received]), FullRate().decode(b"".join(frames)))


def test_a_lost_frame_is_the_last_good_one_again():
    frames = speech_frames(5)
    received, _ = play([*frames, None, *frames])
    assert np.array_equal(received.ravel(), FullRate().decode(b"".join([*frames, frames[-1], *frames])))


def test_what_stays_lost_fades_to_silence_in_320_ms():
    received, expected = play([*speech_frames(5), *[None] * 60])
    assert np.array_equal(received, expected)
    loudness = rms(received)[5:]
    assert loudness[0] > 5000
    assert (loudness[17:] < 20).all()


def test_before_the_first_frame_there_is_silence():
    received, expected = play([None] * 5)
    assert np.array_equal(received, expected)
    assert rms(received).max() < 20


def test_comfort_noise_goes_on_as_loud_until_two_sids_were_lost():
    sid = pack(a_sid())
    received, expected = play([*speech_frames(3), sid, *[None] * 80])
    assert np.array_equal(received, expected)
    loudness = rms(received)[3:]
    assert loudness[30:49].mean() == pytest.approx(loudness[3:30].mean(), rel=0.2)
    assert (loudness[60:] < 20).all()


def test_a_new_sid_changes_the_noise_and_stops_the_fading():
    louder = pack(a_sid(xmax=(30, 30, 30, 30)))
    received, expected = play([pack(a_sid()), *[None] * 52, louder, *[None] * 40])
    assert np.array_equal(received, expected)
    assert rms(received)[60:].mean() > 1.5 * rms(received)[5:48].mean()


def test_speech_ends_the_noise_and_is_what_is_repeated():
    frames = speech_frames(3)
    received, expected = play([pack(a_sid()), *frames, None, None])
    assert np.array_equal(received, expected)


@pytest.mark.parametrize(("wrong", "kind"), [(0, SID), (1, SID), (2, SID), (15, SID), (16, SPEECH), (95, SPEECH)])
def test_wrong_bits_of_the_sid_code_word(wrong, kind):
    assert FullRate().receive(pack(damaged(a_sid(), wrong)))[0] == kind


@pytest.mark.parametrize(("wrong", "louder"), [(1, True), (2, False)])
def test_a_damaged_sid_keeps_the_noise_going_and_only_a_valid_one_changes_it(wrong, louder):
    loud = pack(damaged(a_sid(xmax=(50,) * 4), wrong))
    received, expected = play([pack(a_sid()), *[None] * 40, loud, *[None] * 40])
    assert np.array_equal(received, expected)
    before, after = rms(received)[5:40].mean(), rms(received)[45:].mean()
    assert after > 3 * before if louder else after == pytest.approx(before, rel=0.2)


def test_what_is_no_frame_is_a_lost_one():
    frames = speech_frames(4)
    codec, other = FullRate(), FullRate()
    for frame in frames:
        codec.receive(frame)
        other.receive(frame)
    for _ in range(30):
        kind, pcm = codec.receive(b"\x5d" * 33)
        assert kind == LOST
        assert np.array_equal(pcm, other.receive(None)[1])


def test_nothing_for_a_minute_stays_silence():
    received, _ = play([*speech_frames(1), *[None] * 3000])
    assert rms(received)[20:].max() < 20


anything = st.one_of(
    st.none(),
    st.binary(min_size=33, max_size=33),
    st.binary(min_size=32, max_size=32).map(lambda octets: b"\xd5" + octets),
    st.tuples(st.tuples(*[st.integers(0, 2**bits - 1) for bits in LAR_BITS]), st.tuples(*[st.integers(0, 63)] * 4),
              st.integers(0, 20)).map(lambda sid: pack(damaged(a_sid(*sid[:2]), sid[2]))),
)  # fmt: skip


@given(st.lists(st.tuples(anything, st.integers(0, 60)), max_size=4))
def test_whatever_comes_and_is_lost(story):
    received, expected = play([each for frame, lost in story for each in (frame, *[None] * lost)])
    assert np.array_equal(received, expected)


# -- as the firmware calls it --


def new_state():
    state = bytearray(VOICE.gsm_fr_size())
    VOICE.gsm_fr_init(state)
    return state


def test_voice_makes_the_same():
    state, frame, heard = new_state(), bytearray(33), array.array("h", bytes(320))
    codec, pcm = FullRate(), pcm_noise(5)
    for i in range(0, len(pcm), 160):
        VOICE.gsm_fr_encode(state, array.array("h", pcm[i : i + 160].tobytes()), frame)
        assert bytes(frame) == codec.encode(pcm[i : i + 160])
        assert VOICE.gsm_fr_decode(state, frame, heard) is True
        assert np.array_equal(np.array(heard), codec.decode(bytes(frame)))
        assert VOICE.gsm_fr_receive(state, frame, heard) == SPEECH
        assert np.array_equal(np.array(heard), codec.receive(bytes(frame))[1])
    assert VOICE.gsm_fr_receive(state, None, heard) == LOST


def test_init_forgets():
    state, frame = new_state(), bytearray(33)
    fresh = bytes(state)
    VOICE.gsm_fr_encode(state, array.array("h", [1000] * 160), frame)
    assert bytes(state) != fresh
    VOICE.gsm_fr_init(state)
    assert bytes(state) == fresh


def test_bad_buffers():
    state, frame, pcm = new_state(), bytearray(noise(33)), array.array("h", bytes(320))
    with pytest.raises(ValueError, match="needs 660"):
        VOICE.gsm_fr_init(bytearray(659))
    for call in (VOICE.gsm_fr_decode, VOICE.gsm_fr_receive, lambda s, f, p: VOICE.gsm_fr_encode(s, p, f)):
        with pytest.raises(ValueError, match="32 octets"):
            call(state, frame[:32], pcm)
        with pytest.raises(ValueError, match="159 samples"):
            call(state, frame, pcm[:159])
        with pytest.raises(ValueError, match="320 samples"):
            call(state, frame, bytearray(320))
        with pytest.raises(ValueError, match="gsm_fr_init"):
            call(bytearray(660), frame, pcm)
        with pytest.raises(ValueError, match="gsm_fr_init"):
            call(bytearray(0), frame, pcm)


def test_the_states_of_codec_and_canceller_are_not_taken_for_each_other():
    pcm, canceller = array.array("h", bytes(320)), bytearray(VOICE.ec_size(128))
    VOICE.ec_init(canceller, 128, 0)
    with pytest.raises(ValueError, match="gsm_fr_init"):
        VOICE.gsm_fr_encode(canceller, pcm, bytearray(33))
    with pytest.raises(ValueError, match="ec_init"):
        VOICE.ec_process(new_state(), pcm, pcm, pcm)


@pytest.mark.parametrize("pcm", [np.zeros(161, np.int16), np.zeros(160), np.zeros((1, 160), np.int16)])
def test_what_full_rate_refuses(pcm):
    with pytest.raises(ValueError, match="a multiple of 160"):
        FullRate().encode(pcm)
    with pytest.raises(ValueError, match="a multiple of 33"):
        FullRate().decode(bytes(34))
    with pytest.raises(ValueError, match="a frame has 33"):
        FullRate().receive(bytes(34))
