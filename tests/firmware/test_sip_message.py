"""The parser against valid, hostile and random octets, and what we write against two other parsers."""

import os
from pathlib import Path

import aiosipua
import pytest
import sipmessage
from hypothesis import given, settings
from hypothesis import strategies as st
from sip_bench import ANSWER, OFFER, Bench, Listener, address, pair

from femtojack.sip.address import (
    escape_user,
    ipv4,
    parse_address,
    parse_params,
    parse_uri,
    parse_via,
    printable,
    split_outside,
    unquote,
)
from femtojack.sip.message import MAX_HEADERS, MAX_SIZE, Message, parse, reply

INVITE = (
    b"INVITE sip:200@10.0.0.2 SIP/2.0\r\n"
    b"v: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bKabc;rport, SIP/2.0/TCP proxy.example ;branch=z9hG4bKdef\r\n"
    b'f: "Doe, \\"J\\"" <sip:100@example.org;user=phone>;tag=88\r\n'
    b"TO: <sip:200@10.0.0.2>\r\n"
    b"i: one@10.0.0.1\r\n"
    b"CSeq: 0009\r\n  INVITE\r\n"
    b"m: <sip:100@10.0.0.1>\r\n"
    b"Record-Route: <sip:10.0.0.8;lr>, <sip:10.0.0.9;lr>\r\n"
    b"Content-Type: application/sdp; charset=utf-8\r\n"
    b"l: 4\r\n\r\nbodyand more"
)


def test_parse_request():
    message = parse(memoryview(INVITE))
    assert message.error is None
    assert (message.method, message.uri, message.status) == (b"INVITE", b"sip:200@10.0.0.2", 0)
    assert len(message.get_all(b"via")) == 2 and message.via.branch == b"z9hG4bKabc" and message.via.port == 5060
    assert (message.sender.display, message.sender.tag) == (b'Doe, "J"', b"88")
    assert message.to.tag is None
    assert (message.cseq, message.cseq_method, message.call_id) == (9, b"INVITE", b"one@10.0.0.1")
    assert message.get_all(b"Record-Route") == [b"<sip:10.0.0.8;lr>", b"<sip:10.0.0.9;lr>"]
    assert message.content_type() == b"application/sdp"
    assert message.body == b"body"  # RFC 3261 18.3: the rest of a datagram is dropped


@pytest.mark.parametrize(
    ("old", "new", "status"),
    [
        (b"l: 4", b"l: 400", 400),
        (b"l: 4", b"l: -4", 400),
        (b"l: 4", b"l: 4\r\nContent-Length: 4", 400),
        (b"CSeq: 0009", b"CSeq: 2147483648", 400),
        (b"CSeq: 0009", b"CSeq: \xb2", 400),
        (b"CSeq: 0009\r\n  INVITE", b"CSeq: 9 BYE", 400),
        (b"i: one", b"x: one", 400),
        (b"TO: <sip", b"TO: Doe, J <sip", 400),
        (b"TO: <sip", b'TO: "Doe <sip', 400),
        (b"TO: <sip", b"TO: <sip:a@b>\r\nt: <sip", 400),
        (b"m: <sip:100@10.0.0.1>", b"m: sip:100@10.0.0.1?Route=x", 400),
        (b"v: SIP/2.0/UDP 10.0.0.1:5060", b"v: SIP/2.0/UDP", 400),
        (b"v: SIP/2.0/UDP 10.0.0.1:5060", b"v: SIP/2.0/UDP 10.0.0.1:99999", 400),
        (b"TO: ", b"TO no colon\r\nTO: ", 400),
        (b"TO: ", b"X: a\nb\r\nTO: ", 400),
        (b"INVITE sip:200@10.0.0.2 ", b"INVITE <sip:200@10.0.0.2> ", 400),
        (b"INVITE sip:200@10.0.0.2 ", b"INVITE  sip:200@10.0.0.2 ", 400),
        (b"INVITE sip:200@10.0.0.2 ", b"INVITE sip:200@10.0.0.2?a=b ", 400),
        (b"INVITE sip:200@10.0.0.2 ", b"INVITE mailto:200@10.0.0.2 ", 416),
        (b"SIP/2.0\r\nv", b"SIP/3.0\r\nv", 505),
        (b"TO: ", b"x: y\r\n" * MAX_HEADERS + b"TO: ", 513),
    ],
)
def test_bad_requests_name_their_refusal(old, new, status):
    assert old in INVITE
    message = parse(INVITE.replace(old, new, 1))
    assert message.error[0] == status
    ack = INVITE.replace(b"INVITE", b"ACK").replace(old.replace(b"INVITE", b"ACK"), new.replace(b"INVITE", b"ACK"), 1)
    assert parse(ack) is None  # an ACK is never answered


