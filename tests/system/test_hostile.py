"""Hostile datagrams into a box with a call up: nothing raises, and the call goes on."""

import random

import pytest

RATE = 8000
EVIL = bytes((10, 0, 0, 66, 0x13, 0xC4))


def port(box, number):
    return box.board.address + number.to_bytes(2, "big")


@pytest.fixture
def talking(box):
    box.run_until(lambda: box.state("fxs") == "ON_HOOK", timeout_s=5)
    box.phone.off_hook()
    box.phone.dial("555#")
    box.run_until(lambda: box.state("call") == "TALKING", timeout_s=15)
    return box


def mutated(rng, data):
    data = bytearray(data)
    for _ in range(rng.randrange(1, 6)):
        i = rng.randrange(len(data))
        data[i : i + rng.randrange(3)] = rng.randbytes(rng.randrange(4))
    return bytes(data)


def test_garbage_and_mutated_messages(talking):
    box, rng = talking, random.Random(talking.seeds.seed)
    samples = [data for _, _, data in box.far.messages]
    for _ in range(60):
        for _ in range(20):
            data = mutated(rng, rng.choice(samples)) if rng.random() < 0.7 else rng.randbytes(rng.randrange(900))
            box.network.inject(EVIL, port(box, 5060), data)
            box.network.inject(EVIL, port(box, 16384), rng.randbytes(rng.randrange(400)))
        box.run_for(0.05)
    box.phone.on_hook()
    box.run_until(lambda: box.state("call") == "IDLE", timeout_s=5)
    box.run_for(35)
    assert box.app.status()["idle"]
    assert box.misuse == []


def test_forged_audio_is_not_played(talking):
    box = talking
    box.far.talk([1000] * RATE)
    box.run_for(2)
    packet = bytes((0x80, 0)) + bytes(10) + b"\x80" * 160  # loud, from a source of its own
    for _ in range(100):
        box.network.inject(EVIL, port(box, 16384), packet)
        box.run_for(0.02)
    heard = box.phone.earpiece(1.0)
    assert abs(heard).max() < 2000
    assert (abs(heard) > 900).mean() > 0.95


def test_early_steps_change_nothing(make_box):
    def run(extra):
        box = make_box(seed=3)
        rng = random.Random(1)
        box.run_until(lambda: box.state("fxs") == "ON_HOOK", timeout_s=5)
        box.phone.off_hook()
        box.phone.dial("555#")
        for _ in range(800):
            box.run_for(0.01)
            if extra and rng.random() < 0.3:
                box.processor.wake()
        return [record for record in box.trace.records if record[1] not in ("step", "pcm.play")]

    assert run(extra=True) == run(extra=False)
