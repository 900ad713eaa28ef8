import itertools

import aiosipua.sdp
import numpy as np
import pytest
import sipmessage
from aiosipua.message import SipMessage, SipRequest
from far_end_rig import HERE, Rig
from hypothesis import given, settings
from hypothesis import strategies as st

from femtohost.network import endpoint
from femtohost.peers.g711 import ulaw_decode, ulaw_encode


def noise(seed, samples):
    return np.random.default_rng(seed).integers(-20000, 20000, samples).astype(np.int16)


def through_ulaw(samples):
    return ulaw_decode(ulaw_encode(samples))


def first_lines(far, direction):
    return [data.split(b"\r\n")[0].decode() for _, way, data in far.messages if way == direction]


def test_a_call_from_end_to_end():
    rig = Rig()
    callee, caller = rig.pair()
    caller.number = "0791"
    caller.call("555")
    states = []
    for t in (0.005, 0.05, 0.15, 2.5):
        rig.until(t)
        states.append((caller.state, callee.state))
    assert states == [("calling", "idle"), ("calling", "calling"), ("ringing", "ringing"), ("in-call", "in-call")]
    assert (callee.caller, callee.dialled) == ("0791", "555")
    assert caller.final_status == callee.final_status == 200
    callee.hang_up()
    rig.until(3)
    assert caller.state == callee.state == "ended"
    assert first_lines(caller, "sent") == [
        "INVITE sip:555@10.0.0.1:5060 SIP/2.0",
        "ACK sip:200@10.0.0.1:5060 SIP/2.0",
        "SIP/2.0 200 OK",
    ]
    rig.until(100)
    assert rig.clock.next_time() is None  # no timer is left behind


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 10**6), loss=st.floats(0, 0.3), jitter=st.sampled_from([0, 30]))
def test_calls_survive_loss(seed, loss, jitter):
    rig = Rig(seed, loss=loss, jitter_ms=jitter)
    callee, caller = rig.pair()
    callee.answer_after_s = 1.0
    words = {caller: noise(1, 1600), callee: noise(2, 3 * 160 + 50)}
    for far, samples in words.items():
        far.talk(samples, start_after_s=0.1)
    caller.call("1")
    while not caller.state == callee.state == "in-call":
        rig.run(1)
        assert rig.clock.now < 64e9
    rig.run(2)
    for far, other in ((caller, callee), (callee, caller)):
        assert_heard(far, through_ulaw(words[other]))
    rig.network.loss = min(loss, 0.2)
    caller.hang_up()
    rig.run(32)
    assert caller.state == callee.state == "ended"


def assert_heard(far, words):
    """Every frame that arrived is silence or a frame of `words` at its place; what was lost is zeros."""
    words = np.concatenate([words, np.zeros(-words.size % 160, np.int16)]).reshape(-1, 160)
    heard = far.heard().reshape(-1, 160)
    spoken = np.flatnonzero(heard.any(axis=1))
    place = next(p for p in range(len(words)) if np.array_equal(heard[spoken[0]], words[p]))
    expected = words[(np.arange(len(heard)) - spoken[0] + place) % len(words)]
    assert np.array_equal(heard[spoken], expected[spoken])
    assert len(spoken) > 10
    assert far.stream.received <= len(heard)


def test_without_loss_everything_is_heard_in_time():
    rig = Rig()
    callee, caller = rig.pair()
    words = noise(3, 8000)
    callee.talk(words, start_after_s=0.5, loop=False)
    caller.call("1")
    rig.until(5)
    heard = caller.heard()
    assert not heard[:4000].any() and not heard[12000:].any()
    assert np.array_equal(heard[4000:12000], through_ulaw(words))
    assert caller.stream.heard_since == 2_020_000_000
    assert callee.heard().size and not callee.heard().any()


def test_gate_and_change_of_talk():
    rig = Rig()
    callee, caller = rig.pair()
    words = noise(4, 1600)
    callee.talk(words, start_after_s=0, gate=lambda t: t >= 0.1)
    caller.talk(words, start_after_s=0, gate=[False, True] * 3)
    caller.call("1")
    rig.until(3)
    coded = through_ulaw(words)
    assert not caller.heard()[:800].any() and np.array_equal(caller.heard()[800:1600], coded[800:])
    assert np.array_equal(callee.heard()[160:320], coded[160:320]) and not callee.heard()[320:480].any()
    assert not callee.heard()[960:].any()
    callee.talk(noise(5, 160), start_after_s=0.1)
    at = caller.heard().size
    rig.until(3.15)
    later = caller.heard()[at + 160 :]
    assert np.count_nonzero(later.reshape(-1, 160).any(axis=1)) in (1, 2, 3)
    callee.stop_talking()
    rig.until(3.3)
    assert not caller.heard()[-320:].any()


@pytest.mark.parametrize("status", [486, 404, 503])
def test_reject(status):
    rig = Rig()
    callee, caller = rig.pair()
    callee.reject = status
    caller.call("1")
    rig.until(1)
    assert (caller.state, caller.final_status, callee.state, callee.final_status) == ("ended", status, "ended", status)
    assert first_lines(caller, "sent")[-1].startswith("ACK ")
    rig.until(100)
    assert rig.clock.next_time() is None


