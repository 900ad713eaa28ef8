"""The leg of a phone: driven, bridged and through; and the keys that it makes heard."""

import numpy as np
import pytest

from femtohost.full_rate import FullRate
from femtohost.voice import Voice
from femtojack.gsm.full_rate import FullRateLeg
from femtojack.voice.dtmf import Dtmf

LOW, HIGH = (697, 770, 852, 941), (1209, 1336, 1477, 1633)
KEYS = "123A456B789C*0#D"


class Speech:
    """A radio channel: a frame comes, then one is wanted."""

    def __init__(self):
        self.said = []
        self.received = self.wanted = None

    def attach(self, received, wanted):
        self.received, self.wanted = received, wanted

    def detach(self):
        self.received = self.wanted = None

    def pass_by(self, frame):
        self.received(memoryview(frame))
        self.wanted()

    def send(self, frame):
        self.said.append(bytes(frame))


class Far:
    """A leg that follows: says `pcm`, notes what it hears."""

    def __init__(self, pcm=()):
        self.blocks = [pcm[i : i + 80] for i in range(0, len(pcm), 80)]
        self.heard = []
        self.caught_up = 0
        self.keys, self.tells_keys = "", False

    def catch_up(self):
        self.caught_up += 1

    def press(self, key):
        self.keys += key
        return self.tells_keys

    def let_go(self):
        self.keys += "-"

    def get(self):
        return memoryview(self.blocks.pop(0)) if self.blocks else None

    def put(self, pcm):
        self.heard.append(np.array(pcm, np.int16))


def attached():
    leg, speech = FullRateLeg(Voice()), Speech()
    leg.attach(speech)
    return leg, speech


def bridged():
    leg, speech = attached()
    leg.start(None)
    return leg, speech


def pcm(seed, frames):
    return np.random.default_rng(seed).integers(-8000, 8000, frames * 160).astype(np.int16)


def frames_of(samples):
    octets = FullRate().encode(samples)
    return [octets[i : i + 33] for i in range(0, len(octets), 33)]


def test_driven_each_frame_is_heard_and_answered_at_once():
    leg, speech = attached()
    said, far = pcm(1, 20), Far(pcm(2, 20))
    expected = b"".join(frames_of(pcm(2, 20)))
    leg.join(far)
    for frame in frames_of(said):
        speech.pass_by(frame)
    assert b"".join(speech.said) == expected
    reader = FullRate()
    decoded = np.concatenate([reader.receive(frame)[1] for frame in frames_of(said)])
    assert np.array_equal(np.concatenate(far.heard), decoded)


def test_a_bad_frame_is_bridged_and_a_silent_far_end_is_silence():
    leg, speech = attached()
    far = Far()
    leg.join(far)
    for frame in [*frames_of(pcm(1, 3)), b"", b""]:
        speech.pass_by(frame)
    assert len(far.heard) == 10 and np.abs(far.heard[-1]).max() > 0
    assert speech.said == frames_of(np.zeros(5 * 160, np.int16))


def test_through_frames_pass_bit_by_bit_and_bad_ones_not_at_all():
    one, one_speech = attached()
    other, other_speech = attached()
    one.join(other)
    other.join(one)
    frames = [bytes((0xD0,)) + bytes(range(i, i + 32)) for i in range(9)]
    for frame in frames:
        one_speech.received(memoryview(frame))
        other_speech.received(memoryview(frame[:1] + frame[:0:-1]))
    one_speech.received(memoryview(b""))
    assert other_speech.said == frames
    assert one_speech.said == [frame[:1] + frame[:0:-1] for frame in frames]


TDMA_MS = 60 / 13
AHEAD_MS = 5.5  # of its block a frame is wanted


