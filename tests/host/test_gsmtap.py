"""GSMTAP: the octets, and an air on each side of multicast."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from femtohost import gsmtap
from femtohost.bridges.gsmtap import GsmtapBridge
from femtohost.clock import Clock
from femtohost.errors import UserError
from femtohost.models.gsm_air import Air, AirFrame
from femtohost.wallclock import WallClock

frames = st.builds(
    AirFrame, st.integers(0, 1023), st.booleans(), st.integers(0, 7), st.integers(0, 2715647), st.integers(0, 255),
    st.integers(0, 7), st.binary(max_size=40),
)  # fmt: skip


@given(frames)
def test_every_frame_comes_back(frame):
    assert gsmtap.decode(gsmtap.encode(frame)) == frame


@given(st.binary(max_size=60))
def test_any_octets_are_a_frame_or_none(data):
    frame = gsmtap.decode(data)
    assert frame is None or (0 <= frame.tn <= 7 and 0 <= frame.arfcn < 1 << 14)


def test_a_frame_of_a_real_phone():
    data = bytes.fromhex("020401004032d13f0001efbd030000000e")
    assert gsmtap.decode(data) == AirFrame(50, True, 0, 126909, 3, 0, b"\x0e")
    assert gsmtap.encode(gsmtap.decode(data)) == data


def air_of(loop, cell):
    clock = Clock()
    loop.follow(clock)
    air = Air(clock, np.random.default_rng(1))
    bridge = GsmtapBridge(loop.watch, loop.unwatch, cell=cell)
    bridge.join(air)
    return air, bridge


@pytest.mark.skipif(not Path("/proc/net/igmp").exists(), reason="no IP multicast here: Linux with CONFIG_IP_MULTICAST")
def test_a_cell_and_a_phone_hear_each_other():
    cell_loop, phone_loop = WallClock(), WallClock()
    cell, cell_bridge = air_of(cell_loop, True)
    phones, phone_bridge = air_of(phone_loop, False)
    heard = {"up": [], "down": []}
    cell.join_cell(heard["up"].append, lambda: None)
    ear = type("Ear", (), {"receive": lambda self, frame: heard["down"].append(frame)})()
    phones.tune(ear, (50, 0, -1))
    down, up = AirFrame(50, False, 0, 1, 1, 0, bytes(23)), AirFrame(60, True, 1, 2, 8, 0, bytes(23))
    cell.downlink(down)
    phones.uplink(up)
    assert phone_loop.run_until(lambda: down in heard["down"], 30)
    assert cell_loop.run_until(lambda: up in heard["up"], 30)
    cell_bridge.close()
    phone_bridge.close()


def test_an_interface_that_is_not_there():
    loop = WallClock()
    with pytest.raises(UserError, match=r"no such network interface; there are .*lo"):
        GsmtapBridge(loop.watch, loop.unwatch, "nowhere0")
