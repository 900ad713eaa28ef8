"""The command line: what it writes, and how it refuses."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

FILES = ("rin.wav", "rout.wav", "sin.wav", "sout.wav", "call.json", "trace.jsonl", "report.html")
KEYS = {
    "seed", "taps", "path", "erl_db", "erle_db", "t20_s", "t30_s", "residual_dbm0", "digits", "setup_ms",
    "virtual_s", "wall_s", "speed", "trace_sha256", "misuse", "sip_final_status",
}  # fmt: skip


@pytest.fixture
def no_report(monkeypatch):
    """For tests of something else: most of a short call's time is its curves."""
    monkeypatch.setattr("femtohost.report.write_report", lambda *arguments: None)


def test_a_call_writes_its_files_and_its_figures(run, tmp_path):
    code, out, err = run("call", "--seconds", 8, "--out", "here", "--json")
    assert (code, err) == (0, "")
    call = json.loads(out)
    assert call == json.loads((tmp_path / "here/call.json").read_text())
    assert call.keys() >= KEYS
    assert (call["digits"], call["misuse"], call["sip_final_status"], call["taps"]) == ("555", [], 200, 128)
    assert sorted(os.listdir("here")) == sorted(FILES)
    lengths = {soundfile.info(f"here/{name}").frames for name in FILES if name.endswith(".wav")}
    assert len(lengths) == 1
    assert lengths.pop() > 8 * 8000


def test_with_the_defaults_the_echo_is_at_least_25_db_down(run, no_report):
    code, out, _ = run("call", "--json")
    assert code == 0
    assert json.loads(out)["erle_db"] >= 25


def test_a_saved_call_replays(run, no_report):
    run("call", "--seconds", 3, "--out", "here")
    code, out, _ = run("replay", "here/trace.jsonl", "--json")
    assert code == 0
    assert json.loads(out)["same"] is True


def test_a_replay_that_differs_fails(run, no_report):
    run("call", "--seconds", 1, "--out", "here")
    path = Path("here/trace.jsonl")
    path.write_text(path.read_text().replace('"p": "digit", "d": "35"', '"p": "digit", "d": "36"'))
    code, out, _ = run("replay", path)
    assert code == 1
    assert "first difference" in out


def test_without_out_a_new_folder_is_made_and_named(run, tmp_path):
    code, out, _ = run("call", "--seconds", 1)
    [folder] = tmp_path.iterdir()
    assert code == 0
    assert f"{folder.name}/report.html" in out


def test_same_seed_same_hash_and_both_directions(run, no_report):
    hashes = [json.loads(run("call", "--seconds", 2, "--incoming", "--seed", 4, "--json")[1]) for _ in range(2)]
    assert hashes[0]["trace_sha256"] == hashes[1]["trace_sha256"]
    assert hashes[0]["direction"] == "in"


def test_recordings_talk(run, no_report, tmp_path):
    t = np.arange(3 * 44100) / 44100
    voice = np.stack([np.sin(2 * np.pi * 400 * t) * (np.sin(2 * np.pi * 1.5 * t) > 0)] * 2, 1) * 0.1
    soundfile.write(tmp_path / "far.flac", voice, 44100)
    code, out, _ = run("call", "--far", "far.flac", "--seconds", 6, "--json", "--out", "o")
    assert code == 0
    rin, _ = soundfile.read("o/rin.wav", dtype="int16")
    spectrum = np.abs(np.fft.rfft(rin[-6 * 8000 :]))
    assert abs(np.argmax(spectrum) / 6 - 400) < 2
    assert json.loads(out)["far"] == "far.flac"


@pytest.fixture
def files(tmp_path):
    (tmp_path / "empty.wav").touch()
    (tmp_path / "text.wav").write_text("this is no sound")
    soundfile.write(tmp_path / "nothing.wav", np.zeros(0), 8000)
    (tmp_path / "taps.csv").write_text("1\nx\n")
    (tmp_path / "zero.csv").write_text("0\n0\n")
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--near", "none.wav"), "none.wav"),
        (("--near", "empty.wav"), "empty.wav"),
        (("--far", "text.wav"), "text.wav"),
        (("--far", "nothing.wav"), "nothing.wav"),
        (("--far", "."), "."),
        (("--path", "d1"), "d2"),
        (("--path", "none.csv"), "none.csv"),
        (("--path", "taps.csv"), "taps.csv"),
        (("--path", "zero.csv"), "zero.csv"),
        (("--erl", "-1"), "0 to 60 dB"),
        (("--erl", "nan"), "0 to 60 dB"),
        (("--erl", "six"), "--erl"),
        (("--number", "55a5"), "0-9"),
        (("--number", ""), "0-9"),
        (("--number", "ABC"), "x.T"),
        (("--number", "#"), "x.T"),
        (("--number", "1" * 33), "1 to 32"),
        (("--seconds", "0"), "1 to 3600"),
        (("--seconds", "inf"), "1 to 3600"),
        (("--line-noise", "5"), "-65"),
        (("--seed", "-1"), "0 or more"),
        (("--sed", "1"), "--sed"),
        (("extra",), "extra"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2_and_nothing_is_written(run, files, arguments, said):
    before = sorted(os.listdir(files))
    code, out, err = run("call", *arguments)
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert said in err
    assert sorted(os.listdir(files)) == before


def test_an_output_folder_that_cannot_be(run, files):
    for out in ("text.wav", "text.wav/below"):
        code, _, err = run("call", "--seconds", 1, "--out", out)
        assert code == 2
        assert err.count("\n") == 1
        assert "text.wav is no folder" in err


def test_a_report_that_cannot_be_drawn_leaves_nothing(run, tmp_path, monkeypatch):
    def broken(*arguments):
        raise OSError("No space left on device")

    monkeypatch.setattr("femtohost.report.write_report", broken)
    code, _, err = run("call", "--seconds", 1, "--out", "here")
    assert (code, err) == (2, "femtojack: No space left on device\n")
    assert os.listdir(tmp_path) == []


def test_no_trace_to_replay(run, files):
    code, _, err = run("replay", "text.wav")
    assert (code, err.count("\n")) == (2, 1)


@pytest.mark.parametrize("command", [(), ("call",), ("replay",), ("bench",), ("bench", "call")])
def test_every_command_has_help_with_an_example(run, command):
    code, out, _ = run(*command, "--help")
    assert code == 0
    if command and command != ("bench",):
        assert "Example: femtojack" in out


def test_without_a_command_the_help_is_shown(run):
    code, out, _ = run()
    assert code == 0
    assert "call" in out


def test_the_bench_prints_figures(run):
    code, out, _ = run("bench", "call", "--runs", 1, "--seconds", 2, "--json")
    assert code == 0
    assert json.loads(out)["speed"] > 0
