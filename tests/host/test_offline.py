"""`femtojack ec`: the canceller on recordings, and the delay it finds."""

import json
import os

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from femtohost import audio, offline
from femtohost.canceller import EchoCanceller
from femtohost.measure import g168
from femtohost.measure.delay import find_delay
from femtohost.offline import shifted
from femtohost.speech import speech_like


def far_end(kind, seconds=3.0):
    rng = np.random.default_rng(11)
    if kind == "speech":
        return speech_like(seconds, rng)
    return audio.to_int16(rng.normal(0, 1000, round(seconds * 8000)))


def near_end(n, seed=12):
    return speech_like(n / 8000, np.random.default_rng(seed), "high").astype(float)


def echoed(rin, delay, path="d2", near=0.0, erl_db=10.0):
    """Sin: Rin through a path of G.168 after `delay` samples, with a near talker, companded."""
    return g168.companded(g168.echo(g168.hybrid(path, erl_db, delay), rin) + near)


@pytest.mark.parametrize("kind", ["speech", "noise"])
@pytest.mark.parametrize("delay", [0, 1, 8, 100, 333, 800])
def test_a_delay_is_found_to_the_sample(kind, delay):
    rin = far_end(kind)
    assert find_delay(rin, audio.to_int16(shifted(rin, delay) * 0.3)) == delay


@settings(max_examples=15, deadline=None)
@given(delay=st.integers(0, 800), seed=st.integers(0, 99), erl_db=st.floats(6, 15))
def test_a_delay_is_found_to_within_a_sample_under_a_near_talker(delay, seed, erl_db):
    rin = far_end("speech", 5)
    sin = echoed(rin, delay, near=near_end(len(rin), seed), erl_db=erl_db)
    assert abs(find_delay(rin, sin) - (delay + 6)) <= 1  # d2 has two strong taps there, side by side


def test_sin_may_be_ahead():
    rin = far_end("speech")
    assert find_delay(rin, shifted(rin, -1234)) == -1234


def test_a_delay_that_changes_has_only_a_usual_one():
    rin = speech_like(12, np.random.default_rng(2), "low")
    late, later = shifted(rin, 480), shifted(rin, 560)
    sin = np.concatenate([later[:32000], late[32000:]])
    assert find_delay(rin, sin) is None
    assert find_delay(rin, sin, steady=False) == 480


def test_unrelated_signals_have_no_delay():
    for seed in range(12):
        rng = np.random.default_rng(seed)
        assert find_delay(speech_like(4, rng), speech_like(4, rng)) is None, seed


@pytest.mark.parametrize("n", [0, 1, 700, 1599, 8000])
def test_silence_and_very_short_signals_have_no_delay(n):
    noise = far_end("noise")[:n]
    assert find_delay(np.zeros(n, np.int16), noise) is None
    assert find_delay(noise, np.zeros(n, np.int16)) is None
    assert n >= 1600 or find_delay(noise, noise) is None


def test_offset_and_hum_on_both_sides_are_no_echo():
    phase = 2 * np.pi * 50 / 8000 * np.arange(32000)
    hum = 400 + 4000 * sum(np.sin(k * phase) / k for k in range(1, 60))
    rin, sin = speech_like(4, np.random.default_rng(1)), near_end(32000)
    assert find_delay(audio.to_int16(rin + hum), audio.to_int16(sin + hum)) is None


def test_two_tones_are_no_echo():
    phase = 2 * np.pi / 8000 * np.arange(40000)
    assert find_delay(audio.to_int16(5000 * np.sin(440 * phase)), audio.to_int16(500 * np.sin(1000 * phase))) is None


@given(n=st.integers(0, 50), shift=st.integers(-60, 60))
def test_shifting_moves_samples_and_brings_zeros(n, shift):
    samples = np.arange(1, n + 1, dtype=np.int16)
    out = shifted(samples, shift)
    expected = [samples[i - shift] if 0 <= i - shift < n else 0 for i in range(n)]
    assert out.tolist() == expected


