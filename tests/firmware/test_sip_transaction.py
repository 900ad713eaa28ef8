"""The four machines of RFC 3261 17, each timer by its letter."""

import pytest
from sip_bench import LATE

from femtojack.sip.message import parse, reply
from femtojack.sip.transaction import (
    InviteClient,
    InviteServer,
    NonInviteClient,
    NonInviteServer,
    client_key,
    same_transaction,
    server_key,
)
from femtojack.ticks import ticks_add, ticks_diff

ADDR = bytes((10, 0, 0, 9, 19, 196))


TEXT = (
    b"INVITE sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK1\r\nMax-Forwards: 70\r\n"
    b"From: <sip:a@b>;tag=1\r\nTo: <sip:b@c>\r\nCall-ID: i\r\nCSeq: 7 INVITE\r\nRoute: <sip:r;lr>\r\n\r\n"
)


def message(method):
    """A request of ours."""
    return parse(TEXT.replace(b"INVITE", method))


def response(request, status):
    return parse(reply(request, status, b"t").encode())


class Owner:
    def __init__(self):
        self.statuses = []

    def response(self, transaction, message, now):
        self.statuses.append(message.status)


class Run:
    """One transaction and its timers in virtual ms."""

    def __init__(self, method, server=False):
        self.now = LATE
        self.sent, self.letters = [], []
        self.owner = Owner()
        self.request = message(method)

        def send(data, addr):
            assert addr == ADDR
            self.sent.append((ticks_diff(self.now, LATE), data))

        def trace(point, data):
            self.letters.append(data.decode())

        invite = method == b"INVITE"
        if server:
            kind = InviteServer if invite else NonInviteServer
            self.request.via.params.append((b"rport", b""))
            self.machine = kind(self.request, ADDR, send, trace)
        else:
            kind = InviteClient if invite else NonInviteClient
            self.machine = kind(self.request, ADDR, self.owner, send, trace, self.now)

    def wait(self, ms):
        end = ticks_add(self.now, ms)
        while True:
            deadline = self.machine.step(self.now)
            if deadline is None or ticks_diff(deadline, end) > 0:
                self.now = end
                return
            self.now = deadline

    def answer(self, status):
        received = self.machine.receive(response(self.request, status), self.now)
        if received:
            self.owner.statuses.append(status)

    def times(self):
        return [ms for ms, _ in self.sent]


def test_invite_client_a_and_b():
    run = Run(b"INVITE")
    run.wait(31999)
    assert run.times() == [0, 500, 1500, 3500, 7500, 15500, 31500]
    assert not run.machine.ended
    run.wait(1)
    assert run.machine.ended and run.owner.statuses == [408]
    assert set(run.letters) == {"A", "B"}


def test_invite_client_d_and_ack_of_refusals():
    run = Run(b"INVITE")
    run.answer(180)
    run.answer(486)
    run.answer(486)
    assert run.owner.statuses == [180, 486]
    ack = parse(run.sent[-1][1])
    assert len(run.sent) == 3 and ack.method == b"ACK"
    assert (ack.cseq, ack.via.branch, ack.to.tag, ack.get(b"Route")) == (7, b"z9hG4bK1", b"t", b"<sip:r;lr>")
    run.wait(31999)
    assert not run.machine.ended
    run.wait(1)
    assert run.machine.ended and run.letters == ["D"]


def test_invite_client_m_passes_every_2xx():
    run = Run(b"INVITE")
    run.answer(200)
    run.answer(200)
    run.answer(180)
    assert run.owner.statuses == [200, 200]
    run.wait(32000)
    assert run.machine.ended and run.letters == ["M"]


def test_invite_client_waits_for_ever_once_it_rings():
    run = Run(b"INVITE")
    run.answer(180)
    assert run.machine.step(run.now) is None


def test_non_invite_client_e_and_f():
    run = Run(b"REGISTER")
    run.wait(32000)
    assert run.times() == [0, 500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500]
    assert run.machine.ended and run.owner.statuses == [408]
    assert set(run.letters) == {"E", "F"}


def test_non_invite_client_slows_down_when_proceeding():
    run = Run(b"REGISTER")
    run.answer(100)
    run.wait(32000)
    assert run.times()[:4] == [0, 500, 4500, 8500]


def test_non_invite_client_k():
    run = Run(b"REGISTER")
    run.answer(200)
    run.answer(200)
    assert run.owner.statuses == [200]
    run.wait(4999)
    assert not run.machine.ended
    run.wait(1)
    assert run.machine.ended and run.letters == ["K"]


def test_invite_server_g_and_h():
    run = Run(b"INVITE", server=True)
    run.machine.respond(reply(run.request, 486, b"t"), run.now)
    run.wait(32000)
    assert run.times()[:6] == [0, 500, 1500, 3500, 7500, 11500]
    assert run.machine.ended and set(run.letters) == {"G", "H"}


def test_invite_server_i():
    run = Run(b"INVITE", server=True)
    run.machine.respond(reply(run.request, 486, b"t"), run.now)
    assert not run.machine.receive(message(b"ACK"), run.now)
    run.wait(4999)
    assert len(run.sent) == 1 and not run.machine.ended
    run.wait(1)
    assert run.machine.ended and run.letters == ["I"]


def test_invite_server_repeats_provisional_and_absorbs_after_2xx():
    run = Run(b"INVITE", server=True)
    run.machine.receive(run.request, run.now)
    assert not run.sent
    run.machine.respond(reply(run.request, 180, b"t"), run.now)
    run.machine.receive(run.request, run.now)
    assert len(run.sent) == 2
    run.machine.respond(reply(run.request, 200, b"t"), run.now)
    run.machine.receive(run.request, run.now)
    assert len(run.sent) == 3
    assert run.machine.receive(message(b"ACK"), run.now)  # one with the INVITE's branch is the dialog's matter
    run.wait(32000)
    assert len(run.sent) == 3 and run.machine.ended and run.letters == ["L"]


def test_non_invite_server_j():
    run = Run(b"BYE", server=True)
    run.machine.respond(reply(run.request, 200, b"t"), run.now)
    run.machine.receive(run.request, run.now)
    assert len(run.sent) == 2 and run.sent[0][1] == run.sent[1][1]
    run.wait(31999)
    assert not run.machine.ended
    run.wait(1)
    assert run.machine.ended and run.letters == ["J"]


@pytest.mark.parametrize("method", [b"ACK", b"CANCEL"])
def test_keys_match_within_a_transaction(method):
    invite = message(b"INVITE")
    other = parse(same_transaction(invite, method, invite.get(b"To")).encode())
    assert server_key(other, b"INVITE") == server_key(invite, b"INVITE")
    assert client_key(response(invite, 200)) == (b"z9hG4bK1", b"INVITE")


@pytest.mark.parametrize("branch", [b"", b";branch=old", b";branch=z9hG4bK"])
def test_keys_of_rfc_2543(branch):
    data = TEXT.replace(b";branch=z9hG4bK1", branch)
    ack = data.replace(b"INVITE", b"ACK").replace(b"<sip:b@c>", b"<sip:b@c>;tag=t")
    key = server_key(parse(data), b"INVITE")
    assert key == server_key(parse(ack), b"INVITE")
    assert key != server_key(parse(data.replace(b"CSeq: 7", b"CSeq: 8")), b"INVITE")
