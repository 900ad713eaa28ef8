"""Captures of our own as Wireshark reads them: SIP, RTP and USB, with good checksums, and nothing malformed."""

import signal

import pytest
from capture import ERROR, dissect
from programs import needs

from femtohost.call import CallOptions, make_call

pytestmark = needs("tshark", package="tshark")

CHECKSUMS = ("-o", "ip.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE")
GOOD = "1"


def complaints(path):
    """[(frame, protocols, what)] of every frame that Wireshark finds malformed or wrong."""
    fields = "frame.number", "frame.protocols", "_ws.malformed", "_ws.expert.message"
    return dissect(path, f"_ws.malformed || _ws.expert.severity == {ERROR}", *fields, options=CHECKSUMS)


@pytest.fixture(scope="module")
def call(tmp_path_factory):
    """The capture of a call of two seconds."""
    path = tmp_path_factory.mktemp("call") / "call.pcapng"
    make_call(CallOptions(seconds=2, capture=str(path)))
    return path


def test_a_call(call):
    assert complaints(call) == []
    fields = "ip.checksum.status", "udp.checksum.status", "frame.protocols", "sip.Method", "frame.interface_name"
    frames = dissect(call, "ip", *fields, options=CHECKSUMS)
    assert {tuple(frame[:2]) for frame in frames} == {(GOOD, GOOD)}
    assert {frame[4] for frame in frames} == {"uplink"}
    methods = [frame[3] for frame in frames if frame[3]]
    assert methods == ["INVITE", "ACK", "BYE"]
    assert sum(frame[2] == "raw:ip:udp:rtp" for frame in frames) > 180
    assert all("sip" in frame[2] or "rtp" in frame[2] for frame in frames)


def test_what_a_killed_box_leaves(run_box, tmp_path):
    path = tmp_path / "box.pcapng"
    box = run_box("--capture", str(path), sip={"server": "127.0.0.1:9", "user": "200"})
    box.until(lambda: len(path.read_bytes()) > 1000)
    box.stop(signal.SIGKILL)
    port = box.ready["addresses"]["sip"].partition(":")[2]
    frames = dissect(path, "sip", "sip.Method", options=("-d", f"udp.port=={port},sip"))
    assert ["REGISTER"] in frames
    assert complaints(path) == []