def bridge(leg, speech, blocks, phase):
    """Carry 10 ms `blocks` both ways, beside a frame each 4, 4 and 5 TDMA frames from `phase` ms on."""
    frames = len(blocks) // 2
    begins = [phase + 60 * (i // 3) + 4 * TDMA_MS * (i % 3) for i in range(frames)]
    heard = frames_of(pcm(1, frames))
    events = [(at, lambda f=f: speech.received(memoryview(f))) for at, f in zip(begins, heard, strict=True)]
    events += [(at - AHEAD_MS, speech.wanted) for at in begins]
    got = []
    events += [(10 * i, lambda b=b: (got.append(leg.get()), leg.put(b))) for i, b in enumerate(blocks)]
    for _, action in sorted(events, key=lambda event: event[0]):
        action()
    return got


def total(leg, counter):
    """Of the blocks both ways."""
    return getattr(leg._heard, counter) + getattr(leg._said, counter)


@pytest.mark.parametrize("phase", np.arange(0, 20, 0.7))
def test_bridged_at_another_pace_nothing_is_lost_after_the_first_blocks(phase):
    leg, speech = bridged()
    got = bridge(leg, speech, pcm(3, 300).reshape(-1, 80), 3.7 + phase)
    assert total(leg, "dry") <= 4 and total(leg, "dropped") <= 1
    assert len(speech.said) >= 298
    assert all(block is not None for block in got[20:])


@pytest.mark.parametrize("surplus", [1, 2, 3])
def test_what_waits_for_nothing_is_shed(surplus):
    """Blocks that came before the other side began would stay for the whole call."""
    leg, speech = bridged()
    for _ in range(surplus):
        leg.put(np.zeros(80, np.int16))
    speech.received(memoryview(frames_of(pcm(1, 1))[0]))
    bridge(leg, speech, pcm(3, 400).reshape(-1, 80), 3.7)
    assert leg._said.count + leg._heard.count <= 3
    assert total(leg, "dropped") <= surplus + 2


def test_who_never_fetches_is_bounded_and_who_never_says_is_silent():
    leg, speech = bridged()
    for frame in frames_of(pcm(1, 50)):
        speech.pass_by(frame)
    assert speech.said == [] and total(leg, "dropped") > 80
    for _ in range(50):
        leg.put(np.zeros(80, np.int16))
    assert leg.get() is not None


def test_a_bridge_that_begins_finds_nothing_old():
    leg, speech = bridged()
    for frame in frames_of(pcm(1, 5)):
        speech.pass_by(frame)
    leg.start(None)
    assert leg.get() is None


def test_a_leg_that_comes_back_leaves_what_is_old_to_the_one_that_follows():
    leg, speech = attached()
    far = Far()
    leg.join(far)
    leg.detach()
    leg.attach(speech)
    assert far.caught_up == 1


def test_a_block_that_is_in_use_stays_as_it_is():
    """However many wait: a frame may come while the last block that was given is still played."""
    for waiting in range(1, 8):
        leg, speech = bridged()
        for frame in frames_of(pcm(1, waiting)):
            speech.received(memoryview(frame))
        for gets in range(1, 5):
            block = leg.get()
            before = block and bytes(block)
            if gets & 1:
                speech.received(memoryview(frames_of(pcm(2, 1))[0]))
            assert block is None or bytes(block) == before


def test_a_detached_leg_says_and_hears_nothing():
    one, one_speech = attached()
    other, other_speech = attached()
    one.join(other)
    other.detach()
    assert other_speech.received is None and not other.attached
    one_speech.received(memoryview(frames_of(pcm(1, 1))[0]))
    assert other_speech.said == []
    other.detach()


# -- keys -----------------------------------------------------------------------------------------------------------


def levels(samples, hz):
    """Amplitude at `hz`."""
    n = np.arange(len(samples))
    return 2 * abs(np.dot(samples, np.exp(-2j * np.pi * hz * n / 8000))) / len(samples)


@pytest.mark.parametrize("key", KEYS)
def test_each_key_is_its_two_tones_at_their_levels(key):
    dtmf = Dtmf()
    dtmf.start(key)
    samples = np.concatenate([np.array(dtmf.block()) for _ in range(100)]).astype(float)
    row, column = divmod(KEYS.index(key), 4)
    assert levels(samples, LOW[row]) == pytest.approx(8099, rel=0.03)  # -9 dBm0
    assert levels(samples, HIGH[column]) == pytest.approx(10196, rel=0.03)  # -7 dBm0
    rest = [hz for hz in LOW + HIGH if hz not in (LOW[row], HIGH[column])]
    assert max(levels(samples, hz) for hz in rest) < 100
    assert np.abs(samples).max() < 18500


def test_a_long_key_keeps_its_level():
    dtmf = Dtmf()
    dtmf.start("5")
    for _ in range(3000):
        samples = np.array(dtmf.block(), float)
    assert levels(np.concatenate([np.array(dtmf.block(), float) for _ in range(20)]), 770) == pytest.approx(
        8099, rel=0.1
    )
    assert len(samples) == 80


def test_a_short_key_is_heard_for_70_ms():
    dtmf = Dtmf()
    dtmf.start("1")
    dtmf.let_go()
    sounding = 0
    while dtmf.sounding:
        dtmf.block()
        sounding += 1
    assert sounding == 7 and not np.any(dtmf.block())


def test_a_key_takes_the_place_of_speech_through_to_another_phone():
    one, one_speech = attached()
    other, other_speech = attached()
    one.join(other)
    frames = frames_of(pcm(1, 10))
    one.press("9")
    for i, frame in enumerate(frames):
        if i == 5:
            one.let_go()
        one_speech.received(memoryview(frame))
    heard = FullRate().decode(b"".join(other_speech.said[:5])).astype(float)
    assert levels(heard[160:], 852) > 5000 and levels(heard[160:], 1477) > 5000
    assert other_speech.said[5:] == frames[5:]


def test_a_key_is_heard_by_the_leg_that_follows():
    leg, speech = attached()
    far = Far()
    leg.join(far)
    leg.press("#")
    for frame in frames_of(pcm(1, 5)):
        speech.received(memoryview(frame))
    heard = np.concatenate(far.heard).astype(float)
    assert levels(heard, 941) > 7000 and levels(heard, 1477) > 9000


def test_a_key_that_the_other_side_tells_is_not_heard():
    leg, speech = attached()
    far = Far()
    far.tells_keys = True
    leg.join(far)
    leg.press("#")
    for frame in frames_of(np.zeros(800, np.int16)):
        speech.received(memoryview(frame))
    leg.let_go()
    assert far.keys == "#-" and np.abs(np.concatenate(far.heard)).max() < 100
    leg.press("5")
    leg.detach()
    assert far.keys == "#-5-"