def test_what_fits_in_the_tail_is_not_shifted():
    rin = far_end("speech")
    sin = echoed(rin, 30)
    done = offline.cancel(rin, sin)
    assert (done.delay, done.shift) == (36, 0)
    assert np.array_equal(done.sout, EchoCanceller().process(rin, sin))


@pytest.mark.parametrize("delay", [200, 800, -300])
def test_what_does_not_fit_is_made_up_for(delay):
    rin = far_end("speech", 6)
    sin = shifted(echoed(rin, max(delay, 0)), min(delay, 0))
    done = offline.cancel(rin, sin)
    assert done.shift == delay + 6 - 32
    assert np.array_equal(done.sout, EchoCanceller().process(shifted(rin, done.shift), sin))
    assert done.proved
    before, after = (np.mean(np.square(x[16000:40000], dtype=float)) for x in (sin, done.sout))
    assert 10 * np.log10(before / after) > 20


@pytest.fixture
def run(run):
    """The command line, in a folder with rin.wav and sin.wav."""
    rin = far_end("speech", 4)
    audio.save("rin.wav", rin)
    audio.save("sin.wav", echoed(rin, 400))
    return run


def test_the_file_is_what_the_canceller_makes_of_the_arrays(run):
    code, out, err = run("ec", "rin.wav", "sin.wav", "-o", "sout.wav", "--taps", "256", "--json")
    assert (code, err) == (0, "")
    figures = json.loads(out)
    assert (figures["delay_ms"], figures["taps"], figures["padded"]) == (50.75, 256, None)
    shift = round(figures["shift_ms"] * 8)
    rin, sin = audio.load("rin.wav"), audio.load("sin.wav")
    assert np.array_equal(audio.load("sout.wav"), EchoCanceller(256).process(shifted(rin, shift), sin))
    assert figures["erle_db"] > 20
    assert figures["erl_db"] == pytest.approx(10, abs=2)
    assert figures["rin_dbm0"] == pytest.approx(-16, abs=0.5)


def test_a_person_reads_the_delay_and_why_rin_was_shifted(run):
    code, out, _ = run("ec", "rin.wav", "sin.wav", "-o", "sout.wav")
    assert code == 0
    assert "50.750 ms" in out
    assert "beyond the tail of 16 ms" in " ".join(out.split())


def test_nlp_and_comfort_noise_reach_the_canceller(run):
    noise = np.random.default_rng(3).normal(0, 60, 32000)
    audio.save("sin.wav", audio.load("sin.wav") + audio.to_int16(noise))
    sout = []
    for options in ((), ("--nlp",), ("--nlp", "--comfort-noise")):
        assert run("ec", "rin.wav", "sin.wav", "-o", "sout.wav", *options)[0] == 0
        sout.append(audio.load("sout.wav").tobytes())
    assert len(set(sout)) == 3


def test_the_shorter_one_is_padded_and_it_says_so(run):
    audio.save("short.wav", audio.load("rin.wav")[:-4000])
    code, out, _ = run("ec", "short.wav", "sin.wav", "-o", "sout.wav", "--json")
    figures = json.loads(out)
    assert code == 0
    assert (figures["padded"], figures["padded_s"], figures["seconds"]) == ("rin", 0.5, 4.0)
    assert "Rin is 0.500 s shorter: zeros follow it." in figures["notes"]


def test_any_rate(run):
    for name, rate in (("rin.wav", 44100), ("sin.wav", 16000)):
        t = np.arange(4 * rate) / rate
        sound = np.interp(t, np.arange(32000) / 8000, audio.load(name) / 32768)
        soundfile.write(f"any-{name}", np.column_stack([sound, sound]), rate)
    code, out, _ = run("ec", "any-rin.wav", "any-sin.wav", "-o", "sout.wav", "--json")
    assert code == 0
    assert json.loads(out)["delay_ms"] == pytest.approx(50.75, abs=0.126)
    assert soundfile.info("sout.wav").samplerate == 8000


