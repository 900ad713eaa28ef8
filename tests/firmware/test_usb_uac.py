"""The sound card between a board's FIFOs and the bridge."""

from array import array

import numpy as np
import pytest

from femtohost.voice import Voice
from femtojack.usb import uac
from femtojack.usb.uac import SoundCard

CAPTURE, PLAYBACK = 2, 3


class Audio:
    """board.usb_audio with both FIFOs open to the test."""

    mute, volume = False, 0

    def __init__(self, capture=1, playback=2):
        self.alternates = {CAPTURE: capture, PLAYBACK: playback}
        self.playing = b""
        self.recorded = b""
        self.room = 1 << 20

    def alt(self, itf):
        return self.alternates[itf]

    def read(self, buf, start=0):
        view = memoryview(buf).cast("B")[2 * start :]
        n = min(len(view), len(self.playing))
        view[:n] = self.playing[:n]
        self.playing = self.playing[n:]
        return n

    def write(self, buf):
        data = bytes(memoryview(buf).cast("B"))[: self.room]
        self.recorded += data
        self.room -= len(data)
        return len(data)

    def space(self):
        return self.room


def rig(**alternates):
    audio = Audio(**alternates)
    return audio, SoundCard(audio, Voice().pcm_halve, CAPTURE, PLAYBACK)


def block(value):
    return array("h", [value] * 80)


def played(card, blocks):
    """The first sample of each block; None for silence."""
    return [pcm[0] if (pcm := card.get()) else None for _ in range(blocks)]


def test_playing_starts_with_three_blocks_and_keeps_their_order():
    audio, card = rig()
    heard = []
    for i in range(10):
        audio.playing += block(i).tobytes()
        card.step()
        heard += played(card, 1)
    assert heard == [None, None, 0, 1, 2, 3, 4, 5, 6, 7]
    assert (card.played, card.repeated, card.dropped) == (8, 0, 0)


@pytest.mark.parametrize("size", [2, 14, 16, 18, 162, 480])
def test_octets_in_any_pieces_make_the_same_blocks(size):
    audio, card = rig()
    sound = np.arange(8000, dtype="<i2").tobytes()
    heard = b""
    for at in range(0, len(sound), size):
        audio.playing += sound[at : at + size]
        card.step()
        while card._level >= 3:
            heard += card.get().tobytes()
    assert len(heard) > 15000 and sound.startswith(heard)


def test_a_dry_queue_repeats_once_and_then_waits():
    audio, card = rig()
    audio.playing = b"".join(block(i).tobytes() for i in range(3))
    card.step()
    assert played(card, 6) == [0, 1, 2, 2, None, None]
    assert card.repeated == 1
    audio.playing = block(9).tobytes() * 3
    card.step()
    assert played(card, 1) == [9]


def test_a_pc_that_is_slow_by_one_block_is_bridged():
    audio, card = rig()
    audio.playing = block(1).tobytes() * 3
    card.step()
    assert played(card, 4) == [1, 1, 1, 1]
    audio.playing = block(2).tobytes()
    card.step()
    assert played(card, 1) == [2]


def test_a_pc_that_is_ahead_loses_a_block_in_five_seconds():
    audio, card = rig()
    audio.playing = block(0).tobytes() * 3
    card.step()
    card.get()
    for i in range(3600):
        if i == 1:
            audio.playing = block(0).tobytes() * 4
        audio.playing += block(0).tobytes()
        card.step()
        card.get()
    assert (card.dropped, card._level, card.repeated) == (4, 2, 0)  # down to what it needs, and no further


def test_a_flood_is_bounded():
    audio, card = rig()
    audio.playing = b"".join(block(i).tobytes() for i in range(100))
    card.step()
    assert played(card, 4) == [97, 98, 99, 99]


def test_a_pc_that_was_held_up_brings_what_it_has_at_once():
    audio, card = rig()
    audio.playing = b"".join(block(i).tobytes() for i in range(3))
    card.step()
    assert played(card, 3) == [0, 1, 2]
    audio.playing = b"".join(block(i).tobytes() for i in range(3, 13))
    card.step()
    assert played(card, 10) == list(range(3, 13))


def test_who_begins_to_listen_hears_what_is_played_now():
    audio, card = rig()
    for i in range(200):
        audio.playing = block(i).tobytes()
        card.step()
    assert played(card, 3) == [197, 198, 199]
    assert (card.dropped, card.repeated) == (0, 0)


