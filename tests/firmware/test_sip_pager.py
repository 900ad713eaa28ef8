"""Texts by SIP (RFC 3428): two agents, a network that loses, and hands on the wire."""

import pytest
from sip_bench import Bench, Listener, address

from femtojack.sip.message import parse
from femtojack.sip.pager import PENDING, Pager


class User:
    status = 202

    def __init__(self):
        self.texts, self.results = [], []

    def text(self, number, sender, text):
        self.texts.append((number, sender, text))
        return self.status

    def sent(self, about, status, now):
        self.results.append((about, status))


def pair(**network):
    bench = Bench(**network)
    one, other = bench.agent(1, Listener()), bench.agent(2, Listener(), domain="10.0.0.1", user="200")
    users = User(), User()
    return bench, (Pager(one, users[0]), users[0]), (Pager(other, users[1]), users[1])


def test_a_text_and_what_became_of_it():
    bench, (pager, user), (_, other) = pair()
    assert pager.send("555", "201", "Grüße €😀", "about", bench.ticks)
    bench.run(1000)
    assert other.texts == [("555", "100", "Grüße €😀")]
    assert user.results == [("about", 202)]
    message = parse(bench.sent[0][3])
    assert (message.method, message.content_type()) == (b"MESSAGE", b"text/plain")
    assert message.get(b"From").startswith(b'"201" <sip:100@') and message.get(b"Contact") is None


@pytest.mark.parametrize("seed", range(5))
def test_loss_and_repeats_deliver_it_once(seed):
    bench, (pager, user), (_, other) = pair(seed=seed, loss=0.3, repeat=0.3)
    for i in range(4):
        pager.send("555", "", f"text {i}", i, bench.ticks)
    bench.run(60000)
    assert sorted(text for _, _, text in other.texts) == [f"text {i}" for i in range(4)]
    assert sorted(user.results) == [(i, 202) for i in range(4)]


def test_nobody_there_is_a_time_out_and_pending_texts_are_bounded():
    bench, (pager, user), _ = pair(loss=1.0)
    assert [pager.send("5", "", "x", i, bench.ticks) for i in range(PENDING + 1)] == [True] * PENDING + [False]
    bench.run(40000)
    assert [status for _, status in user.results] == [408] * PENDING
    assert pager.send("5", "", "x", 0, bench.ticks)


def test_without_a_way_nothing_is_sent():
    bench = Bench()
    pager = Pager(bench.agent(1, Listener(), domain=""), User())
    assert not pager.send("5", "", "x", 0, 0)
    assert bench.sent == []


@pytest.mark.parametrize("status", [404, 503, 513])
def test_a_refusal_is_told(status):
    bench, (pager, user), (_, other) = pair()
    other.status = status
    pager.send("555", "", "x", 1, bench.ticks)
    bench.run(1000)
    assert user.results == [(1, status)]


def test_a_challenge_is_answered():
    bench = Bench()
    user = User()
    pager = Pager(bench.agent(1, Listener()), user)
    seen = []

    def server(data, source, now):
        request = parse(data)
        seen.append(request.get(b"Proxy-Authorization"))
        code = b"407 Proxy Authentication Required" if seen[-1] is None else b"200 OK"
        lines = [b"SIP/2.0 " + code]
        lines += [name + b": " + request.get(name) for name in (b"Via", b"From", b"To", b"Call-ID", b"CSeq")]
        lines.append(b'Proxy-Authenticate: Digest realm="r", nonce="n", algorithm=MD5')
        bench.send(address(2), source, b"\r\n".join(lines) + b"\r\nContent-Length: 0\r\n\r\n")

    bench.nodes[address(2)] = server
    pager.send("555", "", "x", 7, bench.ticks)
    bench.run(2000)
    assert len(seen) == 2 and seen[1].startswith(b"Digest ")
    assert user.results == [(7, 200)]


REQUEST = (
    "MESSAGE sip:201@10.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.9;branch=z9hG4bK{n}\r\nFrom: <sip:9@x>;tag=a\r\n"
    "To: <sip:201@10.0.0.1>\r\nCall-ID: c{n}\r\nCSeq: 1 MESSAGE\r\n{more}Content-Length: {length}\r\n\r\n"
)


@pytest.mark.parametrize(
    ("more", "body", "status"),
    [
        ("Content-Type: text/plain\r\n", b"hi", 202), ("", b"hi", 202), ("Content-Type: text/html\r\n", b"hi", 415),
        ("Content-Type: text/plain\r\nContent-Encoding: gzip\r\n", b"hi", 415), ("", b"\xff\xfe", 400),
        ("Require: x\r\n", b"hi", 420),
    ],
)  # fmt: skip
def test_what_comes_by_hand(more, body, status):
    bench, (_, user), _ = pair()
    data = REQUEST.format(n=1, more=more, length=len(body)).encode() + body
    for _ in range(2):
        bench.send(address(9), address(1), data)
        bench.run(100)
    answers = [parse(sent) for _, source, _, sent in bench.sent if source == address(1)]
    assert [answer.status for answer in answers] == [status, status]
    assert len(user.texts) == (status == 202)
    if status == 415:
        assert answers[0].get(b"Accept") == b"text/plain"


def test_who_takes_texts_says_so_and_who_does_not_refuses():
    bench, _, _ = pair()
    plain = bench.agent(3, Listener())
    assert plain.pager is None
    options = REQUEST.replace("MESSAGE", "OPTIONS").format(n=2, more="", length=0).encode()
    message = REQUEST.format(n=3, more="", length=2).encode() + b"hi"
    for last, data in ((1, options), (3, options), (3, message)):
        bench.send(address(9), address(last), data)
        bench.run(100)
    answers = [parse(sent) for _, source, _, sent in bench.sent if source != address(9)]
    assert [answer.status for answer in answers] == [200, 200, 405]
    assert [b"MESSAGE" in answer.get(b"Allow") for answer in answers] == [True, False, False]
