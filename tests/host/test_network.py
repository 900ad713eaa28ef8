import errno

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from femtohost.clock import MS, Clock
from femtohost.network import QUEUE, Network, endpoint, endpoint_text

A, B = bytes((10, 0, 0, 1)), bytes((10, 0, 0, 2))


def build(seed=1, **settings):
    clock = Clock()
    return clock, Network(clock, np.random.default_rng(seed), **settings)


def run(clock):
    while clock.run_next():
        pass


def arrivals(count, seed=1, **settings):
    """(time, octets) of `count` numbered datagrams, one each ms."""
    clock, network = build(seed, **settings)
    log = []
    receiver = network.open(B, 5, lambda: log.append((clock.now, receiver.receive()[0])))
    sender = network.open(A, 0)
    for i in range(count):
        clock.at(i * MS, lambda i=i: sender.send(i.to_bytes(4, "big"), receiver.address))
    run(clock)
    return log, network


def test_datagram_arrives_after_the_delay_with_its_source():
    clock, network = build(delay_ms=10)
    wakes = []
    a, b = network.open(A, 5060), network.open(B, 5060, lambda: wakes.append(clock.now))
    data = bytearray(b"hello")
    a.send(data, bytearray(b.address))
    data[:] = b"later"
    assert b.receive() is None
    run(clock)
    assert wakes == [10 * MS]
    assert b.receive() == (b"hello", A + (5060).to_bytes(2, "big"))
    assert b.receive() is None


def test_ports():
    _, network = build()
    first, second = network.open(A, 0), network.open(A, 0)
    assert [endpoint_text(s.address) for s in (first, second)] == ["10.0.0.1:49152", "10.0.0.1:49153"]
    network.open(B, 49152)
    with pytest.raises(OSError, match=r"10\.0\.0\.1:49153 is taken") as error:
        network.open(A, 49153)
    assert error.value.errno == errno.EADDRINUSE
    first.close()
    first.close()
    assert network.open(A, 0).address == first.address
    with pytest.raises(OSError, match="closed"):
        first.send(b"x", second.address)


def test_no_port_left(monkeypatch):
    monkeypatch.setattr("femtohost.network.EPHEMERAL", range(49152, 49155))
    _, network = build()
    for _ in range(3):
        network.open(A, 0)
    with pytest.raises(OSError, match="no free port"):
        network.open(A, 0)


def test_nobody_there_is_silent():
    clock, network = build()
    a, b = network.open(A, 1), network.open(B, 1)
    a.send(b"1", endpoint(B, 2))
    a.send(b"2", b.address)
    b.close()
    run(clock)
    assert network.unreachable == 2


def test_full_queue_keeps_the_older():
    clock, network = build()
    a, b = network.open(A, 1), network.open(B, 1)
    for i in range(QUEUE + 3):
        a.send(bytes([i]), b.address)
    run(clock)
    assert [b.receive()[0][0] for _ in range(QUEUE)] == list(range(QUEUE))
    assert b.receive() is None
    assert (b.overflowed, network.overflowed) == (3, 3)


def test_jitter_is_bounded_and_reorders():
    log, _ = arrivals(2000, delay_ms=5, jitter_ms=20)
    lateness = [time / MS - int.from_bytes(data, "big") for time, data in log]
    assert 5 <= min(lateness) < 5.5 and 24.5 < max(lateness) <= 25
    assert [data for _, data in log] != sorted(data for _, data in log)


@pytest.mark.parametrize("loss", [0.01, 0.2, 0.9])
def test_loss_is_what_was_asked_for(loss):
    log, network = arrivals(20000, loss=loss)
    assert network.lost == 20000 - len(log)
    assert network.lost / 20000 == pytest.approx(loss, abs=4 * np.sqrt(loss * (1 - loss) / 20000))


def test_settings_hold_from_the_next_datagram_on():
    clock, network = build(delay_ms=10)
    a, b = network.open(A, 1), network.open(B, 1)
    a.send(b"1", b.address)
    network.delay_ms, network.loss = 1, 1.0
    a.send(b"2", b.address)
    network.loss = 0.0
    a.send(b"3", b.address)
    run(clock)
    assert [b.receive()[0], b.receive()[0], b.receive()] == [b"3", b"1", None]


def test_taps_see_everything_that_is_sent():
    clock, network = build(loss=1.0)
    seen = []
    network.taps.append(lambda *what: seen.append(what))
    a = network.open(A, 1)
    clock.at(7, lambda: a.send(bytearray(b"x"), endpoint(B, 2)))
    run(clock)
    assert seen == [(7, endpoint(A, 1), endpoint(B, 2), b"x")]


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32), loss=st.floats(0, 1), jitter=st.floats(0, 50))
def test_same_seed_same_arrivals(seed, loss, jitter):
    assert arrivals(60, seed, loss=loss, jitter_ms=jitter)[0] == arrivals(60, seed, loss=loss, jitter_ms=jitter)[0]


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_loss_and_jitter_are_drawn_apart(seed):
    calm = {data for _, data in arrivals(60, seed, loss=0.3)[0]}
    assert {data for _, data in arrivals(60, seed, loss=0.3, jitter_ms=30)[0]} == calm
