"""`femtojack bench gsm-fr`: figures, with libgsm and without."""

import json

import pytest

from femtohost.measure import bench_gsm_fr
from femtohost.measure.peers import Missing


@pytest.fixture
def no_libgsm(monkeypatch):
    def missing():
        raise Missing("no such library")

    monkeypatch.setattr(bench_gsm_fr, "LibGsm", missing)


def test_one_json_object(run):
    code, out, err = run("bench", "gsm-fr", "--runs", 1, "--json")
    result = json.loads(out)
    figures = result["codecs"]["femtojack"]
    assert (code, err, result["frames"]) == (0, "", 500)
    assert figures["frame_us"] == pytest.approx(figures["encode_us"] + figures["decode_us"], abs=0.01)
    assert 0 < figures["decode_us"] < figures["frame_us"]
    assert set(result["codecs"]) | {peer["name"] for peer in result["missing"]} == {"femtojack", "libgsm"}


def test_without_libgsm_it_says_how_to_get_it(run, no_libgsm):
    code, out, _ = run("bench", "gsm-fr", "--runs", 1)
    assert code == 0
    assert "us a frame of 20 ms" in out
    assert "libgsm is missing (no such library): apt-get install libgsm1" in out
