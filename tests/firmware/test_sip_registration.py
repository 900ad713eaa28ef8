"""Registration and authentication against a registrar made by hand."""

import pytest
from sip_bench import OFFER, Bench, Listener, address, pair

from femtojack.sip import sdp
from femtojack.sip.message import parse, reply

SERVER = address(9)


class Registrar:
    """Answers through `rule(request, count) -> (status, [(header, value)])`, or not at all for None."""

    def __init__(self, bench, rule):
        self.bench, self.rule = bench, rule
        self.requests = []  # (ms, Message)

    def __call__(self, data, source, now):
        request = parse(data)
        if request.status or request.method == b"ACK":
            return
        self.requests.append((self.bench.now, request))
        answer = self.rule(request, len(self.requests))
        if answer:
            response = reply(request, answer[0], b"r")
            for name, value in answer[1]:
                response.add(name, value)
            self.bench.send(SERVER, source, response.encode())


def setup(rule, **config):
    bench = Bench(delay=(5, 5))
    events = Listener()
    agent = bench.agent(1, events, domain="example.org", server=SERVER, **config)
    registrar = Registrar(bench, rule)
    bench.nodes[SERVER] = registrar
    return bench, agent, events, registrar


def accept(request, count):
    return 200, [(b"Contact", request.get(b"Contact") + b";expires=120")]


def challenged(request, count):
    if request.get(b"Authorization"):
        return accept(request, count)
    return 401, [(b"WWW-Authenticate", b'Digest realm="r", nonce="n1", qop="auth"')]


def test_registers_and_refreshes():
    bench, agent, events, registrar = setup(accept)
    assert not agent.registered
    agent.register(bench.ticks)
    bench.run(1000)
    assert agent.registered and events.seen == [("registered", True, 200)]
    first = registrar.requests[0][1]
    assert first.uri == b"sip:example.org" and first.get(b"Expires") == b"300"
    assert first.sender.uri == first.to.uri == b"sip:100@example.org"
    bench.run(200000)
    times = [ms for ms, _ in registrar.requests]
    assert len(times) == 3 and 60000 < times[1] - times[0] < 110000  # well before 120 s
    assert [request.cseq for _, request in registrar.requests] == [1, 2, 3]
    assert len({request.call_id for _, request in registrar.requests}) == 1  # RFC 3261 10.2


def test_unregisters():
    bench, agent, _, registrar = setup(accept)
    agent.register(bench.ticks)
    bench.run(1000)
    agent.unregister(bench.ticks)
    bench.run(1000)
    assert not agent.registered and registrar.requests[-1][1].get(b"Expires") == b"0"
    bench.run(400000)
    assert len(registrar.requests) == 2


def test_change_of_mind_while_asking():
    bench, agent, _, registrar = setup(accept)
    agent.register(bench.ticks)
    agent.unregister(bench.ticks)
    bench.run(1000)
    assert not agent.registered
    assert [request.get(b"Expires") for _, request in registrar.requests] == [b"300", b"0"]


def test_digest_challenge_is_answered_once():
    bench, agent, _, registrar = setup(challenged)
    agent.register(bench.ticks)
    bench.run(1000)
    assert agent.registered and len(registrar.requests) == 2
    assert registrar.requests[1][1].cseq == 2
    assert b"nc=00000001" in registrar.requests[1][1].get(b"Authorization")
    bench.run(100000)
    assert b"nc=00000002" in registrar.requests[3][1].get(b"Authorization")


def test_wrong_password_backs_off():
    asks = [(b"WWW-Authenticate", b'Digest realm="r", nonce="n"')]
    bench, agent, events, registrar = setup(lambda request, count: (401, asks))
    agent.register(bench.ticks)
    bench.run(1000)
    assert events.seen == [("registered", False, 401)] and len(registrar.requests) == 2
    bench.run(14000)
    assert len(registrar.requests) == 2
    bench.run(3600000)
    assert 10 < len(registrar.requests) < 24


def test_stale_nonce_is_tried_again():
    def rule(request, count):
        nonce = b"n%d" % count
        stale = b", stale=true" if count > 1 else b""
        if count == 3:
            return accept(request, count)
        return 401, [(b"WWW-Authenticate", b'Digest realm="r", nonce="' + nonce + b'"' + stale)]

    bench, agent, _, registrar = setup(rule)
    agent.register(bench.ticks)
    bench.run(1000)
    assert agent.registered and len(registrar.requests) == 3


def test_recovers_when_the_server_comes_back():
    bench, agent, events, registrar = setup(accept)
    del bench.nodes[SERVER]
    agent.register(bench.ticks)
    bench.run(40000)
    assert events.seen == [("registered", False, 408)]
    bench.nodes[SERVER] = registrar
    bench.run(120000)
    assert agent.registered


@pytest.mark.parametrize(("after", "least"), [(b"600", 600000), (b"400 (maintenance)", 400000), (b"x", 15000)])
def test_retry_after(after, least):
    bench, agent, _, registrar = setup(
        lambda request, count: (503, [(b"Retry-After", after)]) if count == 1 else accept(request, count)
    )
    agent.register(bench.ticks)
    bench.run(least - 10)
    assert len(registrar.requests) == 1
    bench.run(20000)
    assert agent.registered


def test_interval_too_brief():
    bench, agent, _, registrar = setup(
        lambda request, count: (423, [(b"Min-Expires", b"900")]) if count == 1 else (200, [])
    )
    agent.register(bench.ticks)
    bench.run(1000)
    assert agent.registered and registrar.requests[1][1].get(b"Expires") == b"900"


@pytest.mark.parametrize("config", [{"user": ""}, {"server": None}])
def test_nothing_to_register(config):
    bench = Bench()
    arguments = {"server": SERVER, **config}
    agent = bench.agent(1, Listener(), **arguments)
    agent.register(bench.ticks)
    agent.unregister(bench.ticks)
    bench.run(1000)
    assert not bench.sent and not agent.registered


def proxy(request, count):
    if request.method == b"CANCEL" or request.get(b"Proxy-Authorization") is None:
        return 407, [(b"Proxy-Authenticate", b'Digest realm="r", nonce="n", qop="auth"')]
    return 200, [(b"Contact", b"<sip:200@10.0.0.9>"), (b"Content-Type", sdp.TYPE)]


def test_invite_and_bye_through_a_proxy_that_asks():
    bench, agent, events, registrar = setup(proxy)
    call = agent.call("200", OFFER, bench.ticks)
    bench.run(1000)
    methods = bench.methods()
    assert methods[:4] == ["INVITE", "407", "ACK", "INVITE"]
    invite = registrar.requests[1][1]
    assert invite.cseq == 2 and b'uri="sip:200@example.org"' in invite.get(b"Proxy-Authorization")
    # The 200 had no SDP: ACK with the same credentials, then BYE, which is challenged too.
    acks = [parse(data) for _, _, _, data in bench.sent if data.startswith(b"ACK")]
    assert acks[-1].get(b"Proxy-Authorization") and acks[-1].cseq == 2
    assert methods.count("BYE") == 2 and events.statuses() == [488]
    assert call.state == "ended"


def test_challenge_without_a_password_ends_the_call():
    bench, caller, events, _, _ = pair(lambda call, now: call.reject(407, now))
    caller.call("200", OFFER, bench.ticks)
    bench.run(1000)
    assert events.statuses() == [407]
