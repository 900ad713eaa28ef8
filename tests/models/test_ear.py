import numpy as np
import pytest
from slic_bench import sine

from femtohost.models.ear import Ear, country_tones
from femtohost.speech import speech_like

COUNTRIES = ("us", "uk", "de", "fr", "jp", "au", "it", "cn")
TONES = ("dial", "busy", "ringback", "reorder")
SAME = {("jp", "busy"): {"busy", "reorder"}, ("jp", "reorder"): {"busy", "reorder"}}


def play(country, name, seconds, start=0.0, level=-19):
    """`seconds` of a tone of a country after `start` seconds of faint noise."""
    tones = country_tones(country)
    modulation = tones["modulation_hz"].get(name)
    x = np.zeros(round(seconds * 8000))
    at, step = 0, 0
    while at < len(x):
        hz, ms = tones["tones"][name][step % len(tones["tones"][name])]
        end = min(at + ms * 8, len(x)) if ms else len(x)
        for f in hz:
            x[at:end] += sine(f, level, (end - at) / 8000)
        if modulation:
            x[at:end] *= 1 + sine(modulation, 3.17, (end - at) / 8000) / 32767
        at, step = end, step + 1
    x = np.append(np.zeros(round(start * 8000)), x)
    return x + np.random.default_rng(1).standard_normal(len(x)) * 5


def heard(country, x, every=1):
    """After each block, or one of so many, the set of all that is heard."""
    ear = Ear(country_tones(country))
    names = [*country_tones(country)["tones"], "silence", "speech"]
    return [
        frozenset(name for name in names if ear.hears(name))
        for i, block in enumerate(x[: len(x) // 80 * 80].reshape(-1, 80))
        if ear.hear(block) is None and i % every == 0
    ]


def babble(seconds, seed=3):
    """Noise in syllables of uneven length."""
    rng = np.random.default_rng(seed)
    n = round(seconds * 8000)
    gate = np.repeat(rng.random(n // 800 + 1) < 0.7, 800)[:n]
    return np.convolve(rng.standard_normal(n), np.ones(4) / 2, "same") * gate * 3000


@pytest.mark.parametrize("start", [0.0, 0.617])
@pytest.mark.parametrize("country", COUNTRIES)
@pytest.mark.parametrize("name", TONES)
def test_every_tone_is_heard_and_taken_for_no_other(country, name, start):
    answers = heard(country, play(country, name, 7.0, start), every=2)
    others = set().union(*answers) - SAME.get((country, name), {name}) - {"silence"}
    assert others == set()
    first = next(i for i, answer in enumerate(answers) if name in answer)
    assert first / 50 - start < 1.7
    assert all(name in answer for answer in answers[first:])


def test_dial_tone_shared_with_ringback_takes_as_long_as_ringback():
    answers = heard("de", play("de", "dial", 2.0))
    assert 1.0 < [bool(a) for a in answers].index(True) / 100 < 1.1


def test_silence_needs_half_a_second():
    answers = heard("us", np.zeros(8000))
    assert [answer == {"silence"} for answer in answers] == [False] * 49 + [True] * 51


@pytest.mark.parametrize("country", ["us", "de", "it"])
@pytest.mark.parametrize("voice", ["low", "high"])
def test_voices_are_never_a_tone(country, voice):
    answers = heard(country, speech_like(20.0, np.random.default_rng(4), voice).astype(float))
    assert set().union(*answers) <= {"speech", "silence"}
    assert sum("speech" in answer for answer in answers) > 0.5 * len(answers)


@pytest.mark.parametrize("country", ["us", "de"])
def test_babble_is_never_a_tone(country):
    answers = heard(country, babble(20.0))
    assert set().union(*answers) <= {"speech", "silence"}
    assert sum("speech" in answer for answer in answers) > 0.8 * len(answers)


def test_ringback_gives_way_to_speech_and_to_busy():
    x = np.concatenate([play("de", "ringback", 6.5), babble(1.0), np.zeros(800), play("de", "busy", 2.5)])
    answers = heard("de", x)
    assert answers[640] == {"ringback"}
    assert answers[745] == {"speech"}
    assert answers[-1] == {"busy"}


def test_answered_ringback_ends():
    answers = heard("us", np.append(play("us", "ringback", 2.0), np.zeros(40000)))
    assert answers[300] == {"ringback"}
    assert answers[-1] == {"silence"}


def test_quiet_and_loud_tones():
    for level in (-35, -4):
        assert heard("uk", play("uk", "ringback", 1.5, level=level))[-1] == {"ringback"}
    assert heard("uk", play("uk", "ringback", 1.5, level=-60))[-1] == {"silence"}


def test_unknown_names_are_refused():
    with pytest.raises(ValueError, match="dial, busy"):
        Ear(country_tones("us")).hears("dialtone")
