import struct

import aiosipua.sdp
import pytest
from aiosipua.auth import SipDigestAuth, build_credentials
from aiosipua.headers import parse_auth, stringify_auth
from far_end_rig import SDP, Wire
from hypothesis import given, settings
from hypothesis import strategies as st


def answered(wire):
    """A call that the far end has taken: its To tag."""
    wire.far.ring_after_s, wire.far.answer_after_s = None, 0.1
    wire.invite()
    tag = wire.replies(0.2)[-1].to_addr.tag
    wire.send("ACK", branch="z9hG4bKack", to_tag=tag)
    wire.run(0.01)
    return tag


def credentials(reply, method, uri="sip:555@10.0.0.2", password="x", name="WWW-Authenticate"):
    challenge = parse_auth(reply.get_header(name))
    return stringify_auth(build_credentials(SipDigestAuth("100", password), challenge, method, uri, cnonce="abc"))


def test_repeated_invite_gets_the_same_answer():
    wire = Wire()
    wire.invite()
    assert wire.codes() == [100]
    wire.invite()
    assert wire.codes() == [100]
    assert wire.codes(0.2) == [180]
    wire.invite()
    assert wire.codes() == [180]


def test_ack_stops_the_answer():
    wire = Wire()
    answered(wire)
    assert wire.codes(40) == []
    assert wire.far.state == "in-call"


def test_a_wrong_ack_does_not():
    wire = Wire()
    wire.far.answer_after_s = 0.1
    wire.invite()
    tag = wire.replies(0.2)[-1].to_addr.tag
    wire.send("ACK", branch="z9hG4bKack", to_tag=tag, cseq=2)
    wire.send("ACK", branch="z9hG4bKack2", to_tag="else")
    assert 200 in wire.codes(1)


def test_reject_is_repeated_until_ack():
    wire = Wire()
    wire.far.reject = 486
    wire.invite()
    assert wire.codes(4) == [486, 486, 486, 486]  # 0, 0.5, 1.5, 3.5 s
    wire.send("ACK", to_tag="x")
    assert wire.codes(10) == []


def test_second_call_is_busy():
    wire = Wire()
    answered(wire)
    wire.invite(branch="z9hG4bK2", call="c2")
    assert wire.codes() == [486]
    assert wire.far.state == "in-call" and wire.far.final_status == 200


def test_bye_and_its_repetition():
    wire = Wire()
    tag = answered(wire)
    for _ in range(2):
        wire.send("BYE", branch="z9hG4bKbye", to_tag=tag, cseq=2)
        assert wire.codes() == [200]
    assert wire.far.state == "ended"
    sent = wire.far.stream.sent
    wire.run(1)
    assert wire.far.stream.sent == sent


def test_bye_before_the_answer_ends_the_invite_too():
    wire = Wire()
    wire.invite()
    tag = wire.replies(0.2)[-1].to_addr.tag
    wire.send("BYE", branch="z9hG4bKbye", to_tag=tag, cseq=2)
    assert wire.codes() == [200, 487]
    assert (wire.far.state, wire.far.final_status) == ("ended", 487)


def test_cancel():
    wire = Wire()
    wire.invite()
    wire.codes(0.2)
    wire.send("CANCEL")
    assert wire.codes() == [200, 487]
    wire.send("CANCEL", branch="z9hG4bKother")
    assert wire.codes() == [481]


def test_requests_outside_any_call():
    wire = Wire()
    for i, (method, tag, code) in enumerate(
        [
            ("OPTIONS", "", 200),
            ("INFO", "", 200),
            ("PUBLISH", "", 405),
            ("BYE", "", 481),
            ("OPTIONS", "old", 481),
            ("INVITE", "old", 481),
        ]
    ):
        wire.send(method, branch=f"z9hG4bK{i}", to_tag=tag)
        assert wire.codes(0.1) == [code], method
    wire.send("ACK", branch="z9hG4bKx", to_tag="old")
    assert [c for c in wire.codes() if c != 481] == []


