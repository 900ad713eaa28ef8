"""The echo canceller: what holds for every signal, and what it must reach on simple ones."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from femtohost.canceller import KERNELS, EchoCanceller

KINDS = ("speechlike", "full-scale", "quiet", "one-sided")


def path(rng, length=100, erl_db=6.0):
    """A random dispersive echo path: decaying noise after a delay."""
    h = rng.normal(size=length) * np.exp(-np.arange(length) / 15)
    h[: rng.integers(0, 20)] = 0
    return h * 10 ** (-erl_db / 20) / np.sqrt(np.sum(h**2))


def through(h, rin):
    return np.clip(np.round(np.convolve(rin, h)[: len(rin)]), -32768, 32767).astype(np.int16)


def speechlike(rng, n, rms):
    """Coloured noise in bursts with pauses between them."""
    noise = rng.normal(size=n)
    coloured = np.convolve(noise, 0.9 ** np.arange(60) * np.cos(0.4 * np.arange(60)))[:n]
    coloured *= np.repeat(rng.uniform(size=n // 800 + 1) > 0.3, 800)[:n]
    return np.clip(coloured * rms / max(coloured.std(), 1e-9), -32768, 32767).astype(np.int16)


def signals(kind, seed, n):
    rng = np.random.default_rng(seed)
    if kind == "full-scale":
        return rng.choice([-32768, 32767], n).astype(np.int16), rng.choice([-32768, 32767], n).astype(np.int16)
    if kind == "quiet":
        return rng.integers(-1, 2, n).astype(np.int16), rng.integers(-1, 2, n).astype(np.int16)
    if kind == "one-sided":
        return np.zeros(n, np.int16), speechlike(rng, n, 3000)
    rin = speechlike(rng, n, 3000)
    return rin, through(path(rng), rin)


def erle(sin, sout):
    return 10 * np.log10(np.mean(sin.astype(float) ** 2) / max(np.mean(sout.astype(float) ** 2), 1e-3))


@pytest.mark.parametrize("level", [300, 1000, 3000, 8000])
@pytest.mark.parametrize("taps", [128, 256])
def test_white_noise_is_cancelled(level, taps):
    rng = np.random.default_rng(level)
    rin = np.clip(rng.normal(0, level, 24000), -32768, 32767).astype(np.int16)
    sin = through(path(rng), rin)
    canceller = EchoCanceller(taps)
    sout = canceller.process(rin, sin)
    assert erle(sin[-8000:], sout[-8000:]) > 36
    assert canceller.stats()["proved"]
    assert canceller.stats()["erl_db"] == pytest.approx(6, abs=2)


def test_speechlike_echo_is_cancelled():
    rin, sin = signals("speechlike", 3, 80000)
    sout = EchoCanceller().process(rin, sin)
    assert erle(sin[-16000:], sout[-16000:]) > 30


def test_learnt_path_is_the_true_one():
    rng = np.random.default_rng(8)
    h = path(rng)
    rin = rng.normal(0, 3000, 24000).astype(np.int16)
    canceller = EchoCanceller()
    canceller.process(rin, through(h, rin))
    assert np.abs(canceller.path()[:100] - h).max() < 0.005


@pytest.mark.parametrize("nlp", [False, True])
def test_silent_rin_leaves_the_near_talker_alone(nlp):
    rin, sin = signals("one-sided", 4, 40000)
    sout = EchoCanceller(nlp=nlp).process(rin, sin).astype(float)
    assert erle(sin, sout) == pytest.approx(0, abs=0.1)
    assert np.std(sout - sin) < 0.1 * np.std(sin)


def test_silence_stays_silence():
    zeros = np.zeros(8000, np.int16)
    assert not EchoCanceller().process(zeros, zeros).any()


def test_freeze_learns_nothing_and_reset_forgets():
    rin, sin = signals("speechlike", 5, 16000)
    canceller = EchoCanceller()
    canceller.freeze(True)
    canceller.process(rin, sin)
    assert not canceller.path().any()
    canceller.freeze(False)
    canceller.process(rin, sin)
    assert canceller.path().any()
    canceller.reset()
    assert not canceller.path().any()
    assert np.array_equal(canceller.process(rin, sin), EchoCanceller().process(rin, sin))


@settings(max_examples=30, deadline=None)
@given(
    kind=st.sampled_from(KINDS),
    seed=st.integers(0, 99),
    cuts=st.lists(st.integers(0, 2000), max_size=12),
    taps=st.sampled_from([16, 48, 128, 512]),
    nlp=st.booleans(),
)
def test_output_does_not_depend_on_the_cuts(kind, seed, cuts, taps, nlp):
    rin, sin = signals(kind, seed, 2000)
    canceller = EchoCanceller(taps, nlp, nlp)
    edges = [0, *sorted(cuts), 2000]
    pieces = [canceller.process(rin[a:b], sin[a:b]) for a, b in pairwise(edges)]
    assert np.array_equal(np.concatenate(pieces), EchoCanceller(taps, nlp, nlp).process(rin, sin))


@pytest.mark.parametrize("seed", range(4))
def test_a_block_is_guarded_as_its_samples_are(seed):
    """A wrong filter, of which the guard puts out Sin: the path turns over, and Sin stops, every 50 ms at random."""
    rng = np.random.default_rng(seed)
    rin = np.repeat(rng.choice([0, 300, 3000], 30), 400) * rng.normal(size=12000)
    rin = np.clip(rin, -32768, 32767).astype(np.int16)
    echo = through(path(rng), rin)
    turned = np.repeat(rng.choice([1, 1, 1, -1, 0], 30), 400).astype(np.int16)
    turned[:4000] = 1  # the path is learnt
    sin = echo * turned
    samples = EchoCanceller()
    single = np.concatenate([samples.process(rin[i : i + 1], sin[i : i + 1]) for i in range(len(rin))])
    whole = EchoCanceller().process(rin, sin)
    assert np.array_equal(single, whole)
    line = EchoCanceller().process(np.zeros_like(sin), sin)  # Sin less its DC
    assert np.count_nonzero((whole == line) & (line != 0)) > 400


@settings(max_examples=20, deadline=None)
@given(kind=st.sampled_from(KINDS), seed=st.integers(0, 99), taps=st.sampled_from([16, 128, 1024]), nlp=st.booleans())
def test_kernels_agree_to_the_bit(kind, seed, taps, nlp):
    rin, sin = signals(kind, seed, 3000)
    outputs = [EchoCanceller(taps, nlp, nlp, kernel).process(rin, sin) for kernel in ("auto", *KERNELS)]
    assert all(np.array_equal(outputs[0], sout) for sout in outputs)


def test_kernels_have_a_plain_one():
    assert "scalar" in KERNELS
    assert "auto" not in KERNELS


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"taps": 100}, "a multiple of 16"),
        ({"taps": 2048}, "a multiple of 16"),
        ({"kernel": "mmx"}, "scalar"),
        ({"comfort_noise": True}, "nlp=True"),
    ],
)
def test_bad_arguments(arguments, words):
    with pytest.raises(ValueError, match=words):
        EchoCanceller(**arguments)


@pytest.mark.parametrize(
    ("rin", "sin", "words"),
    [
        (np.zeros(8), np.zeros(8, np.int16), "rin is float64"),
        (np.zeros(8, np.int16), np.zeros((8, 1), np.int16), "sin is int16 of 2 axes"),
        (np.zeros(8, np.int16), [0] * 8, "sin is list"),
        (np.zeros(8, np.int16), np.zeros(7, np.int16), "must be equal"),
    ],
)
def test_bad_blocks(rin, sin, words):
    with pytest.raises(ValueError, match=words):
        EchoCanceller().process(rin, sin)


def test_empty_blocks_and_strides():
    empty = np.zeros(0, np.int16)
    assert len(EchoCanceller().process(empty, empty)) == 0
    rin, sin = signals("speechlike", 6, 4000)
    assert np.array_equal(
        EchoCanceller().process(rin[::2], sin[::2]), EchoCanceller().process(rin[::2].copy(), sin[::2].copy())
    )
