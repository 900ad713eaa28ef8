"""A server that is unwilling, silent, or out of its mind: what the telephone hears, what status says, what is sent."""

from itertools import pairwise

import pytest
from accounts import account, endpoint
from garbage import Garbage
from udp_responder import UdpResponder
from uplink import Uplink

GARBAGE = 100_000  # datagrams
QUICK_SEED = 19  # of the random streams: 15.8 s


def only_registers(request):
    """200 to a REGISTER, nothing to anything else."""
    return (200, "OK", ("Expires: 300",)) if request.startswith("REGISTER") else None


def unavailable(request):
    return None if request.startswith("ACK") else (503, "Service Unavailable")


def waits(times):
    return [later - earlier for earlier, later in pairwise(times)]


def test_an_unwilling_server_is_told_and_heard(run_box):
    with UdpResponder(unavailable) as server:
        box = run_box(sip=account(server.server))
        uplink = Uplink(box)
        assert box.event("registered")["status"] == 503
        assert box.ctl("status")["sip"] == "refused 503"
        box.ctl("off-hook")
        box.ctl("dial", digits="555#")
        assert box.event("ended")["status"] == 503
        box.hears("reorder")
        assert box.ctl("status")["call_status"] == 503
        box.ctl("on-hook")
        box.event("call", state="idle")
        refused = uplink.times("SIP/2.0 503")[0]
        assert not [when for when in uplink.times("REGISTER") if refused < when < refused + 15]


def test_a_refused_box_tries_again_by_itself(run_box):
    """RFC 5626 4.5: 50 to 100 % of 30 s; this seed's share is small."""
    answers = [unavailable]
    with UdpResponder(lambda request: answers[-1](request)) as server:
        box = run_box(seed=QUICK_SEED, sip=account(server.server))
        assert not box.event("registered")["ok"]
        uplink = Uplink(box)
        assert not box.event("registered")["ok"]
        answers.append(only_registers)
        box.event("registered", ok=True)
        refused = uplink.times("SIP/2.0 503")[-1]
        assert 15 <= min(when for when in uplink.times("REGISTER") if when > refused) - refused <= 30
        assert box.ctl("status")["sip"] == "registered"


def test_a_silent_server_is_asked_less_and_less(run_box):
    """RFC 3261 17.1.2.2: after 0.5, 1 and 2 s, and then every 4."""
    with UdpResponder(lambda request: None) as server:
        box = run_box(sip=account(server.server))
        uplink = Uplink(box)
        server.wait_requests(server.count("REGISTER") + 4)
        assert waits(uplink.times("REGISTER")[:4]) == pytest.approx([0.5, 1, 2], abs=0.001)
        assert box.ctl("status")["sip"] == "not registered"


def test_a_call_into_silence_can_be_given_up(run_box):
    """RFC 3261 9.1: nothing was heard, so there is nothing to cancel; the telephone is free at once."""
    with UdpResponder(only_registers) as server:
        box = run_box(sip=account(server.server))
        uplink = Uplink(box)
        box.event("registered", ok=True)
        box.ctl("off-hook")
        box.ctl("dial", digits="555#")
        server.wait_requests(3, "INVITE")
        assert "silence" in box.ctl("hears")
        box.ctl("on-hook")
        box.event("call", state="idle")
        assert waits(uplink.times("INVITE")[:3]) == pytest.approx([0.5, 1], abs=0.001)
        assert server.count("CANCEL") == 0


def test_garbage_leaves_no_trace(run_box):
    with UdpResponder(only_registers) as server:
        box = run_box(sip=account(server.server))
        box.event("registered", ok=True)
        box.ctl("off-hook")  # what is still an INVITE finds it busy
        box.event("line", state="off-hook")
        with Garbage(endpoint(box, "sip"), endpoint(box, "rtp"), seed=4475) as garbage:
            garbage.throw(GARBAGE // 10)
            before = box.memory()
            garbage.throw(GARBAGE - GARBAGE // 10)
            grown = box.memory() - before
        assert grown < 2_000_000  # the allocator's own; 600,000 of them make no more
        status = box.ctl("status")
        assert status["sip"] == "registered"
        assert status["misuse"] == []
        box.ctl("on-hook")
        box.event("line", state="on-hook")
        assert box.stop() == 130
