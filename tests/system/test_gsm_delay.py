"""How late speech of GSM phones is, and that nothing is missing for it."""

import numpy as np
import pytest

from femtohost.full_rate import FullRate
from femtohost.measure.gsm_delay import WAYS, measure_delays

MOST_MS = 60
LEAST_MS = {"phone-phone": 30, "phone-sip": 15, "sip-phone": 20, "phone-line": 35, "line-phone": 20}
RATE, FRAME, FRAMES_A_S = 8000, 160, 50
NETWORK_MS = 10
SETTLES_S = 10


def test_the_box_adds_at_most_60_ms_in_every_direction():
    found = measure_delays(6)
    assert set(found) == set(WAYS)
    for way, delays in found.items():
        assert max(delays) <= MOST_MS, way
        assert min(delays) >= LEAST_MS[way], way  # less would be a measurement that is wrong


@pytest.fixture
def talking(make_box):
    """`talking(**network) -> (box, phone)`: a phone that records, and the far end, whose tone is steady, in a call."""

    def make(**network):
        box = make_box({"gsm": {"enabled": True}}, **network)
        phone = box.gsm.add("001010000000001")
        phone.power_on()
        box.run_until(lambda: phone.registered and phone.state == "idle", timeout_s=20)
        phone.recording = True
        box.far.talk(tone(1000))
        phone.dial("5550123")
        box.run_until(lambda: phone.call_state == "ACTIVE" and box.far.state == "in-call", timeout_s=20)
        box.run_for(SETTLES_S)
        return box, phone

    return make


def tone(hz):
    return np.round(8000 * np.sin(2 * np.pi * hz * np.arange(RATE) / RATE)).astype(np.int16)


def heard(phone, since):
    """What a phone heard since frame `since`; the decoder needs all that was before."""
    return FullRate().decode(b"".join(phone.heard))[since * FRAME :].reshape(-1, FRAME)


@pytest.mark.parametrize("jitter_ms", [0, 20])
def test_jitter_of_a_packet_is_taken_up_without_a_gap(talking, jitter_ms):
    box, phone = talking(jitter_ms=jitter_ms)
    since = len(phone.heard)
    box.run_for(20)
    assert len(phone.heard) - since >= 20 * FRAMES_A_S - 1
    assert np.abs(heard(phone, since).reshape(-1, 80)).max(axis=1).min() > 4000


def test_keys_make_speech_no_later(talking):
    """Each FACCH block steals one of speech, both ways; what it steals is gone, not late."""
    box, phone = talking()
    phone.press("1234567890" * 3)
    box.run_until(lambda: len(phone.call.dtmf) == 30, timeout_s=60)
    box.run_for(2)
    since = len(phone.heard)
    box.far.talk(tone(400), start_after_s=0)
    box.run_for(1)
    frames = heard(phone, since)
    spectrum = np.abs(np.fft.rfft(frames, axis=1))
    later = int(np.argmax(spectrum[:, 8] > spectrum[:, 20])) * 20  # bins of 50 Hz
    assert 0 < later <= 20 + NETWORK_MS + MOST_MS  # its first packet may be a whole one off
