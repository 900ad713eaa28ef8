"""Calls between two agents: every way in, every way out, and a network that is against them."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sip_bench import ANSWER, OFFER, Bench, Listener, address, pair

from femtojack.sip import sdp
from femtojack.sip.message import parse
from femtojack.sip.ua import MAX_CALLS, MAX_TRANSACTIONS

A, B = address(1), address(2)


def answer_at_once(call, now):
    call.ring(now)
    call.answer(ANSWER, now)


def test_call_answered_and_hung_up_by_caller():
    bench, caller, events, callee, far = pair(answer_at_once)
    call = caller.call("200", OFFER, bench.ticks)
    bench.run(1000)
    assert call.state == "up" and far.calls()[0].state == "up"
    assert events.names() == ["ringing", "answered"]
    assert call.remote_sdp.port == 16386 and call.remote_sdp.address == bytes((10, 0, 0, 2))
    assert far.calls()[0].number == "100" and far.calls()[0].remote_sdp.codec == 0
    call.hang_up(bench.ticks)
    bench.run(1000)
    assert events.statuses() == far.statuses() == [200]
    assert bench.methods() == ["INVITE", "100", "180", "200", "ACK", "BYE", "200"]
    bench.run(40000)
    assert caller.idle and callee.idle


def test_callee_hangs_up():
    bench, caller, events, callee, far = pair(answer_at_once)
    caller.call("200", OFFER, bench.ticks)
    bench.run(1000)
    far.calls()[0].hang_up(bench.ticks)
    bench.run(40000)
    assert events.statuses() == far.statuses() == [200]
    assert caller.idle and callee.idle


def test_repeated_ringing_is_told_once():
    bench, caller, events, _, _ = pair(lambda call, now: (call.ring(now), call.ring(now)))
    caller.call("200", OFFER, bench.ticks)
    bench.run(1000)
    assert bench.methods().count("180") == 2 and events.names() == ["ringing"]


@pytest.mark.parametrize("status", [404, 480, 486, 503, 603, 699])
def test_refused(status):
    bench, caller, events, callee, far = pair(lambda call, now: call.reject(status, now))
    call = caller.call("200", OFFER, bench.ticks)
    bench.run(1000)
    assert events.statuses() == far.statuses() == [status]
    assert call.setup == status
    assert bench.methods() == ["INVITE", "100", str(status), "ACK"]
    bench.run(40000)
    assert caller.idle and callee.idle


def test_impossible_reject_is_480():
    bench, caller, events, _, _ = pair(lambda call, now: call.reject(200, now))
    caller.call("200", OFFER, bench.ticks)
    bench.run(1000)
    assert events.statuses() == [480]


def test_cancelled_while_ringing():
    bench, caller, events, callee, far = pair()
    call = caller.call("200", OFFER, bench.ticks)
    bench.run(1000)
    call.hang_up(bench.ticks)
    bench.run(1000)
    assert events.statuses() == far.statuses() == [487]
    assert bench.methods()[3:] == ["CANCEL", "200", "487", "ACK"]
    answers = [parse(sent[3]) for sent in bench.sent[2:] if sent[3].startswith(b"SIP/2.0")]
    assert len({answer.to.tag for answer in answers}) == 1  # RFC 3261 9.2
    bench.run(40000)
    assert caller.idle and callee.idle


def test_hung_up_before_any_response_waits_with_cancel():
    """RFC 3261 9.1."""
    bench, caller, events, _, far = pair(delay=(50, 50))
    call = caller.call("200", OFFER, bench.ticks)
    call.hang_up(bench.ticks)
    bench.run(60)
    assert bench.methods() == ["INVITE", "100", "180"]
    bench.run(1000)
    assert "CANCEL" in bench.methods()
    assert events.statuses() == far.statuses() == [487]


def test_cancel_crosses_the_200():
    bench, caller, events, callee, far = pair(delay=(50, 50))
    call = caller.call("200", OFFER, bench.ticks)
    bench.run(200)
    call.hang_up(bench.ticks)
    far.calls()[0].answer(ANSWER, bench.ticks)
    bench.run(1000)
    assert events.statuses() == [487] and far.statuses() == [200]
    assert bench.methods().count("BYE") == 1
    bench.run(40000)
    assert caller.idle and callee.idle


def test_nobody_there():
    bench = Bench()
    events = Listener()
    caller = bench.agent(1, events)
    caller.call("200", OFFER, bench.ticks)
    bench.run(40000)
    assert events.statuses() == [408]
    times = [ms for ms, _, _, _ in bench.sent]
    assert times == [0, 500, 1500, 3500, 7500, 15500, 31500]  # timer A
    assert caller.idle


def test_far_end_dies_while_cancelling():
    bench, caller, events, _, _ = pair()
    call = caller.call("200", OFFER, bench.ticks)
    bench.run(1000)
    del bench.nodes[B]
    call.hang_up(bench.ticks)
    bench.run(70000)
    assert events.statuses() == [487] and caller.idle


def test_ack_never_comes():
    """RFC 3261 13.3.1.4: 200 repeated, then BYE."""
    bench, caller, _, callee, far = pair(answer_at_once)
    caller.call("200", OFFER, bench.ticks)
    bench.run(3)
    del bench.nodes[A]
    bench.run(70000)
    assert far.statuses() == [408] and callee.idle
    oks = [ms for ms, source, _, data in bench.sent if source == B and data.startswith(b"SIP/2.0 200")]
    assert [later - sooner for sooner, later in pairwise(oks)][:5] == [500, 1000, 2000, 4000, 4000]
    assert bench.methods().count("BYE") > 1


def test_repeated_200_is_acknowledged_again():
    bench, caller, _, _, _ = pair(answer_at_once)
    call = caller.call("200", OFFER, bench.ticks)
    bench.run(1000)
    ok = next(data for _, source, _, data in bench.sent if source == B and data.startswith(b"SIP/2.0 200"))
    acks = bench.methods().count("ACK")
    caller.receive(ok, B, bench.ticks)
    assert bench.methods().count("ACK") == acks + 1
    call.hang_up(bench.ticks)
    forked = ok.replace(b";tag=" + parse(ok).to.tag, b";tag=another")
    caller.receive(forked, B, bench.ticks)
    assert bench.methods()[-2:] == ["ACK", "BYE"]
    ack, bye = [parse(data) for _, _, _, data in bench.sent[-2:]]
    assert ack.to.tag == bye.to.tag == b"another"
    assert (ack.cseq, bye.cseq) == (1, 2)


def test_hung_up_before_the_ack_leaves_after_it():
    bench, caller, events, _, far = pair(delay=(50, 50))
    far.on_incoming = lambda call, now: (call.answer(ANSWER, now), call.hang_up(now))
    caller.call("200", OFFER, bench.ticks)
    bench.run(120)
    assert "BYE" not in bench.methods() and far.calls()[0].state == "leaving"
    bench.run(1000)
    assert events.statuses() == far.statuses() == [200]


def test_answer_without_usable_sdp_ends_the_call():
    bench, caller, events, _, far = pair(lambda call, now: call.answer(b"v=0\r\n", now))
    caller.call("200", OFFER, bench.ticks)
    bench.run(2000)
    assert events.statuses() == [488] and far.statuses() == [200]


def test_call_without_offer():
    bench, _, _, callee, far = pair(answer_at_once)
    invite = request(b"INVITE", b"")
    bench.nodes[A] = lambda data, source, now: None
    callee.receive(invite, A, bench.ticks)
    bench.run(100)
    call = far.calls()[0]
    assert call.remote_sdp is None and call.state == "answering"
    callee.receive(ack_of(invite, bench, OFFER), A, bench.ticks)
    assert call.state == "up" and call.remote_sdp.port == 16384
    assert far.names() == ["incoming", "progress"]


def request(method, body, extra=b""):
    """A request made by hand from 10.0.0.1."""
    head = (
        method + b" sip:200@10.0.0.2 SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKhand" + method + b";rport\r\n"
        b"From: <sip:hand@10.0.0.1>;tag=1\r\nTo: <sip:200@10.0.0.2>\r\nCall-ID: hand\r\nCSeq: 5 " + method + b"\r\n"
        b"Contact: <sip:hand@10.0.0.1>\r\n" + extra
    )
    kind = b"Content-Type: application/sdp\r\n" if body else b""
    return head + kind + b"Content-Length: " + str(len(body)).encode() + b"\r\n\r\n" + body


def within(bench, data):
    """`data` with the To tag of the last answer that had one."""
    tags = [parse(sent).to.tag for _, _, _, sent in bench.sent if sent.startswith(b"SIP/") and b"Trying" not in sent]
    return data.replace(b"To: <sip:200@10.0.0.2>", b"To: <sip:200@10.0.0.2>;tag=" + tags[-1])


def ack_of(invite, bench, body=b""):
    return within(bench, request(b"ACK", body))


def hand_call(on_incoming=answer_at_once):
    """A call from a hand-made far end to an agent at 10.0.0.2: (bench, agent, events)."""
    bench = Bench()
    events = Listener(on_incoming)
    agent = bench.agent(2, events, user="200")
    agent.receive(request(b"INVITE", OFFER), A, bench.ticks)
    bench.run(10)
    return bench, agent, events


def reinvite(bench, offer):
    data = within(bench, request(b"INVITE", offer))
    return data.replace(b"CSeq: 5", b"CSeq: 6").replace(b"bKhand", b"bKsecond")


def status_of(bench):
    return parse(bench.sent[-1][3]).status


def test_reinvite_is_answered_with_our_session():
    bench, agent, events = hand_call()
    agent.receive(ack_of(b"", bench), A, bench.ticks)
    hold = sdp.offer(bytes((10, 0, 0, 9)), 30000, 1, 2, direction=b"sendonly")
    agent.receive(reinvite(bench, hold), A, bench.ticks)
    answer = parse(bench.sent[-1][3])
    assert answer.status == 200
    assert sdp.parse(answer.body).direction == b"recvonly" and sdp.parse(answer.body).port == 16386
    call = events.calls()[0]
    assert call.remote_sdp.address == bytes((10, 0, 0, 9)) and not call.remote_sdp.hears
    assert events.names() == ["incoming", "progress"]
    ack = ack_of(b"", bench).replace(b"CSeq: 5", b"CSeq: 6")
    agent.receive(ack, A, bench.ticks)
    assert call.state == "up"


def test_reinvite_that_cannot_be_is_488_and_the_call_goes_on():
    bench, agent, events = hand_call()
    agent.receive(ack_of(b"", bench), A, bench.ticks)
    agent.receive(reinvite(bench, OFFER.replace(b" 0 8", b" 18")), A, bench.ticks)
    assert status_of(bench) == 488
    assert events.calls()[0].state == "up"


@pytest.mark.parametrize(("method", "status"), [(b"INFO", 200), (b"OPTIONS", 200), (b"BYE", 200), (b"REFER", 405)])
def test_requests_within_the_dialog(method, status):
    bench, agent, _ = hand_call()
    agent.receive(ack_of(b"", bench), A, bench.ticks)
    wanted = within(bench, request(method, b"")).replace(b"CSeq: 5", b"CSeq: 6")
    agent.receive(wanted, A, bench.ticks)
    assert status_of(bench) == status


def test_old_cseq_within_the_dialog_is_500():
    """RFC 3261 12.2.2."""
    bench, agent, events = hand_call()
    agent.receive(ack_of(b"", bench), A, bench.ticks)
    agent.receive(within(bench, request(b"BYE", b"")).replace(b"CSeq: 5", b"CSeq: 4"), A, bench.ticks)
    assert status_of(bench) == 500 and events.calls()[0].state == "up"


@pytest.mark.parametrize(
    ("method", "extra", "status"),
    [
        (b"OPTIONS", b"", 200),
        (b"BYE", b"", 481),
        (b"CANCEL", b"", 481),
        (b"MESSAGE", b"", 405),
        (b"WHATEVER", b"", 501),
        (b"INVITE", b"Require: 100rel\r\n", 420),
        (b"INVITE", b"Accept: text/plain\r\n", 406),
        (b"INVITE", b"Content-Encoding: gzip\r\n", 415),
    ],
)
def test_requests_outside_a_dialog(method, extra, status):
    bench = Bench()
    agent = bench.agent(2, Listener(), user="200")
    agent.receive(request(method, OFFER if method == b"INVITE" else b"", extra), A, bench.ticks)
    assert status_of(bench) == status
    assert agent.idle  # answered without keeping anything
    if status == 405:
        assert b"INVITE" in parse(bench.sent[-1][3]).get(b"Allow")
    if status == 420:
        assert parse(bench.sent[-1][3]).get(b"Unsupported") == b"100rel"


def test_unknown_dialog_is_481():
    bench, agent, _ = hand_call()
    stranger = request(b"BYE", b"").replace(b"To: <sip:200@10.0.0.2>", b"To: <sip:200@10.0.0.2>;tag=no")
    agent.receive(stranger, A, bench.ticks)
    assert status_of(bench) == 481


def test_merged_request_is_482():
    bench, agent, events = hand_call(lambda call, now: call.ring(now))
    agent.receive(request(b"INVITE", OFFER).replace(b"bKhand", b"bKother"), A, bench.ticks)
    assert status_of(bench) == 482 and len(events.calls()) == 1


def test_repeated_invite_is_not_a_new_call():
    bench, agent, events = hand_call()
    for _ in range(3):
        agent.receive(request(b"INVITE", OFFER), A, bench.ticks)
    assert len(events.calls()) == 1


def test_reply_goes_where_rfc3581_says():
    bench = Bench()
    agent = bench.agent(2, Listener(), user="200")
    odd = address(7, 40000)
    agent.receive(request(b"OPTIONS", b""), odd, bench.ticks)
    assert bench.sent[-1][2] == odd
    assert b";rport=40000;received=10.0.0.7" in bench.sent[-1][3]
    agent.receive(request(b"OPTIONS", b"").replace(b";rport", b""), odd, bench.ticks)
    assert bench.sent[-1][2] == address(7, 5060)


def test_record_route_and_contact_shape_the_dialog():
    routes = b"Record-Route: <sip:10.0.0.8:5070;lr>, <sip:10.0.0.9;lr>\r\n"
    bench = Bench()
    events = Listener(answer_at_once)
    agent = bench.agent(2, events, user="200")
    agent.receive(request(b"INVITE", OFFER, routes), A, bench.ticks)
    agent.receive(ack_of(b"", bench), A, bench.ticks)
    events.calls()[0].hang_up(bench.ticks)
    _, _, destination, data = bench.sent[-1]
    bye = parse(data)
    assert destination == address(8, 5070)
    assert bye.uri == b"sip:hand@10.0.0.1"
    assert bye.get_all(b"Route") == [b"<sip:10.0.0.8:5070;lr>", b"<sip:10.0.0.9;lr>"]


def test_record_route_is_reversed_for_the_caller():
    """RFC 3261 12.1.2."""
    bench, caller, _, _, _ = pair(answer_at_once, delay=(5, 5))
    bench.nodes[A] = lambda data, source, now: replies.append(data)
    replies = []
    call = caller.call("200", OFFER, bench.ticks)
    bench.run(100)
    routes = b"Record-Route: <sip:10.0.0.8;lr>, <sip:10.0.0.9;lr>\r\nCSeq"
    caller.receive(replies[-1].replace(b"CSeq", routes), B, bench.ticks)
    ack = parse(bench.sent[-1][3])
    assert ack.method == b"ACK" and call.state == "up"
    assert ack.get_all(b"Route") == [b"<sip:10.0.0.9;lr>", b"<sip:10.0.0.8;lr>"]
    assert bench.sent[-1][2] == address(9)


def test_nobody_picks_up_and_the_caller_is_lost():
    bench, caller, _, callee, far = pair()
    caller.call("200", OFFER, bench.ticks)
    bench.run(1000)
    del bench.nodes[A]
    bench.run(300000)
    assert far.statuses() == [480] and callee.idle


def test_strict_router_becomes_the_request_uri():
    """RFC 3261 12.2.1.1."""
    bench = Bench()
    events = Listener(answer_at_once)
    agent = bench.agent(2, events, user="200")
    agent.receive(request(b"INVITE", OFFER, b"Record-Route: <sip:10.0.0.8>\r\n"), A, bench.ticks)
    agent.receive(ack_of(b"", bench), A, bench.ticks)
    events.calls()[0].hang_up(bench.ticks)
    bye = parse(bench.sent[-1][3])
    assert bye.uri == b"sip:10.0.0.8" and bye.get_all(b"Route") == [b"<sip:hand@10.0.0.1>"]


def test_caller_name_and_number():
    bench = Bench()
    events = Listener()
    agent = bench.agent(2, events, user="200")
    invite = request(b"INVITE", OFFER)
    agent.receive(invite.replace(b"<sip:hand@", b'"A \\"B\\" C" <sip:%2A21%23@'), A, bench.ticks)
    assert (events.calls()[0].number, events.calls()[0].name) == ("*21#", 'A "B" C')


def test_dialled_hash_is_escaped():
    bench, caller, _, _, _ = pair()
    caller.call("*21#", OFFER, bench.ticks)
    assert bench.first_lines()[0] == b"INVITE sip:*21%23@10.0.0.2 SIP/2.0"


def test_calls_are_bounded():
    bench, agent, events = hand_call(lambda call, now: call.ring(now))
    for i in range(10):
        invite = request(b"INVITE", OFFER)
        agent.receive(invite.replace(b"hand", b"h%d" % i), A, bench.ticks)
    assert len(events.calls()) == MAX_CALLS
    assert status_of(bench) == 503
    assert agent.call("1", OFFER, bench.ticks) is None


def test_flood_of_refused_calls_does_not_lock_the_gateway():
    bench, agent, events = hand_call(lambda call, now: call.reject(486, now))
    for i in range(100):
        invite = request(b"INVITE", OFFER)
        agent.receive(invite.replace(b"hand", b"h%d" % i), A, bench.ticks)
    assert len(events.calls()) == 101
    assert len(agent._transactions) <= MAX_TRANSACTIONS + 1
    assert agent.call("1", OFFER, bench.ticks) is not None


# -- hold: a re-INVITE from here ----------------------------------------------------------------------------------


def up(**network):
    """(bench, our call, our events, the other's call, its events), the other being the callee."""
    bench, caller, events, _, far = pair(answer_at_once, **network)
    call = caller.call("200", OFFER, bench.ticks)
    bench.run(1000)
    assert call.state == far.calls()[0].state == "up"
    bench.sent.clear()
    return bench, call, events, far.calls()[0], far


def directions(bench):
    return [sdp.parse(parse(data).body).direction for _, _, _, data in bench.sent if parse(data).body]


def test_hold_and_back():
    """RFC 3264 8.4."""
    bench, call, events, other, _ = up()
    call.hold(True, bench.ticks)
    bench.run(1000)
    assert bench.methods() == ["INVITE", "200", "ACK"] and directions(bench) == [b"sendonly", b"recvonly"]
    assert not other.remote_sdp.hears and other.remote_sdp.holds
    versions = [sdp.parse(parse(data).body).origin for _, _, _, data in bench.sent if parse(data).body]
    assert versions == [(b"1", b"2"), (b"1", b"2")]
    call.hold(True, bench.ticks)
    bench.run(1000)
    assert len(bench.sent) == 3  # it knows
    call.hold(False, bench.ticks)
    bench.run(1000)
    assert directions(bench)[2:] == [b"sendrecv", b"sendrecv"]
    assert other.remote_sdp.hears and call.remote_sdp.hears
    assert events.names() == ["ringing", "answered", "progress", "progress"]


def test_both_hold_and_one_after_the_other_takes_it_back():
    bench, call, _, other, _ = up()
    for one, on in ((call, True), (other, True), (call, False), (other, False)):
        one.hold(on, bench.ticks)
        bench.run(1000)
    offers_and_answers = [b"sendonly", b"recvonly", b"inactive", b"inactive", b"sendrecv", b"sendonly"]
    assert directions(bench) == [*offers_and_answers, b"sendrecv", b"sendrecv"]
    assert call.remote_sdp.hears and other.remote_sdp.hears


def test_hold_asked_for_before_the_call_stands_comes_after_it():
    bench, caller, _, _, far = pair(lambda call, now: (call.answer(ANSWER, now), call.hold(True, now)), delay=(50, 50))
    caller.call("200", OFFER, bench.ticks)
    bench.run(1000)
    assert bench.methods() == ["INVITE", "100", "200", "ACK", "INVITE", "200", "ACK"]
    assert directions(bench)[2:] == [b"sendonly", b"recvonly"] and far.calls()[0].state == "up"


def test_taken_back_while_the_hold_is_on_its_way():
    bench, call, _, other, _ = up(delay=(50, 50))
    call.hold(True, bench.ticks)
    bench.run(10)
    call.hold(False, bench.ticks)
    bench.run(1000)
    assert directions(bench) == [b"sendonly", b"recvonly", b"sendrecv", b"sendrecv"]
    assert call.state == other.state == "up" and other.remote_sdp.hears


def test_both_at_once_is_491_and_the_callee_has_the_first_turn():
    """RFC 3261 14.1."""
    bench, call, _, other, _ = up(delay=(50, 50))
    call.hold(True, bench.ticks)
    other.hold(True, bench.ticks)
    bench.run(6000)
    assert bench.methods()[:6] == ["INVITE", "INVITE", "491", "491", "ACK", "ACK"]
    ((ms, source),) = [(ms, source) for ms, source, _, data in bench.sent if data.startswith(b"INVITE")][2:]
    assert source == B and 0 <= ms - bench.sent[0][0] - 100 <= 2000
    assert call.remote_sdp.holds and other.remote_sdp.holds
    assert directions(bench)[-2:] == [b"sendonly", b"inactive"]  # which says for the caller what it had to say


def test_the_caller_waits_longer_after_a_491():
    bench, call, _, other = by_hand((491,), (491,))
    call.hold(True, bench.ticks)
    bench.run(9000)
    times = [ms for ms, _, _, data in bench.sent if data.startswith(b"INVITE")]
    assert len(times) == 3 and all(2100 <= later - sooner <= 4050 for sooner, later in pairwise(times))
    assert other.remote_sdp.holds and call.state == "up"


def reply(data, status, *more):
    """A response to the request `data`, made by hand."""
    kept = (b"Via", b"From", b"To", b"Call-ID", b"CSeq")
    lines = [line for line in data.split(b"\r\n") if line.partition(b":")[0] in kept]
    return b"\r\n".join([b"SIP/2.0 %d Here" % status, *lines, *more, b"Content-Length: 0", b"", b""])


def by_hand(*replies):
    """Our call with a far end that gives these answers, (status, header ...), to re-INVITEs, and then its own."""
    bench, call, events, other, _ = up()
    agent, waiting = bench.nodes[B], list(replies)

    def far(data, source, now):
        if data.startswith(b"INVITE") and waiting:
            bench.send(B, A, reply(data, *waiting.pop(0)))
        else:
            agent.receive(memoryview(data), bytearray(source), now)

    bench.nodes[B] = far
    return bench, call, events, other


@pytest.mark.parametrize("status", [488, 500, 603])
def test_a_far_end_that_does_not_want_it_keeps_its_call(status):
    """RFC 3261 14.1: the session is as it was."""
    bench, call, events, _ = by_hand((status,))
    call.hold(True, bench.ticks)
    bench.run(40000)
    assert call.state == "up" and bench.methods() == ["INVITE", str(status), "ACK"]
    assert sdp.parse(call.local_sdp).direction == b"sendrecv"
    call.hold(False, bench.ticks)
    bench.run(1000)
    assert len(bench.sent) == 3 and "ended" not in events.names()


@pytest.mark.parametrize("status", [408, 481])
def test_a_far_end_that_knows_nothing_of_the_call_ends_it(status):
    """RFC 3261 12.2.1.2."""
    bench, call, events, _ = by_hand((status,))
    call.hold(True, bench.ticks)
    bench.run(1000)
    assert events.statuses() == [status] and bench.methods()[:4] == ["INVITE", str(status), "ACK", "BYE"]


def test_a_far_end_that_never_decides_is_given_up():
    bench, call, events, other = by_hand(*[(100,)] * 100)
    call.hold(True, bench.ticks)
    bench.run(31000)
    assert call.state == "changing"
    bench.run(9000)
    assert events.statuses() == [408]
    bench.run(80000)
    assert call._agent.idle and other.ended


def test_hung_up_while_the_hold_is_on_its_way():
    bench, call, events, other, far = up(delay=(50, 50))
    call.hold(True, bench.ticks)
    bench.run(75)  # its 200 is on the way back
    call.hang_up(bench.ticks)
    bench.run(80000)
    assert events.statuses() == [200] and far.statuses() == [200] and other.ended
    assert [parse(data).cseq for _, _, _, data in bench.sent if data.startswith(b"ACK")] == [2]
    assert call._agent.idle and bench.nodes[B].idle


def test_a_hold_that_is_challenged_proves_itself():
    bench, call, _, other = by_hand((407, b'Proxy-Authenticate: Digest realm="x", nonce="y"'))
    call.hold(True, bench.ticks)
    bench.run(1000)
    assert bench.methods() == ["INVITE", "407", "ACK", "INVITE", "200", "ACK"]
    assert call.state == "up" and other.remote_sdp.holds


@settings(max_examples=30, deadline=None)
@given(
    st.integers(0, 1 << 30),
    st.sampled_from([0.0, 0.1, 0.3]),
    st.lists(st.tuples(st.booleans(), st.booleans(), st.integers(0, 3000)), max_size=8),
)
def test_however_both_hold_in_the_end_each_knows_what_the_other_wants(seed, loss, wishes):
    bench, caller, events, _, far = pair(answer_at_once, seed=seed, loss=loss, delay=(1, 300))
    call = caller.call("200", OFFER, bench.ticks)
    bench.run(20000)
    if not far.calls() or far.calls()[0].state != "up" or call.state != "up":
        return
    other = far.calls()[0]
    wanted = {call: False, other: False}
    for ours, on, ms in wishes:
        one = call if ours else other
        one.hold(on, bench.ticks)
        wanted[one] = on
        bench.run(ms)
    bench.loss = 0
    bench.run(70000)
    if "ended" not in events.names() + far.names():
        assert other.remote_sdp.holds == wanted[call] and call.remote_sdp.holds == wanted[other]
    call.hang_up(bench.ticks)
    bench.run(70000)
    assert caller.idle and bench.nodes[B].idle


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 1 << 30),
    st.sampled_from([0.0, 0.1, 0.3]),
    st.sampled_from([0.0, 0.2]),
    st.sampled_from(["answer", "ring", "busy"]),
    st.integers(0, 3000),
    st.booleans(),
)
def test_every_call_ends_at_both_ends(seed, loss, repeat, how, talk, caller_leaves):
    """Through loss, repeats and disorder: one end each, nothing left over."""

    def on_incoming(call, now):
        if how == "busy":
            call.reject(486, now)
        elif how == "answer":
            answer_at_once(call, now)
        else:
            call.ring(now)

    bench, caller, events, callee, far = pair(on_incoming, seed=seed, loss=loss, repeat=repeat, delay=(1, 300))
    call = caller.call("200", OFFER, bench.ticks)
    bench.run(talk)
    for leaving in [call] if caller_leaves else far.calls():
        leaving.hang_up(bench.ticks)
    bench.run(40000)
    call.hang_up(bench.ticks)  # where the other's BYE or refusal was lost for good
    for left in far.calls():
        left.hang_up(bench.ticks)
    bench.run(120000)
    assert events.names().count("ended") == 1
    assert far.names().count("ended") == len(far.calls()) <= 1
    assert caller.idle and callee.idle
    assert all(n.step(bench.ticks) is None for n in (caller, callee))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1 << 30))
def test_same_seed_same_octets(seed):
    def run():
        bench, caller, _, _, _ = pair(answer_at_once, seed=seed, loss=0.2, delay=(1, 300))
        call = caller.call("200", OFFER, bench.ticks)
        bench.run(5000)
        call.hang_up(bench.ticks)
        bench.run(40000)
        return bench.sent, bench.trace

    assert run() == run()