def test_no_echo_is_told(run):
    audio.save("other.wav", audio.to_int16(near_end(32000)))
    code, out, _ = run("ec", "rin.wav", "other.wav", "-o", "sout.wav", "--json")
    figures = json.loads(out)
    assert code == 0
    assert (figures["delay_ms"], figures["shift_ms"]) == (None, 0)
    assert any("No echo" in note for note in figures["notes"])


def test_silence_is_no_mistake(run):
    audio.save("zero.wav", np.zeros(8000, np.int16))
    code, out, _ = run("ec", "zero.wav", "zero.wav", "-o", "sout.wav", "--json", "--report", "page")
    figures = json.loads(out)
    assert code == 0
    assert [figures[key] for key in ("erle_db", "erl_db", "rin_dbm0", "sout_dbm0")] == [None] * 4


def test_the_report_has_signals_figures_and_path(run, tmp_path):
    assert run("ec", "rin.wav", "sin.wav", "-o", "sout.wav", "--report", "page")[0] == 0
    assert os.listdir("page") == ["ec.html"]
    text = (tmp_path / "page/ec.html").read_text()
    assert text.count("data:audio/wav;base64,") == 3
    assert "femtojack ec rin.wav sin.wav -o sout.wav" in text
    assert "Learnt echo path" in text and "milliseconds of delay" in text
    assert "http://" not in text.replace("http://www.w3.org", "") and "https://" not in text
    assert run("ec", "rin.wav", "sin.wav", "-o", "sout.wav", "--report", "page")[0] == 0
    assert (tmp_path / "page/ec.html").read_text() == text


def test_names_are_escaped_in_the_report(run, tmp_path):
    os.rename("rin.wav", "<b>.wav")
    assert run("ec", "<b>.wav", "sin.wav", "-o", "sout.wav", "--report", "page")[0] == 0
    assert "<b>" not in (tmp_path / "page/ec.html").read_text()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("none.wav", "sin.wav", "-o", "x.wav"), "none.wav: no such file"),
        (("rin.wav", "text.txt", "-o", "x.wav"), "text.txt: not audio"),
        (("rin.wav", "sin.wav", "-o", "sin.wav"), "is an input"),
        (("rin.wav", "sin.wav", "-o", "x.flac"), "ends in .wav"),
        (("rin.wav", "sin.wav", "-o", "no/x.wav"), "no is no folder"),
        (("rin.wav", "sin.wav", "-o", "folder.wav"), "not a file"),
        (("rin.wav", "sin.wav", "-o", "x.wav", "--taps", "100"), "16..1024, a multiple of 16"),
        (("rin.wav", "sin.wav", "-o", "x.wav", "--comfort-noise"), "--nlp"),
        (("rin.wav", "sin.wav", "-o", "x.wav", "--report", "text.txt"), "text.txt: is no folder"),
        (("rin.wav", "sin.wav"), "--output"),
        (("rin.wav", "-o", "x.wav"), "SIN"),
    ],
)
def test_a_mistake_is_one_line_and_nothing_is_written(run, tmp_path, arguments, said):
    (tmp_path / "text.txt").write_text("no sound")
    (tmp_path / "folder.wav").mkdir()
    before = {name: os.stat(name).st_mtime_ns for name in os.listdir()}
    code, out, err = run("ec", *arguments)
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert said in err
    assert {name: os.stat(name).st_mtime_ns for name in os.listdir()} == before


def test_a_failure_leaves_the_old_file_and_no_part(run, tmp_path, monkeypatch):
    def broken(run):
        raise OSError(28, "No space left on device")

    (tmp_path / "sout.wav").write_text("old")
    before = sorted(os.listdir())
    monkeypatch.setattr("femtohost.report.ec.render", broken)
    code, _, err = run("ec", "rin.wav", "sin.wav", "-o", "sout.wav", "--report", "page")
    assert (code, err.count("\n")) == (2, 1)
    assert sorted(os.listdir()) == before
    assert (tmp_path / "sout.wav").read_text() == "old"


@pytest.mark.parametrize("command", [("ec",), ("bench", "ec")])
def test_help_has_an_example(run, command):
    code, out, _ = run(*command, "--help")
    assert code == 0
    assert "Example: femtojack" in out
