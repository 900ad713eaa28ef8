"""sipp calls the box: messages that are unusual and legal, or many."""

import pytest
from accounts import FAR_HZ, endpoint
from programs import needs, realtime
from rtp_talker import RtpTalker
from sipp import Sipp
from tone_figures import check_tone

from femtohost.control import from_text

pytestmark = needs("sipp", package="sip-tester")


@pytest.fixture
def lone_box(run_box):
    """A box without a registrar, which can be called at its address."""
    return run_box(sip={"user": "200"})


@pytest.fixture
def run_sipp(tmp_path, lone_box):
    """`run_sipp(scenario, calls=1) -> Sipp`"""
    runs = []

    def run(scenario, calls=1):
        runs.append(Sipp(tmp_path, scenario, endpoint(lone_box, "sip"), calls))
        return runs[-1]

    yield run
    for run in runs:
        run.kill()


@pytest.mark.parametrize("scenario", ["compact", "hold", "resume"])
def test_answered_calls(lone_box, run_sipp, watched, scenario):
    sipp = run_sipp(scenario)
    lone_box.event("line", state="ringing")
    lone_box.ctl("off-hook")
    sipp.succeed()
    lone_box.event("ended", status=200)
    assert lone_box.ctl("status")["misuse"] == []
    watched(endpoint(lone_box, "sip")[1])


def test_a_call_through_proxies_that_the_box_ends(lone_box, run_sipp, watched):
    sipp = run_sipp("odd")
    lone_box.event("line", state="ringing")
    lone_box.ctl("off-hook")
    lone_box.event("call", state="talking")
    lone_box.ctl("on-hook")
    sipp.succeed()
    watched(endpoint(lone_box, "sip")[1])


def test_cancel_at_once(lone_box, run_sipp, watched):
    run_sipp("cancel", 20).succeed()
    for _ in range(20):
        lone_box.event("ended", status=487)
    lone_box.event("call", state="idle")
    watched(endpoint(lone_box, "sip")[1])


def test_five_hundred_calls_to_a_busy_telephone(lone_box, run_sipp):
    lone_box.ctl("off-hook")
    lone_box.event("line", state="off-hook")
    run_sipp("busy", 500).succeed()
    for _ in range(500):
        lone_box.event("ended", status=486)
    lone_box.ctl("on-hook")
    lone_box.event("line", state="on-hook")
    assert lone_box.ctl("status")["line"] == "on-hook"


@pytest.mark.parametrize("packet_ms", [10, 20, 30])
def test_packets_of_any_length_are_played(lone_box, run_sipp, packet_ms):
    """RFC 3551 4.2: ptime is a wish; a receiver takes packets of 0 to 200 ms."""
    sipp = run_sipp("talk")
    lone_box.event("line", state="ringing")
    lone_box.ctl("off-hook")
    lone_box.event("call", state="talking")
    with realtime(lone_box.process), RtpTalker(endpoint(lone_box, "rtp"), FAR_HZ, packet_ms):
        heard = from_text(lone_box.ctl("record", seconds=2))
    lone_box.ctl("on-hook")
    sipp.succeed()
    check_tone(heard, FAR_HZ, 1.5)
