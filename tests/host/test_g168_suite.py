"""The suite: signals are what they claim, good cancellers pass, bad ones fail, and nothing depends on who runs it."""

from itertools import pairwise

import numpy as np
import pytest

from femtohost.canceller import EchoCanceller
from femtohost.errors import UserError
from femtohost.levels import dbm0
from femtohost.measure import g168, suite
from femtohost.measure.limits import Limit
from femtohost.measure.procedures import NO_SOURCE, PROCEDURES
from femtohost.measure.scene import make_scene, play


class Wire:
    """Cancels nothing."""

    def __init__(self, taps, nlp, comfort_noise):
        pass

    def freeze(self, on):
        pass

    def process(self, rin, sin):
        return sin


class Mute(Wire):
    """Lets nothing through."""

    def process(self, rin, sin):
        return np.zeros_like(sin)


class Frozen(EchoCanceller):
    """Never learns."""

    def freeze(self, on):
        super().freeze(True)


class WrongSign(EchoCanceller):
    """Adds its estimate of the echo instead of subtracting it."""

    def process(self, rin, sin):
        estimate = sin.astype(np.int32) - super().process(rin, sin)
        return np.clip(sin + estimate, -32768, 32767).astype(np.int16)


def verdicts(make, *tests):
    results = suite.run(suite.choose(tests, ["d2"], quick=True), make=make)
    return {result.case.test: result.verdict for result in results}


CONVERGENCE = ("2A a", "2A b", "2B a", "2B b")
STABILITY = ("3A", "3B a 0 dB", "3B b -6 dB", "3B b -15 dB", "3B b -30 dB", "6", "7")


@pytest.mark.parametrize("make", [Wire, Frozen, WrongSign])
def test_the_quick_suite_fails_a_canceller_that_does_not_learn(make):
    found = verdicts(make, "2A", "2B", "3A", "3B", "6", "7")
    assert {test for test, verdict in found.items() if verdict == suite.FAILED} >= {*CONVERGENCE, *STABILITY}


def test_silence_meets_every_limit_on_echo_but_is_no_comfort_noise():
    found = verdicts(Mute)
    assert {test for test, verdict in found.items() if verdict == suite.FAILED} == {"2C NLP off", "9A", "9B"}


def test_our_canceller_passes_where_it_must():
    found = verdicts(EchoCanceller, "2B a", "3A", "6")
    assert set(found.values()) == {suite.PASSED}


def test_same_figures_every_time_and_with_any_number_of_workers():
    cases = suite.choose(["2A", "3C"], ["d2", "d5"], quick=True)
    one, two = (suite.summary(suite.run(cases, workers)) for workers in (1, 2))
    assert one == two


def test_a_result_counts_by_its_worst_limit():
    [result] = suite.run(suite.choose(["3C"], ["d2"], quick=True))
    assert len(result.checks) == 3
    assert result.checks[2].margin_db is None
    assert result.worst.margin_db == min(check.margin_db for check in result.checks[:2])
    assert suite.Result(result.case, result.checks[2:]).verdict == suite.MEASURED


LEVEL = -16.0


@pytest.mark.parametrize("procedure", PROCEDURES, ids=lambda procedure: procedure.label)
def test_signals_have_the_level_they_claim(procedure):
    scene = suite.stage(procedure.parts, "d3", LEVEL)
    starts = suite._starts(procedure.parts)
    for part, (start, end) in zip(procedure.parts, pairwise(starts), strict=True):
        if part.seconds > 1.5:
            assert_level(part.far, scene.rin[start:end], LEVEL, 1.49)
            assert_level(part.near, scene.sgen[start:end], LEVEL, 1.66)
            if part.far and part.far.kind == "css":
                loss = dbm0(scene.rin[start:end]) - dbm0(scene.echo[start:end])
                assert np.isinf(loss) if part.path is None else abs(loss - part.erl) < 0.6


