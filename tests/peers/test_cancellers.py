"""The cancellers that this one is compared with: each binding must do its best, or the comparison is none."""

import json
import sys
from functools import cache

import numpy as np
import pytest

from femtohost import cli
from femtohost.canceller import KERNELS
from femtohost.errors import UserError
from femtohost.levels import dbm0
from femtohost.measure import bench_ec, compare, cost, metrics
from femtohost.measure.peers import Missing, Peer, all_peers

PEERS = {peer.name: peer for peer in all_peers()}


def installed(name):
    """The peer; without it the test is skipped, with the command that gets it."""
    try:
        PEERS[name].start(compare.TAPS)
    except Missing as error:
        pytest.skip(f"{name} is missing ({error}): {PEERS[name].get}")
    return PEERS[name]


@cache
def sout(name, path="d2"):
    scene = compare.convergence(path)
    return installed(name).start(compare.TAPS).process(scene.rin, scene.sin)


@cache
def erle_at(name, seconds, path="d2"):
    return metrics.erle_at(compare.convergence(path).echo, sout(name, path), seconds)


@pytest.mark.parametrize(
    ("name", "least"),
    [("femtojack", 30), ("SpanDSP", 30), ("SpeexDSP", 30), ("WebRTC-AEC3", 30), ("CMSIS-DSP", 33), ("NLMS", 33)],
)
def test_every_binding_cancels_a_simple_echo(name, least):
    assert erle_at(name, 5.0) > least


@pytest.mark.parametrize("name", sorted(PEERS.keys() - {"SpanDSP"}))  # which differs from run to run by itself
def test_blocks_make_no_difference_and_silence_stays_silence(name):
    peer = installed(name)
    scene = compare.convergence("d2")
    n = 9600
    whole, cut = peer.start(128), peer.start(128)
    at_once = whole.process(scene.rin[:n], scene.sin[:n])
    parts = [cut.process(scene.rin[i : i + 320], scene.sin[i : i + 320]) for i in range(0, n, 320)]
    assert at_once.dtype == np.int16
    assert np.array_equal(at_once, np.concatenate(parts))
    zeros = np.zeros(1600, np.int16)
    assert np.abs(peer.start(128).process(zeros, zeros)).max() <= 1


ORDER = [("SpanDSP", "SpeexDSP"), ("SpeexDSP", "NLMS"), ("SpeexDSP", "CMSIS-DSP")]  # at 250 ms


@pytest.mark.parametrize(("slower", "faster"), ORDER)
def test_they_converge_in_the_order_that_was_measured_elsewhere(slower, faster):
    assert erle_at(slower, 0.25) < erle_at(faster, 0.25)


def test_the_plain_nlms_is_the_one_of_cmsis_dsp():
    left, right = sout("CMSIS-DSP").astype(float), sout("NLMS").astype(float)
    assert erle_at("CMSIS-DSP", 1.0) == pytest.approx(erle_at("NLMS", 1.0), abs=0.5)
    assert np.std(left - right) < 0.2 * np.std(right)


def test_the_plain_nlms_loses_much_to_a_near_talker_and_speexdsp_little():
    lost = {}
    for name in ("NLMS", "SpeexDSP"):
        scene = compare.disturbed("d2", "lost_talk_0")
        left = installed(name).start(compare.TAPS).process(scene.rin, scene.sin)
        lost[name] = compare._lost(scene.echo, left)
    assert lost["NLMS"] > 20
    assert lost["SpeexDSP"] < 5


def test_spandsp_prints_nothing(capfd):
    peer = installed("SpanDSP")
    scene = compare.convergence("d2")
    peer.start(128).process(scene.rin[:1600], scene.sin[:1600])
    assert capfd.readouterr().out == ""


def test_nobody_is_better_than_the_ceiling():
    ceiling = compare.ceiling(quick=True)
    assert ceiling["erle_5s"] == pytest.approx(36.8, abs=0.5)
    assert compare.quality(PEERS["femtojack"], quick=True)["erle_5s"] <= ceiling["erle_5s"]


class Wire:
    """No canceller at all."""

    def __init__(self, taps):
        pass

    def process(self, rin, sin):
        return sin


def test_a_wire_gets_no_figures_for_free():
    figures = compare.quality(Peer("wire", Wire), quick=True)
    assert figures.keys() == set(compare.FIGURES)
    assert figures["erle_5s"] == pytest.approx(0, abs=0.1)
    assert figures["t20_s"] is figures["t30_s"] is figures["path_change_s"] is None
    assert figures["lost_talk_0"] == pytest.approx(0, abs=0.1)
    assert figures["lres_dbm0"] > -25