def test_cancel_while_ringing():
    rig = Rig()
    callee, caller = rig.pair()
    callee.answer_after_s = None
    caller.call("1")
    rig.until(30)
    assert caller.state == callee.state == "ringing"
    caller.cancel()
    rig.until(31)
    assert (caller.state, caller.final_status, callee.state, callee.final_status) == ("ended", 487, "ended", 487)


def test_cancel_before_anything_came_back_waits_for_it():
    rig = Rig()
    callee, caller = rig.pair()
    caller.call("1")
    caller.cancel()
    rig.until(0.015)
    assert first_lines(caller, "sent") == ["INVITE sip:1@10.0.0.1:5060 SIP/2.0"]
    rig.until(1)
    assert (caller.state, caller.final_status, callee.final_status) == ("ended", 487, 487)


def test_cancel_that_crosses_the_answer_ends_with_bye():
    rig = Rig()
    callee, caller = rig.pair()
    callee.ring_after_s = None
    callee.answer_after_s = 0.1
    caller.call("1")
    rig.until(0.115)
    caller.hang_up()
    rig.until(1)
    assert caller.state == callee.state == "ended"
    assert any(line.startswith("BYE") for line in first_lines(caller, "sent"))


def test_hanging_up_before_the_ack_waits_for_it():
    rig = Rig()
    callee, caller = rig.pair()
    caller.call("1")
    rig.until(2.012)
    callee.hang_up()
    assert callee.state == "ended" and not any("BYE" in line for line in first_lines(callee, "sent"))
    rig.until(3)
    assert caller.state == "ended"
    assert sum("BYE" in line for line in first_lines(callee, "sent")) == 1


def test_nobody_answers_the_invite():
    rig = Rig()
    caller = rig.far_end(HERE)
    caller.call("1", endpoint(bytes((10, 0, 0, 9)), 5060))
    rig.until(40)
    assert (caller.state, caller.final_status) == ("ended", 408)
    # RFC 3261 17.1.1.2: timer A doubles from 500 ms, timer B ends it at 32 s.
    assert [t / 1e9 for t, _, _ in caller.messages] == [0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5]


def test_answer_is_repeated_until_the_ack_and_then_given_up():
    rig = Rig()
    callee, caller = rig.pair()
    caller.call("1")
    rig.until(2.005)
    caller.layer._socket.close()  # the caller is gone
    rig.until(40)
    sent = [(t / 1e9, data.split(b" ")[0]) for t, way, data in callee.messages if way == "sent"]
    answers = [t for t, word in sent if word == b"SIP/2.0"][2:]
    # RFC 3261 13.3.1.4: T1 doubling up to T2, BYE after 64 T1.
    assert answers == pytest.approx([2.01, 2.51, 3.51, 5.51, 9.51, 13.51, 17.51, 21.51, 25.51, 29.51, 33.51])
    assert next(t for t, word in sent if word == b"BYE") == pytest.approx(34.01)
    assert callee.state == "ended"


def test_wrong_calls():
    rig = Rig()
    callee, caller = rig.pair()
    for action, text in ((caller.cancel, "no outgoing call"), (caller.answer, "no incoming call")):
        with pytest.raises(ValueError, match=text):
            action()
    caller.hang_up()
    caller.call("1")
    with pytest.raises(ValueError, match="a call is under way"):
        caller.call("2")
    rig.until(0.5)
    callee.answer()
    rig.until(1)
    assert caller.state == "in-call"
    caller.hang_up()
    rig.until(2)
    caller.call("2")
    rig.until(5)
    assert caller.state == callee.state == "in-call" and callee.dialled == "2"


def test_every_message_reads_the_same_elsewhere():
    rig = Rig(3, loss=0.1)
    callee, caller = rig.pair()
    callee.password = None
    caller.call("5*#5")
    rig.until(10)
    callee.hang_up()
    rig.until(50)
    assert callee.dialled == "5*#5"
    for _, _, data in itertools.chain(callee.messages, caller.messages):
        theirs, ours = SipMessage.parse(data), sipmessage.Message.parse(data)
        if isinstance(theirs, SipRequest):
            assert theirs.method == ours.method
        else:
            assert theirs.status_code == ours.code
        assert theirs.get_header("call-id") == ours.call_id
        assert theirs.get_header("cseq") == str(ours.cseq)
        assert theirs.via[0].branch == ours.via[0].parameters["branch"]
        assert theirs.from_addr.tag == ours.from_address.parameters["tag"]
        assert theirs.to_addr.tag == ours.to_address.parameters.get("tag")
        if ours.body:
            audio = aiosipua.sdp.parse_sdp(ours.body.decode()).audio
            assert (audio.formats, audio.codecs[0].encoding_name, audio.direction) == (["0"], "PCMU", "sendrecv")


def test_same_seed_same_messages():
    def run():
        rig = Rig(7, loss=0.2, jitter_ms=15)
        callee, caller = rig.pair()
        caller.call("1")
        rig.until(20)
        return caller.messages, callee.messages, caller.heard().tobytes()

    assert run() == run()