@pytest.mark.parametrize(
    ("offered", "answer", "sends"),
    [("sendrecv", "sendrecv", True), ("sendonly", "recvonly", False), ("recvonly", "sendonly", True),
     ("inactive", "inactive", False)],
)  # fmt: skip
def test_hold_and_resume(offered, answer, sends):
    wire = Wire()
    tag = answered(wire)
    wire.invite(branch="z9hG4bKre", cseq=2, to_tag=tag, body=SDP + f"a={offered}\r\n")
    reply = wire.replies(0.1)[-1]
    assert reply.status_code == 200
    assert aiosipua.sdp.parse_sdp(reply.body.decode()).audio.direction == answer
    wire.send("ACK", branch="z9hG4bKack2", cseq=2, to_tag=tag)
    before = wire.far.stream.sent
    assert wire.codes(1) == []
    assert wire.far.stream.sent - before == (50 if sends else 0)


def test_offer_in_the_answer():
    wire = Wire()
    wire.far.ring_after_s, wire.far.answer_after_s = None, 0.1
    wire.invite(body="")
    reply = wire.replies(0.2)[-1]
    assert aiosipua.sdp.parse_sdp(reply.body.decode()).audio.formats == ["0"]
    assert wire.far.stream.sent == 0
    wire.send("ACK", branch="z9hG4bKack", to_tag=reply.to_addr.tag, body=SDP)
    wire.run(0.1)
    assert wire.far.stream.sent > 0 and wire.far.state == "in-call"


@pytest.mark.parametrize(
    "body",
    [SDP.replace("8 0", "8"), SDP.replace("4000", "0"), SDP.replace("c=IN IP4 10.0.0.1", "c=IN IP6 ::1"), "nonsense",
     SDP.replace("4000", "70000")],
)  # fmt: skip
def test_unusable_offer(body):
    wire = Wire()
    wire.invite(body=body)
    assert wire.codes() == [488]


def test_invite_without_contact():
    wire = Wire()
    wire.send("INVITE", body=SDP)
    assert wire.codes() == [400]


def test_responses_go_where_the_request_came_from():
    wire = Wire()
    other = wire.network.open(bytes((10, 0, 0, 1)), 7000)
    via = "Via: SIP/2.0/UDP 192.168.1.1:9;branch=z9hG4bK9;rport"
    head = f"OPTIONS sip:10.0.0.2 SIP/2.0\r\n{via}\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\ni: 1\r\nCSeq: 1 OPTIONS"
    other.send(f"{head}\r\n\r\n".encode(), wire.far.layer.address)
    wire.run(0.1)
    reply = other.receive()[0]
    assert b"received=10.0.0.1" in reply and b"rport=7000" in reply
    other.send(f"{head}\r\n\r\n".replace(";rport", "1").replace(":9;", ":5060;").encode(), wire.far.layer.address)
    assert wire.codes() == [200]


def test_record_route_and_routes():
    wire = Wire()
    wire.far.ring_after_s, wire.far.answer_after_s = None, 0.1
    route = "<sip:10.0.0.1:5060;lr>, <sip:10.0.0.77;lr>"
    wire.invite(f"Record-Route: {route}")
    reply = wire.replies(0.2)[-1]
    assert ", ".join(reply.headers.get("record-route")).replace(" ", "") == route.replace(" ", "")
    wire.send("ACK", branch="z9hG4bKack", to_tag=reply.to_addr.tag)
    wire.run(0.1)
    wire.far.hang_up()
    bye = wire.replies(0.1)[-1]
    assert bye.method == "BYE" and bye.uri == "sip:100@10.0.0.1:5060"
    assert ",".join(bye.headers.get("route")).replace(" ", "") == route.replace(" ", "")


def test_outgoing_call_with_routes_and_a_repeated_answer():
    wire = Wire()
    wire.far.call("7")
    invite = wire.replies()[0]
    routes = "Record-Route: <sip:10.0.0.77;lr>, <sip:10.0.0.1:5060;lr>"
    for _ in range(2):
        wire.answer(invite, "200 OK", "Contact: <sip:jack@10.0.0.66>", routes, body=SDP)
        ack = wire.replies()[0]
        assert (ack.method, ack.uri, ack.cseq.seq) == ("ACK", "sip:jack@10.0.0.66", 1)
        assert ",".join(ack.headers.get("route")).replace(" ", "") == "<sip:10.0.0.1:5060;lr>,<sip:10.0.0.77;lr>"
    assert wire.far.state == "in-call"


def test_answer_without_our_codec_is_ended():
    wire = Wire()
    wire.far.call("7")
    wire.answer(wire.replies()[0], "200 OK", body=SDP.replace("8 0", "8"))
    assert wire.codes() == ["ACK", "BYE"]
    assert wire.far.state == "ended"


