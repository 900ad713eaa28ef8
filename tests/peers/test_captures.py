"""Captures of our own as Wireshark reads them: SIP, RTP, USB and Um, with good checksums, and nothing malformed."""

import signal
from contextlib import closing

import pytest
from capture import ERROR, dissect
from linux_usb.fixtures import usb_port
from programs import needs

from femtohost import audio
from femtohost.call import CallOptions, make_call
from femtohost.capture import Capture
from femtohost.capture.usbmon import BULK, CONTROL, INTERRUPT, ISOCHRONOUS
from femtohost.emulator import Emulator

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


def test_a_linux_machine_uses_the_box(linux, run_box, disc, tmp_path):
    """Its drivers attach, read the disc, play and record, and ask the telephone."""
    path = tmp_path / "usb.pcapng"
    box = run_box("--usbip", "127.0.0.1:0", "--iso", disc[1].path, "--capture", str(path))
    linux.attach(usb_port(box))
    assert linux.hash_disc()[1] == disc[1].sha256
    linux.sound(bytes(audio.RATE), record=True)
    linux.finish_sound()
    linux.feature(b"")
    linux.close_files()
    linux.detach()
    box.stop()
    # Linux first asks for the two octets of READ DISC INFORMATION that tell its length; Wireshark reads on behind them.
    lengths = {row[0] for row in dissect(path, "usbms && usb.data_len == 2", "frame.number")}
    assert [row for row in complaints(path) if row[0] not in lengths] == []
    frames = dissect(path, "usb", "frame.interface_name", "usb.transfer_type", "usb.urb_type", "frame.protocols")
    assert {frame[0] for frame in frames} == {"usb"}
    assert {int(frame[1], 0) for frame in frames} == {ISOCHRONOUS, INTERRUPT, CONTROL, BULK}
    assert {frame[2] for frame in frames} == {"'S'", "'C'"}
    assert any("usbms" in frame[3] for frame in frames)
    assert dissect(path, "usb.iso.numdesc > 0 && usb.urb_type == 'C'", "usb.iso.iso_len")
    assert dissect(path, "usb.urb_type == 'C' && !usb.request_in", "frame.number") == []  # each has its submission


def test_a_phone_that_registers(tmp_path):
    path = tmp_path / "um.pcapng"
    with Emulator(1, {"gsm": {"enabled": True}}) as box, closing(Capture(path, lambda: box.clock.now)) as capture:
        capture.watch_air(box.air)
        phone = box.gsm.add("001010000000001")
        phone.power_on()
        box.run_until(lambda: phone.registered and phone.state == "idle")
        box.run_for(2)
    assert complaints(path) == []
    fields = "frame.interface_name", "gsmtap.chan_type", "gsm_a.dtap.msg_rr_type", "gsm_a.dtap.msg_mm_type"
    frames = dissect(path, "gsmtap", *fields)
    assert {frame[0] for frame in frames} == {"um"}
    assert sum(frame[1] == "1" for frame in frames) > 10  # BCCH, also where nobody listens
    immediate_assignment, channel_release, request, accept = 0x3F, 0x0D, 0x08, 0x02
    assert {immediate_assignment, channel_release} <= {int(frame[2], 0) for frame in frames if frame[2]}
    assert {request, accept} <= {int(frame[3], 0) for frame in frames if frame[3]}


def test_keys_and_hold_of_a_phone(tmp_path):
    """Keys are RTP events (RFC 4733), a hold is a re-INVITE (RFC 3264 8.4)."""
    path = tmp_path / "keys.pcapng"
    with Emulator(1, {"gsm": {"enabled": True}}) as box, closing(Capture(path, lambda: box.clock.now)) as capture:
        capture.watch_network(box.network)
        box.far.events = 101
        phone = box.gsm.add("001010000000001")
        phone.power_on()
        box.run_until(lambda: phone.registered and phone.state == "idle")
        call = phone.dial("555")
        box.run_until(lambda: phone.call_state == "ACTIVE")
        phone.press("15*#D")
        box.run_until(lambda: len(call.dtmf) == 5, timeout_s=30)
        phone.hold()
        box.run_until(lambda: call.held and box.far.on_hold)
        phone.retrieve()
        box.run_until(lambda: not call.held and not box.far.on_hold)
        phone.hang_up()
        box.run_until(lambda: box.far.state == "ended")
    assert complaints(path) == []
    fields = "rtpevent.event_id", "rtpevent.end_of_event", "rtpevent.duration", "rtp.marker"
    events = dissect(path, "rtpevent", *fields)
    firsts = [int(event[0]) for event in events if event[3] == "1"]
    assert firsts == [1, 5, 10, 11, 15]
    assert sum(event[1] == "1" for event in events) == 3 * len(firsts)
    offers = dissect(path, "sip.Method == INVITE && ip.src == 10.0.0.1", "sdp.media_attr")
    assert ["sendonly" in offer[0] for offer in offers] == [False, True, False]
