"""The Osmocom network of these tests by itself: it broadcasts what it is configured to, and grants a channel."""

import contextlib

import pytest
from osmocom import config
from osmocom.um import BCCH, RACH, Air, Frame
from programs import PATIENCE

SLOTS = [config.SEPARATE, config.COMBINED]
pytestmark = pytest.mark.parametrize("network", SLOTS, ids=["separate", "combined"], indirect=True)
RA = 0x0E  # location updating, TS 44.018 table 9.1.8.1 with NECI
IMMEDIATE_ASSIGNMENT = 0x3F
# TS 44.018 10.5.2.5, first octet: an SDCCH/8 of slot 1, an SDCCH/4 of slot 0
SDCCH8, SDCCH4, NUMBER = 0x41, 0x20, 0x18


@pytest.fixture
def air(network):
    with network.namespace:
        air = Air()
    air.socket.settimeout(PATIENCE)
    with contextlib.closing(air):
        yield air


def test_broadcast(air):
    """Each system information in its place of TS 45.002 6.3.1.3: TC = (FN / 51) mod 8."""
    seen = {}
    for frame in air.frames():
        if frame.channel == BCCH:
            seen[frame.fn // 51 % 8] = frame.payload[2]
        if len(seen) == 8:
            break
    assert seen == dict(enumerate((0x19, 0x1A, 0x1B, 0x1C, 0x1A, 0x1A, 0x1B, 0x1C)))


def test_access(air):
    asked = None
    for frame in air.frames():
        if asked is None:
            asked = frame.fn
            air.send(Frame(config.BROADCAST, True, 0, asked, RACH, 0, bytes((RA,))))
        elif frame.payload[2:3] == bytes((IMMEDIATE_ASSIGNMENT,)):
            break
    reference = bytes((RA, asked // 1326 % 32 << 3 | asked % 51 >> 3, (asked % 51 & 7) << 5 | asked % 26))
    assert frame.payload[7:10] == reference  # TS 44.018 10.5.2.30
    assert frame.payload[4] & ~NUMBER in (SDCCH8, SDCCH4)