@pytest.mark.parametrize(
    "data",
    [b"", b"\r\n\r\n", b"\x00", b"GET / HTTP/1.1\r\n\r\n", b"SIP/2.0 99 X\r\n\r\n", b"SIP/2.0 4294967301 X\r\n\r\n",
     b"SIP/2.0 200 OK\r\n\r\n", b"x" * (MAX_SIZE + 1), b"\xff" * 99],
)  # fmt: skip
def test_what_cannot_be_answered_is_none(data):
    assert parse(data) is None


def test_leading_empty_lines_are_skipped():
    assert parse(b"\r\n\r\n" + INVITE).error is None


def test_any_octets_in_text_survive_to_the_reply():
    data = INVITE.replace(b"<sip:200@10.0.0.2>", b'"\xd0\xb0\xff\x00" <sip:200@10.0.0.2>')
    answer = reply(parse(data), 180, b"tt")
    assert answer.get(b"To") == b'"\xd0\xb0\xff\x00" <sip:200@10.0.0.2>;tag=tt'


def test_reply_has_what_rfc_8_2_6_wants():
    answer = parse(reply(parse(INVITE), 180, b"mine").encode())
    assert answer.status == 180 and answer.to.tag == b"mine" and answer.sender.tag == b"88"
    assert len(answer.get_all(b"Via")) == 2
    assert answer.get_all(b"Record-Route") == parse(INVITE).get_all(b"Record-Route")
    trying = reply(parse(INVITE), 100, b"mine")
    assert b"tag" not in trying.get(b"To")
    again = reply(parse(INVITE.replace(b"10.0.0.2>", b"10.0.0.2>;tag=old")), 200, b"mine")
    assert again.get(b"To").endswith(b";tag=old")


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (b"a,b", [b"a", b"b"]),
        (b'"a,\\",b",c', [b'"a,\\",b"', b"c"]),
        (b"<a,b>,c", [b"<a,b>", b"c"]),
        (b'"a', None),
        (b"<a", None),
    ],
)
def test_split_outside(text, parts):
    assert split_outside(text, b",") == parts


def test_small_grammars():
    assert parse_params([b"A = b", b"lr"]) == [(b"a", b"b"), (b"lr", b"")]
    assert parse_params([b""]) is None
    assert unquote(b'"a\\"b\\\\c"') == b'a"b\\c'
    assert ipv4(b"1.2.3.255") == bytes((1, 2, 3, 255))
    assert ipv4(b"1.2.3.256") is ipv4(b"1.2.3") is ipv4(b"1.2.3.x") is None
    uri = parse_uri(b"sip:u:pw@1.2.3.4:5070;maddr=10.0.0.7;lr?x=y")
    assert (uri.user, uri.host, uri.port, uri.headers) == (b"u", b"1.2.3.4", 5070, b"x=y")
    assert uri.address() == address(7, 5070)
    assert parse_uri(b"sip:h.example").address() is None
    assert parse_uri(b"sip:[::1]:5070").port == 5070
    assert parse_uri(b"sip:") is parse_uri(b"nocolon") is parse_uri(b"sip:a b@c") is parse_uri(b"sip:@h") is None
    assert parse_address(b"sip:a@b;tag=1").tag == b"1" and parse_address(b"<sip:a@b;x=1>").tag is None
    via = parse_via(b"SIP / 2.0 / udp  host : 5061 ; branch = x")
    assert (via.transport, via.host, via.port, via.branch) == (b"UDP", b"host", 5061, b"x")
    assert parse_via(b"SIP/2.0/UDP host;;") is parse_via(b"SIP/2.0 host") is parse_via(b"HTTP/2.0/UDP h") is None
    assert escape_user("*21#\u00e9a b") == b"*21%23%C3%A9a%20b"
    assert printable(b"%2A1%zz%") == "*1%zz%" and printable(b"\xff\x00") == "??"