def test_levels_of_the_scenes():
    scene = compare.disturbed("d2", "lost_talk_6")
    begin = round(compare.LEARN_S * 8000)
    active = slice(begin, begin + round(0.24862 * 8000))
    assert dbm0(scene.rin[active]) == pytest.approx(-16, abs=0.3)
    near = scene.sin[begin : begin + 2180] - scene.echo[begin : begin + 2180]
    assert dbm0(near) == pytest.approx(-22, abs=0.3)
    loss = dbm0(scene.rin[:begin]) - dbm0(scene.echo[:begin])
    assert loss == pytest.approx(6, abs=1.5)
    assert dbm0(compare.disturbed("d2", "lost_tone").rin[begin : begin + 40000]) == pytest.approx(-16, abs=0.1)


def test_a_missing_peer_is_named_with_the_command_that_gets_it(monkeypatch):
    def missing(taps):
        raise Missing("not here")

    ours = Peer("femtojack", PEERS["femtojack"].start)
    monkeypatch.setattr(bench_ec, "all_peers", lambda: (ours, Peer("Other", missing, get="get it", note="")))
    chosen, gone = bench_ec._installed(bench_ec._chosen(()))
    assert chosen == [ours]
    assert gone == [{"name": "Other", "get": "get it", "said": "not here"}]


def test_names_of_peers():
    assert [peer.name for peer in bench_ec._chosen(["nlms"])] == ["femtojack", "NLMS"]
    with pytest.raises(UserError, match=r"--peers oslec: no such canceller; give one of .*SpeexDSP"):
        bench_ec._chosen(["oslec"])


def test_the_bench_prints_one_object_or_tables(monkeypatch, capsys):
    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["femtojack", "bench", "ec", "--quick", "--peers", "SpeexDSP", *arguments])
        with pytest.raises(SystemExit) as exit_:
            cli.main()
        assert not exit_.value.code
        return capsys.readouterr().out

    result = json.loads(run("--json"))
    names = [entry["name"] for entry in result["cancellers"]] + [entry["name"] for entry in result["missing"]]
    assert sorted(names) == ["SpeexDSP", "ceiling", "femtojack"]
    assert result["cost_ns"][cost.BLOCKS].keys() == {"128", "1024"}
    assert all(ns > 0 for figures in result["cost_ns"].values() for ns in figures.values())
    assert result["to_fastest_peer"].keys() == set(KERNELS)
    monkeypatch.setattr("femtohost.measure.bench_ec.bench_ec", lambda *arguments: result)
    text = run()
    assert "LRES" in text and "ns a sample" in text and f"{KERNELS[-1]} / the fastest peer" in text


class Clock:
    """A processor on which time passes as the cancellers say; at first it is busy with something else."""

    now, busy_until = 0, 20_000_000

    def process_time_ns(self):
        return self.now

    def work(self, ns_a_sample, rin):
        self.now += ns_a_sample * len(rin) * (3 if self.now < self.busy_until else 1)


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(cost, "time", clock)
    monkeypatch.setattr(cost, "KERNELS", ("sse2",))

    class Ours(Wire):
        def __init__(self, taps, kernel=None):
            self.taps = taps

        def process(self, rin, sin):
            clock.work(self.taps / 4 if len(rin) == cost.PIECE else self.taps / 2, rin)

    monkeypatch.setattr(cost, "EchoCanceller", Ours)
    return clock


def peer_of(clock, name, ns_a_sample, binding=0):
    class Timed(Wire):
        def process(self, rin, sin):
            clock.work(ns_a_sample + binding, rin)

    if binding:
        Timed.idle = lambda self, rin, sin: clock.work(binding, rin)
    return Peer(name, Timed)


def test_cost_is_the_least_time_without_the_binding(clock):
    peers = [peer_of(clock, "fast", 40, binding=500), peer_of(clock, "slow", 100)]
    figures = cost.cost(peers, (64, 128), repetitions=4, seconds=0.8)
    assert figures == {
        "femtojack, sse2": {64: 16, 128: 32},
        cost.BLOCKS: {64: 32, 128: 64},
        "fast": {64: 40, 128: 40},
        "slow": {64: 100, 128: 100},
    }
    assert cost.to_fastest_peer(figures) == {"sse2": {64: 0.4, 128: 0.8}}
    assert cost.call_overhead_us(figures) == 16 * 80 / 1000


def test_without_peers_nothing_is_compared(clock):
    assert cost.to_fastest_peer(cost.cost((), (64,), 2, 0.4)) == {}
