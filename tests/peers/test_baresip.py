"""Calls between the box and a real softphone, by way of a real proxy."""

import pytest
from accounts import BOX_USER, FAR_HZ, FAR_USER, NEAR_HZ, endpoint
from kamailio import DOMAIN
from programs import needs, realtime, wait_until
from tone_figures import check_tone, tone

from femtohost import audio
from femtohost.control import from_text, to_text

pytestmark = [needs("kamailio", package="kamailio"), needs("baresip", package="baresip-core")]


@pytest.fixture
def ports(running_box, kamailio):
    """Where SIP is spoken."""
    return endpoint(running_box, "sip")[1], kamailio.port


def call_out(box, baresip):
    box.ctl("off-hook")
    box.ctl("dial", digits=FAR_USER + "#")
    box.event("call", state="calling")
    if baresip:
        baresip.wait("CALL_ESTABLISHED")
        box.event("call", state="talking")


def call_in(box, baresip):
    baresip.dial(f"sip:{BOX_USER}@{DOMAIN}")
    box.event("line", state="ringing")
    box.ctl("off-hook")
    box.event("call", state="talking")
    baresip.wait("CALL_ESTABLISHED")


def take_turns(box, baresip):
    """What the near end hears of the far one, 2 s; then it speaks, 3 s. Both at once would measure the canceller."""
    with realtime(box.process, baresip):
        box.hears("speech")
        heard = from_text(box.ctl("record", seconds=2))
        baresip.mute()
        box.hears("silence")
        box.ctl("say", pcm=to_text(tone(NEAR_HZ, 3)))
    return heard


def test_call_out_is_heard_at_both_ends(running_box, run_baresip, watched, ports):
    baresip = run_baresip(answers=True)
    call_out(running_box, baresip)
    heard = take_turns(running_box, baresip)
    running_box.ctl("on-hook")
    running_box.event("ended", status=200)
    running_box.event("call", state="idle")
    baresip.wait("CALL_CLOSED")
    check_tone(heard, FAR_HZ, 1.9)
    check_tone(audio.load(baresip.heard()[0]), NEAR_HZ, 2.5)
    wait_until(lambda: baresip.idle)
    watched(*ports, rtp=True)


def test_call_in_is_heard_at_both_ends(running_box, run_baresip, watched, ports):
    baresip = run_baresip()
    call_in(running_box, baresip)
    heard = take_turns(running_box, baresip)
    baresip.hang_up()
    running_box.event("ended", status=200)
    running_box.hears("reorder")
    running_box.ctl("on-hook")
    running_box.event("call", state="idle")
    check_tone(heard, FAR_HZ, 1.9)
    check_tone(audio.load(baresip.heard()[0]), NEAR_HZ, 2.5)
    watched(*ports, rtp=True)


def test_far_end_hangs_up(running_box, run_baresip, watched, ports):
    baresip = run_baresip(answers=True)
    call_out(running_box, baresip)
    baresip.hang_up()
    running_box.event("ended", status=200)
    running_box.hears("reorder")
    running_box.ctl("on-hook")
    running_box.event("call", state="idle")
    watched(*ports)


def test_caller_gives_up_while_it_rings(running_box, run_baresip, watched, ports):
    baresip = run_baresip()
    call_out(running_box, None)
    baresip.wait("CALL_INCOMING")
    running_box.hears("ringback")
    running_box.ctl("on-hook")
    baresip.wait("CALL_CLOSED")
    running_box.event("ended", status=487)
    watched(*ports)


def test_far_end_gives_up_while_the_telephone_rings(running_box, run_baresip, watched, ports):
    baresip = run_baresip()
    baresip.dial(f"sip:{BOX_USER}@{DOMAIN}")
    running_box.event("line", state="ringing")
    baresip.wait("CALL_RINGING")
    baresip.hang_up()
    running_box.event("ended", status=487)
    running_box.event("line", state="on-hook")
    watched(*ports)


def test_far_end_is_busy(running_box, run_baresip, watched, ports):
    baresip = run_baresip()
    call_out(running_box, None)
    baresip.wait("CALL_INCOMING")
    baresip.hang_up()
    running_box.event("ended", status=486)
    running_box.hears("busy")
    assert running_box.ctl("status")["call_status"] == 486
    watched(*ports)


def test_box_is_busy(running_box, run_baresip, watched, ports):
    baresip = run_baresip()
    running_box.ctl("off-hook")
    running_box.event("call", state="dialling")
    baresip.dial(f"sip:{BOX_USER}@{DOMAIN}")
    assert baresip.wait("CALL_CLOSED")["param"].startswith("486")
    watched(*ports)


def test_far_end_holds_and_takes_up_again(running_box, run_baresip, watched, ports):
    baresip = run_baresip(answers=True)
    call_out(running_box, baresip)
    running_box.hears("speech")
    baresip.hold()
    running_box.hears("silence")
    baresip.resume()
    running_box.hears("speech")
    running_box.ctl("on-hook")
    baresip.wait("CALL_CLOSED")
    watched(*ports)


def test_a_number_that_nobody_has(running_box, kamailio, watched, ports):
    running_box.ctl("off-hook")
    running_box.ctl("dial", digits="777#")
    running_box.event("ended", status=404)
    running_box.hears("reorder")
    watched(*ports)