def test_mute_silences_and_goes_on():
    audio, card = rig()
    audio.playing = b"".join(block(i).tobytes() for i in range(3))
    card.step()
    audio.mute = True
    assert played(card, 2) == [None, None]
    audio.mute = False
    assert played(card, 1) == [2]


@pytest.mark.parametrize("db", [-0.5, -1, -6, -20, -48, -90])
def test_volume_in_decibels(db):
    audio, card = rig()
    audio.playing = block(30000).tobytes() * 4
    audio.volume = round(db * 256)
    card.step()
    assert card.get()[0] == pytest.approx(30000 * 10 ** (db / 20), rel=0.002, abs=5)


@pytest.mark.parametrize(("volume", "factor"), [(0, 4096), (1, 4096), (32767, 4096), (-32768, 0), (-12, 4096)])
def test_volumes_at_the_ends(volume, factor):
    assert uac.factor(volume) == factor


def test_the_pc_records_what_is_put_or_silence():
    audio, card = rig()
    card.put(block(5))
    card.muted = True
    card.put(block(6))
    assert audio.recorded == block(5).tobytes() + block(0).tobytes()
    audio.room = 100
    card.put(block(7))
    assert (card.captured, card.lost, len(audio.recorded)) == (2, 1, 320)


def test_a_pc_that_does_not_record_loses_nothing():
    audio, card = rig(capture=0)
    card.put(block(5))
    assert (audio.recorded, card.captured, card.lost) == (b"", 0, 0)


def test_a_new_alternate_setting_begins_anew():
    audio, card = rig()
    audio.playing = block(1).tobytes() * 5
    card.step()
    assert card.streaming
    audio.alternates = {CAPTURE: 0, PLAYBACK: 0}
    card.step()
    assert played(card, 1) == [None] and not card.streaming


def test_an_alternate_setting_that_there_is_not_plays_nothing():
    audio, card = rig(playback=7)
    audio.playing = block(1).tobytes()
    card.step()
    assert played(card, 1) == [None]


def test_loopback_is_exact_and_no_business_of_the_bridge():
    audio, card = rig()
    card.loopback = True
    sound = np.random.default_rng(1).integers(-32768, 32768, 5000).astype("<i2").tobytes()
    for at in range(0, len(sound), 238):
        audio.playing += sound[at : at + 238]
        card.step()
    card.put(block(1))
    assert audio.recorded == sound
    assert not card.streaming and played(card, 1) == [None]


def test_loopback_waits_for_room():
    audio, card = rig()
    card.loopback = True
    audio.room = 200
    audio.playing = block(1).tobytes() * 5
    card.step()
    assert len(audio.recorded) == 160
    audio.room = 1 << 20
    card.step()
    assert len(audio.recorded) == 800


def test_loopback_without_capture_keeps_nothing():
    audio, card = rig(capture=0)
    card.loopback = True
    audio.playing = block(1).tobytes() * 5
    card.step()
    assert audio.playing == audio.recorded == b""


@pytest.mark.parametrize(("hz", "level"), [(1000, 1.0), (3000, 1.0), (5000, 0.0), (7000, 0.0)])
def test_tones_of_a_wide_pc(hz, level):
    audio, card = rig(playback=1)
    tone = np.round(20000 * np.sin(2 * np.pi * hz * np.arange(16000) / 16000)).astype("<i2").tobytes()
    heard = b""
    for at in range(0, len(tone), 32):
        audio.playing += tone[at : at + 32]
        card.step()
        if at % 320 == 0 and (pcm := card.get()):
            heard += pcm.tobytes()
    samples = np.frombuffer(heard, "<i2").astype(float)[800:]
    assert len(samples) > 6000
    assert np.sqrt((samples**2).mean()) == pytest.approx(level * 20000 / np.sqrt(2), rel=0.01, abs=40)


def test_a_pc_that_was_late_gets_what_is_there_before_what_is_new():
    audio, card = rig()
    audio.room = whole = 50 * 160
    for i in range(52):
        card.put(block(i))
    assert (card.captured, card.lost) == (50, 2)
    audio.room = whole - 4 * 160
    card.put(block(52))
    assert (card.captured, card.lost) == (50, 3)
    audio.room = whole - 3 * 160
    card.put(block(53))
    card.put(block(54))
    assert (card.captured, card.lost) == (52, 3)