@st.composite
def mutated(draw):
    """A valid message with a few octets replaced, cut out, or repeated."""
    data = bytearray(draw(st.sampled_from([INVITE, OTHER])))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data) - 1))
        length = draw(st.integers(0, 20))
        data[at : at + length] = draw(st.one_of(st.binary(max_size=8), st.just(bytes(data[at : at + 60]))))
        data = data or bytearray(b"x")
    return bytes(data)


OTHER = (
    b"SIP/2.0 401 Unauthorized\r\nVia: SIP/2.0/UDP 10.0.0.2;branch=z9hG4bKq\r\nFrom: <sip:a@b>;tag=1\r\n"
    b'To: <sip:a@b>;tag=2\r\nCall-ID: x\r\nCSeq: 1 REGISTER\r\nWWW-Authenticate: Digest realm="r", nonce="n"\r\n'
    b"Content-Length: 0\r\n\r\n"
)


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.binary(max_size=300), mutated()))
def test_nothing_on_the_wire_raises(data):
    message = parse(data)
    assert message is None or message.error or message.via
    bench = Bench()
    agent = bench.agent(2, Listener(), user="200", server=address(9))
    agent.register(bench.ticks)
    agent.receive(data, address(1), bench.ticks)
    agent.step(bench.ticks)
    for _, _, _, sent in bench.sent:
        assert len(sent) <= MAX_SIZE


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(mutated(), st.integers(0, 3000)), max_size=8), st.integers(0, 1000))
def test_a_call_survives_hostile_neighbours(datagrams, seed):
    """Mutations of the dialog's own messages; afterwards everything can be cleared."""
    bench, caller, events, callee, far = pair(lambda call, now: call.answer(ANSWER, now), seed=seed)
    call = caller.call("200", OFFER, bench.ticks)
    bench.run(200)
    own = [data for _, _, _, data in bench.sent]
    for i, (data, wait) in enumerate(datagrams):
        victim = own[(seed + i) % len(own)]
        cut = (seed * 7 + i) % len(victim)
        for agent in (caller, callee):
            agent.receive(data, address(7), bench.ticks)
            agent.receive(victim[:cut] + data[:9] + victim[cut + 9 :], address(7), bench.ticks)
        bench.run(wait)
    call.hang_up(bench.ticks)
    for left in far.calls() + events.calls():
        left.hang_up(bench.ticks)
    bench.run(200000)
    assert call.state == "ended" and caller.idle
    assert all(left.state == "ended" for left in far.calls()) and callee.idle


def conversations():
    """Octets of everything we write in calls, refusals, registration with digest."""
    sent = []
    for on_incoming in (
        lambda call, now: (call.ring(now), call.answer(ANSWER, now)),
        lambda call, now: call.reject(486, now),
        lambda call, now: call.ring(now),
    ):
        bench, caller, _, _, _ = pair(on_incoming)
        call = caller.call("*21#", OFFER, bench.ticks)
        bench.run(500)
        call.hang_up(bench.ticks)
        bench.run(500)
        sent += [data for _, _, _, data in bench.sent]
    bench = Bench()
    agent = bench.agent(2, Listener(), server=address(9))
    agent.register(bench.ticks)
    challenge = reply(parse(bench.sent[0][3]), 401, b"r")
    challenge.add(b"WWW-Authenticate", b'Digest realm="r", nonce="n", qop="auth", opaque="o"')
    agent.receive(challenge.encode(), address(9), bench.ticks)
    agent.receive(INVITE.replace(b"INVITE", b"OPTIONS"), address(1), bench.ticks)
    agent.receive(INVITE.replace(b"INVITE", b"NOTIFY"), address(1), bench.ticks)
    return sent + [data for _, _, _, data in bench.sent]