def test_hanging_up_while_ringing_refuses():
    wire = Wire()
    wire.invite()
    wire.codes(0.2)
    wire.far.hang_up()
    assert wire.codes() == [480]
    assert (wire.far.state, wire.far.final_status) == ("ended", 480)


def test_reinvite_proves_the_answer_and_moves_the_target():
    wire = Wire()
    wire.far.ring_after_s, wire.far.answer_after_s = None, 0.1
    wire.invite()
    tag = wire.replies(0.2)[-1].to_addr.tag  # never acknowledged
    contact = "Contact: <sip:100@10.0.0.1:5060;moved=1>"
    wire.send("INVITE", contact, branch="z9hG4bKre", cseq=2, to_tag=tag, body=SDP)
    assert wire.codes(0.1) == [200]
    wire.send("ACK", branch="z9hG4bKack2", cseq=2, to_tag=tag)
    assert wire.codes(40) == []
    wire.far.hang_up()
    assert wire.replies()[0].uri == "sip:100@10.0.0.1:5060;moved=1"


def test_invite_challenged():
    wire = Wire()
    wire.far.password = "x"
    wire.invite()
    reply = wire.replies()[0]
    assert reply.status_code == 407 and wire.far.state == "idle"
    wire.send("ACK", to_tag=reply.to_addr.tag)
    proof = credentials(reply, "INVITE", name="Proxy-Authenticate")
    wire.invite(f"Proxy-Authorization: {proof}", branch="z9hG4bK2", cseq=2)
    assert wire.codes() == [100]
    assert wire.far.caller == "100"


def register(wire, *lines, n=1):
    wire.send("REGISTER", *lines, branch=f"z9hG4bKr{n}", cseq=n)
    (reply,) = wire.replies()
    return reply


CONTACT = "Contact: <sip:100@10.0.0.1:5060>"


def test_register_without_password():
    wire = Wire()
    reply = register(wire, CONTACT, "Expires: 60")
    assert (reply.status_code, reply.get_header("Expires")) == (200, "60")
    assert str(wire.far.registrar.contact("555")) == "sip:100@10.0.0.1:5060"
    wire.run(59)
    assert wire.far.registrar.contact("555") is not None
    wire.run(1)
    assert wire.far.registrar.contact("555") is None


@pytest.mark.parametrize(
    ("lines", "granted"),
    [((CONTACT,), "90"), ((CONTACT + ";expires=30", "Expires: 60"), "30"), ((CONTACT, "Expires: 9999"), "90"),
     ((CONTACT, "Expires: 0"), None), (("Contact: *", "Expires: 0"), None), ((), "80")],
)  # fmt: skip
def test_register_expiry(lines, granted):
    wire = Wire()
    wire.far.register_longest_s = 90
    register(wire, CONTACT, "Expires: 80")
    reply = register(wire, *lines, n=2)
    assert reply.status_code == 200
    assert reply.get_header("Expires") in ((granted,) if granted != "80" else ("79", "80"))
    assert (wire.far.registrar.contact("555") is None) == (granted is None)


def test_register_with_digest():
    wire = Wire()
    wire.far.password = "x"
    challenge = register(wire, CONTACT)
    assert challenge.status_code == 401
    wrong = credentials(challenge, "REGISTER", password="y")
    assert register(wire, CONTACT, f"Authorization: {wrong}", n=2).status_code == 403
    other = credentials(challenge, "REGISTER", uri="sip:elsewhere")
    assert register(wire, CONTACT, f"Authorization: {other}", n=3).status_code == 403
    right = credentials(challenge, "REGISTER")
    assert register(wire, CONTACT, f"Authorization: {right}", n=4).status_code == 200
    stale = right.replace(parse_auth(challenge.get_header("WWW-Authenticate")).params["nonce"], "00")
    again = register(wire, CONTACT, f"Authorization: {stale}", n=5)
    assert again.status_code == 401 and "stale=true" in again.get_header("WWW-Authenticate")


@pytest.mark.parametrize("status", [403, 404])
def test_register_refused(status):
    wire = Wire()
    wire.far.register_reject = status
    assert register(wire, CONTACT).status_code == status
    assert wire.far.registrar.contact("555") is None


