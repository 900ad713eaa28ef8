"""Everything that the box and its phones say on Um as others read it: pycrate layer 3, Wireshark whole frames.

An hour of it: bench_um.py.
"""

from contextlib import closing

import pytest
from programs import needs
from um_oracle import layer3, pycrate_complaints, wireshark_complaints
from um_traffic import Traffic

from femtohost.capture import Capture
from femtohost.clock import Clock
from femtohost.emulator import Emulator
from femtohost.models.gsm_air import Air, AirFrame
from femtohost.models.gsm_frames import SDCCH8

IDENTITY_REQUEST = bytes.fromhex("051801")


def watched_traffic(path, seconds, phones=3, seed=1, **gsm):
    """So much of it in the capture `path`; the Traffic."""
    config = {"gsm": {"enabled": True, **gsm}}
    with Emulator(seed, config, keep_trace=False) as box, closing(Capture(path, lambda: box.clock.now)) as capture:
        capture.watch_air(box.air)
        traffic = Traffic(box, phones, seed)
        traffic.run(seconds)
        assert box.misuse == []
        assert [phone.bad for phone in traffic.phones] == [(0, 0)] * phones
    return traffic


@needs("tshark", package="tshark")
@pytest.mark.parametrize("gsm", [{}, {"combined": True}], ids=["separate", "combined"])
def test_nobody_complains(tmp_path, gsm):
    path = tmp_path / "um.pcapng"
    traffic = watched_traffic(path, 120, **gsm)
    assert len(traffic.done) == 14
    assert pycrate_complaints(path) == []
    assert wireshark_complaints(path) == []


def um(path, *blocks):
    """The capture `path` of downlink blocks on an SDCCH."""
    with closing(Capture(path, lambda: 0)) as capture:
        air = Air(Clock(), None)
        capture.watch_air(air)
        for block in blocks:
            air.downlink(AirFrame(60, False, 1, 0, SDCCH8, 0, block.ljust(23, b"\x2b")))
    return path


@needs("tshark", package="tshark")
def test_a_message_that_is_cut_off_is_complained_of(tmp_path):
    good = um(tmp_path / "good.pcapng", bytes((0x03, 0x00, 0x0D)) + IDENTITY_REQUEST)
    assert [message.octets for message in layer3(good)] == [IDENTITY_REQUEST]
    assert pycrate_complaints(good) == [] and wireshark_complaints(good) == []
    cut = um(tmp_path / "cut.pcapng", bytes((0x03, 0x00, 0x09)) + IDENTITY_REQUEST[:2])
    assert pycrate_complaints(cut) and wireshark_complaints(cut)


def test_segments_come_together_and_repetitions_are_left_out(tmp_path):
    first, second = b"\x03\x00\x53" + bytes(range(20)), b"\x03\x02\x05\x20"
    path = um(tmp_path / "segments.pcapng", first, first, second, second)
    assert [message.octets for message in layer3(path)] == [bytes(range(20)) + b"\x20"]