def assert_level(signal, samples, rin, active_db):
    """The level over the whole of the CSS is `active_db` under that of its active part."""
    if signal is None:
        assert not np.any(samples)
    elif signal.kind == "ramp":
        edge = len(samples) // 200
        assert dbm0(samples[:edge]) == pytest.approx(signal.level, abs=0.5)
        assert dbm0(samples[-edge:]) == pytest.approx(signal.end, abs=0.5)
    else:
        level = signal.level + (0 if signal.absolute else rin) - (active_db if signal.kind == "css" else 0)
        assert dbm0(samples) == pytest.approx(level, abs=0.4)


def test_signals_go_on_from_part_to_part():
    [test_6] = [procedure for procedure in PROCEDURES if procedure.name == "6"]
    scene = suite.stage(test_6.parts, "d2", LEVEL)
    converge = scene.rin[1600 : 1600 + 42000]
    assert np.array_equal(converge, g168.companded(g168.css(5.25, LEVEL)))
    assert scene.frozen[-1][1] == len(scene.rin)


def test_a_path_that_comes_in_has_what_is_on_its_way():
    rng = np.random.default_rng(1)
    rin = g168.companded(rng.normal(size=400) * 1000)
    before, after = g168.hybrid("d2", 6), g168.hybrid("d5", 6)
    scene = make_scene(rin, [(0, before), (200, after), (300, None)])
    assert np.allclose(scene.echo[:200], np.convolve(rin, before)[:200])
    assert np.allclose(scene.echo[200:300], np.convolve(rin, after)[200:300])
    assert not scene.echo[300:].any()


def test_a_scene_is_played_with_its_frozen_parts():
    heard = []

    class Listener(Wire):
        def freeze(self, on):
            heard.append(on)

        def process(self, rin, sin):
            heard.append(len(rin))
            return sin

    scene = make_scene(np.ones(100), [(0, None)], np.arange(100.0), [(20, 40), (90, 100)])
    assert np.array_equal(play(scene, Listener(128, False, False)), scene.sin)
    assert heard == [False, 20, True, 20, False, 50, True, 10]


def test_noise_is_averaged_over_the_second_before():
    levels = np.full(16000, -50.0)
    levels[8000:] = -40.0
    averaged = suite._averaged(levels, 1.0)
    assert averaged[7999] == pytest.approx(-50)
    assert averaged[15999] == pytest.approx(-40, abs=0.01)
    assert averaged[11999] == pytest.approx(10 * np.log10((1e-5 + 1e-4) / 2), abs=0.01)


@pytest.mark.parametrize(
    ("asked", "labels"),
    [
        ("2A", {"2A a", "2A b"}),
        ("2ab", {"2A b"}),
        ("2A b", {"2A b"}),
        ("3b", {"3B a 0 dB", "3B b -6 dB", "3B b -15 dB", "3B b -30 dB"}),
        ("3B b", {"3B b -6 dB", "3B b -15 dB", "3B b -30 dB"}),
        ("12", {"12"}),
        ("test 9", {"9A", "9B"}),
        ("10", set()),
    ],
)
def test_tests_by_name(asked, labels):
    assert {case.test for case in suite.choose([asked], ["d2"])} == labels


def test_what_has_no_source_is_named_and_never_run():
    assert suite.without_source() == NO_SOURCE
    assert suite.without_source(["16", "2A"]) == {"16": NO_SOURCE["16"]}
    assert not {procedure.name for procedure in PROCEDURES} & set(NO_SOURCE)
    limits = [limit for procedure in PROCEDURES for part in procedure.parts for limit in part.limits]
    assert all(isinstance(limit, Limit) and bool(limit.source) == (limit.mask is not None) for limit in limits)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"tests": ["2D"]}, "'2D': not known; give one of 2A, 2B"),
        ({"tests": [""]}, "not known"),
        ({"paths": ["d1"]}, "d1"),
        ({"levels": [3.0]}, "level 3 dBm0: must be -30 to 0"),
        ({"levels": [float("nan")]}, "must be -30 to 0"),
        ({"taps": 100}, "100 taps"),
        ({"taps": 2048}, "2048 taps"),
    ],
)
def test_what_cannot_be_run_is_refused_in_one_line(arguments, words):
    with pytest.raises(UserError) as caught:
        suite.choose(**arguments)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
