"""The same seed is the same run; two boxes are two boxes."""

import pytest


def start_call(box):
    box.run_until(lambda: box.state("fxs") == "ON_HOOK", timeout_s=5)
    box.phone.off_hook()
    box.phone.dial("555#")


def test_same_seed_same_trace(make_box):
    hashes = set()
    for _ in range(2):
        box = make_box(seed=11, loss=0.1, jitter_ms=20, noise_dbm0=-50.0)
        start_call(box)
        box.run_for(12)
        hashes.add(box.trace.sha256())
    assert len(hashes) == 1


def test_another_seed_another_trace(make_box):
    hashes = set()
    for seed in (1, 2):
        box = make_box(seed=seed)
        start_call(box)
        box.run_for(3)
        hashes.add(box.trace.sha256())
    assert len(hashes) == 2


def test_two_boxes_in_one_process_do_not_disturb_each_other(make_box):
    alone = make_box(seed=5)
    start_call(alone)
    alone.run_for(10)
    one, other = make_box(seed=5), make_box({"line": {"country": "uk"}}, seed=6)
    start_call(one)
    start_call(other)
    for _ in range(1000):  # by turns, 10 ms each
        one.run_for(0.01)
        other.run_for(0.01)
    assert one.trace.sha256() == alone.trace.sha256()
    assert one.far.state == other.far.state == "in-call"
    assert other.trace.sha256() != alone.trace.sha256()


def test_the_tick_counter_wraps_early_in_every_run(make_box):
    for seed in range(5):
        box = make_box(seed=seed)
        before = box.processor.ticks()
        box.run_for(4)
        assert box.processor.ticks() < before


@pytest.mark.parametrize("seed", range(8))
def test_a_call_comes_about_wherever_the_counter_wraps(make_box, seed):
    box = make_box(seed=seed)
    start_call(box)
    box.run_until(lambda: box.state("call") == "TALKING", timeout_s=15)
    assert box.misuse == []