def test_two_other_parsers_read_what_we_write():
    seen = set()
    for data in conversations():
        ours, one, two = parse(data), sipmessage.Message.parse(data), aiosipua.SipMessage.parse(data)
        seen.add(ours.method.decode() or ours.status)
        if ours.method:
            assert ours.method.decode() == one.method == two.method
            assert ours.uri.decode() == str(one.uri) == two.uri
        else:
            assert ours.status == one.code == two.status_code
        assert ours.call_id.decode() == one.call_id == two.call_id
        assert ours.cseq == one.cseq.sequence == two.cseq.seq
        assert ours.cseq_method.decode() == one.cseq.method == two.cseq.method
        assert ours.via.branch.decode() == one.via[0].parameters["branch"] == two.via[0].params["branch"]
        for mine, first, second in (
            (ours.sender, one.from_address, two.from_addr),
            (ours.to, one.to_address, two.to_addr),
        ):
            tag = mine.tag and mine.tag.decode()
            assert tag == first.parameters.get("tag") == second.params.get("tag")
        assert len(ours.body) == one.content_length == two.content_length
        assert ours.body == one.body == two.body
    assert seen == {"INVITE", "ACK", "BYE", "CANCEL", "REGISTER", 100, 180, 200, 405, 486, 487}


# RFC 4475: what this endpoint (no registrar, no proxy) answers first; () is silence.
TORTURE = {
    "wsinv": (481,), "intmeth": (501,), "esc01": (100,), "escnull": (405,), "esc02": (501,), "lwsdisp": (200,),
    "longreq": (100,), "dblreq": (405,), "semiuri": (200,), "transports": (200,), "mpart01": (405,),
    "unreason": (), "noreason": (), "badinv01": (400,), "clerr": (400,), "ncl": (400,), "scalar02": (400,),
    "scalarlg": (), "quotbal": (400,), "ltgtruri": (400,), "lwsruri": (400,), "lwsstart": (400,), "trws": (200, 400),
    "escruri": (400,), "baddate": (100, 400), "regbadct": (400,), "badaspec": (200, 400), "baddn": (400,),
    "badvers": (505,), "mismatch01": (400,), "mismatch02": (400, 501), "bigcode": (), "badbranch": (200,),
    "insuf": (400,), "unkscm": (416,), "novelsc": (416,), "unksm2": (400, 404, 405), "bext01": (420,),
    "invut": (415,), "regaut01": (401, 405), "multi01": (400,), "mcl01": (400,), "bcast": (), "zeromf": (200,),
    "cparam01": (405,), "cparam02": (405,), "regescrt": (405,), "sdp01": (406, 488), "inv2543": (100,),
}  # fmt: skip
MESSAGES = os.environ.get("SIP_TORTURE")


@pytest.mark.skipif(not MESSAGES, reason="the 49 messages of RFC 4475 are missing: set SIP_TORTURE to a folder of .dat")
def test_torture():
    for name, expected in TORTURE.items():
        bench = Bench()
        events = Listener()
        agent = bench.agent(2, events)
        agent.receive(Path(MESSAGES, f"{name}.dat").read_bytes(), address(9, 6060), bench.ticks)
        answers = [parse(data).status if parse(data) else int(data[8:11]) for _, _, _, data in bench.sent]
        assert (answers[0] in expected) if expected else not answers, name
        assert bool(events.calls()) == (answers[:1] == [100]), name


def test_message_copy_has_its_own_headers():
    message = Message(b"BYE", b"sip:x")
    message.add(b"Via", b"1")
    other = message.copy()
    other.replace(b"Via", b"2")
    assert message.get(b"Via") == b"1"