def test_bad_expiry():
    assert register(Wire(), CONTACT + ";expires=soon").status_code == 400


def test_peer_that_answers_bye_late():
    wire = Wire()
    answered(wire)
    wire.far.hang_up()
    byes = wire.replies(4)
    assert [m.method for m in byes] == ["BYE"] * 4  # 0, 0.5, 1.5, 3.5 s
    wire.answer(byes[0])
    assert wire.codes(40) == []


def test_rtp_that_is_not_ours_is_refused():
    wire = Wire()
    answered(wire)
    stream = wire.far.stream
    to = wire.far.layer.address[:4] + stream.port.to_bytes(2, "big")
    plain = struct.pack(">BBHII", 0x80, 0, 1, 0xFFFFFFF0, 5)
    for data in (b"", b"\x80", plain, b"\x40" + plain[1:] + b"x", plain[:1] + b"\x08" + plain[2:] + b"x"):
        wire.socket.send(data, to)
    wire.run(0.1)
    assert (stream.refused, stream.received) == (5, 0)
    assert wire.far.heard().size == 0


def test_record_is_placed_by_timestamp():
    wire = Wire()
    answered(wire)
    to = wire.far.layer.address[:4] + wire.far.stream.port.to_bytes(2, "big")
    start = 2**32 - 160  # the timestamp wraps
    for n in (0, 2, 1, 2, 4):  # one early, one twice, one lost
        octets = bytes([0x80 + n]) * 160
        wire.socket.send(struct.pack(">BBHII", 0x80, 0, n, (start + 160 * n) % 2**32, 5) + octets, to)
        wire.run(0.02)
    frames = wire.far.heard().reshape(-1, 160)
    assert [bool(frame.any()) for frame in frames] == [True, True, True, False, True]
    assert frames[0, 0] == 32124 and frames[1, 0] == 31100 and frames[2, 0] == 30076
    # Another stream goes on behind the last one.
    wire.socket.send(struct.pack(">BBHII", 0x80, 0, 9, 10**9, 6) + b"\x80" * 160, to)
    wire.run(0.02)
    assert wire.far.heard().size == 6 * 160


def sample_messages():
    wire = Wire()
    tag = answered(wire)
    wire.send("BYE", branch="z9hG4bKbye", to_tag=tag, cseq=2)
    wire.send("REGISTER", CONTACT, 'Authorization: Digest username="a", nonce="b"', branch="z9hG4bKreg")
    wire.run(0.1)
    return [data for _, _, data in wire.far.messages]


SAMPLES = sample_messages()
ODD = st.sampled_from([b";self=1", b"99999", b"*", b",", b"\r\n", b":"])


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_no_datagram_makes_it_fall_over(data):
    wire = Wire()
    wire.far.password = data.draw(st.sampled_from([None, "x"]))
    for _ in range(4):
        message = bytearray(data.draw(st.sampled_from(SAMPLES)))
        for _ in range(data.draw(st.integers(0, 4))):
            at = data.draw(st.integers(0, len(message) - 1))
            cut = data.draw(st.integers(0, 6))
            message[at : at + cut] = data.draw(st.binary(max_size=6) | ODD)
        wire.socket.send(message, wire.far.layer.address)
    wire.socket.send(data.draw(st.binary(max_size=80)), wire.far.layer.address)
    wire.run(40)


@pytest.mark.parametrize(
    "line",
    ["Via: SIP/2.0/UDP 10.0.0.1:99999;branch=z9", "Contact: <nonsense>", "Record-Route: ,", "Content-Length: -1",
     "Content-Length: 999", "From: <sip:x>;self=1"],
)  # fmt: skip
def test_malformed_is_counted_and_dropped(line):
    wire = Wire()
    fields = {
        "Via": "SIP/2.0/UDP 10.0.0.1;branch=z9", "From": "<sip:a@b>;tag=1", "To": "<sip:c@d>", "Call-ID": "1",
        "CSeq": "1 INVITE", "Contact": "<sip:a@b>", "Content-Length": "0",
    }  # fmt: skip
    name, value = line.split(": ", 1)
    fields[name] = value
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    wire.socket.send(f"INVITE sip:5@10.0.0.2 SIP/2.0\r\n{head}\r\n".encode(), wire.far.layer.address)
    assert wire.codes() == []
    assert wire.far.malformed == 1
