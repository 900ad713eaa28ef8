"""Every SIP message of whole calls, read by a SIP implementation that is not ours (aiosipua from PyPI)."""

import aiosipua.sdp
import pytest
from aiosipua.message import SipMessage, SipRequest, missing_required_headers


@pytest.fixture
def wire(box):
    """[(source is the box, octets)] of every SIP datagram."""
    messages = []

    def tap(time, source, destination, data):
        if data[:1].isalpha():
            messages.append((source[:4] == box.board.address, data))

    box.network.taps.append(tap)
    return messages


def check_messages(wire):
    """Each message is complete for the other reader, and requests and responses belong together."""
    requests = {}
    for from_box, data in wire:
        message = SipMessage.parse(data)
        key = (message.via[0].branch, message.cseq.method)
        if isinstance(message, SipRequest):
            assert missing_required_headers(message) == [], data
            requests[key] = (message, from_box)
        else:
            asked, asked_by_box = requests[key]
            assert asked_by_box != from_box
            assert message.call_id == asked.call_id
            assert message.cseq.seq == asked.cseq.seq
            assert message.from_addr.tag == asked.from_addr.tag
        if message.content_type == "application/sdp":
            body = message.body if isinstance(message.body, str) else message.body.decode()
            audio = aiosipua.sdp.parse_sdp(body).audio
            assert audio.port > 0
            assert 0 in [int(codec) for codec in audio.formats]
    return [message.method for message, _ in requests.values()]


def in_service(box):
    box.run_until(lambda: box.state("fxs") == "ON_HOOK", timeout_s=5)


def test_a_call_out(box, wire):
    in_service(box)
    box.phone.off_hook()
    box.phone.dial("555#")
    box.run_until(lambda: box.far.state == "in-call", timeout_s=15)
    box.run_for(1)
    box.phone.on_hook()
    box.run_until(lambda: box.far.state == "ended", timeout_s=5)
    box.run_for(1)
    assert check_messages(wire) == ["INVITE", "ACK", "BYE"]


def test_a_call_in(box, wire):
    in_service(box)
    box.far.call("100")
    box.run_until(lambda: box.phone.ringing, timeout_s=5)
    box.phone.off_hook()
    box.run_until(lambda: box.far.state == "in-call", timeout_s=5)
    box.far.hang_up()
    box.run_for(1)
    assert check_messages(wire) == ["INVITE", "ACK", "BYE"]


def test_a_call_given_up(box, wire):
    box.far.answer_after_s = None
    in_service(box)
    box.phone.off_hook()
    box.phone.dial("555#")
    box.run_until(lambda: box.far.state == "ringing", timeout_s=15)
    box.phone.on_hook()
    box.run_until(lambda: box.far.state == "ended", timeout_s=5)
    box.run_for(1)
    assert check_messages(wire) == ["INVITE", "CANCEL", "ACK"]


@pytest.mark.box({"sip": {"user": "100", "password": "secret", "domain": "example.org"}}, loss=0.2)
def test_registration_and_a_challenged_call_over_a_bad_network(box, wire):
    box.far.password = "secret"
    box.run_until(lambda: box.trace.find("sip.registered"), timeout_s=60)
    box.phone.off_hook()
    box.phone.dial("555#")
    box.run_until(lambda: box.far.state == "in-call", timeout_s=60)
    assert {"REGISTER", "INVITE", "ACK"} <= set(check_messages(wire))
    assert any(b"uthorization: Digest" in data for from_box, data in wire if from_box)
