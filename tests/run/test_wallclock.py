"""Pacing: order, lag, and sockets between events."""

import socket

from femtohost.bridges.udp import UdpBridge, address_towards
from femtohost.clock import MS, Clock
from femtohost.network import endpoint
from femtohost.wallclock import WallClock


def test_events_run_in_order_and_never_early():
    clock, wall, ran = Clock(), WallClock(), []
    for time in (5, 1, 3):
        clock.at(time * MS, lambda time=time: ran.append((time * MS, wall._now())))
    clock.at(6 * MS, wall.stop)
    wall.follow(clock)
    wall.run()
    assert [time for time, _ in ran] == [1 * MS, 3 * MS, 5 * MS]
    assert all(now >= time for time, now in ran)


def test_what_is_late_is_counted_and_not_skipped():
    clock, wall, ran = Clock(), WallClock(), []
    wall.follow(clock)
    wall._origin -= 1000 * MS  # the machine was busy for a second
    for i in range(100):
        clock.at(10 * i * MS, lambda i=i: ran.append(i))
    wall.turn()
    assert ran == list(range(100))
    assert wall.worst_lag >= 1000 * MS
    assert wall.late >= 97
    clock.after(1 * MS, wall.stop)
    wall.run()
    assert wall.lag < wall.worst_lag


def test_a_condition_that_never_comes_ends_by_time():
    wall = WallClock()
    wall.follow(Clock())
    assert wall.run_until(lambda: False, 0.01) is False
    assert wall.run_until(lambda: True, 0.01) is True


def bridge():
    wall = WallClock()
    wall.follow(Clock())
    return wall, UdpBridge("127.0.0.1", wall.watch, wall.unwatch)


def test_datagrams_come_and_go():
    wall, one = bridge()
    port = one.reserve()
    woken = []
    box = one.open(one.address, port, lambda: woken.append(1))
    peer = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    peer.settimeout(300)
    peer.bind(("127.0.0.1", 0))
    there = endpoint(one.address, peer.getsockname()[1])
    box.send(b"out", there)
    assert peer.recv(10) == b"out"
    peer.sendto(b"in", ("127.0.0.1", port))
    assert wall.run_until(lambda: woken, 300)
    assert box.receive() == (b"in", there)
    assert box.receive() is None
    box.close()
    one.close()
    peer.close()


def test_a_peer_that_is_not_there_is_silence():
    _, one = bridge()
    box = one.open(one.address, one.reserve())
    for _ in range(5):
        box.send(b"x", endpoint(one.address, 1))
    assert box.receive() is None
    box.send(b"x", bytes(6))  # nowhere at all
    box.send(b"x" * 70000, endpoint(one.address, 1))
    assert box.unsent >= 1
    box.close()
    one.close()


def test_rtp_ports_are_even():
    _, one = bridge()
    assert {one.reserve(even=True) % 2 for _ in range(10)} == {0}
    one.close()


def test_own_address():
    assert address_towards(None) == address_towards("127.0.0.1:5060") == "127.0.0.1"
