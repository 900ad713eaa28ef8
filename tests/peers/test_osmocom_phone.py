"""The emulated GSM phone on a network that we did not write: registration, calls, DTMF, short messages, USSD."""

import random

import pytest
from osmocom import config

from femtohost.peers.gsm_sim import Sim, milenage

KI = bytes.fromhex("00112233445566778899aabbccddeeff")
ANN, BOB = "001010000000001", "001010000000002"  # IMSIs
ANNS, BOBS = "1001", "1002"  # numbers
A5_1 = 1
NORMAL_CLEARING, USER_BUSY, NO_USER, CALL_REJECTED = 16, 17, 18, 21  # TS 24.008 10.5.4.11
SPEECH_FRAMES = 100


@pytest.fixture(scope="module")
def pair(network, um_phones):
    """Ann's phone and Bob's, registered."""
    both = []
    for imsi, number in ((ANN, ANNS), (BOB, BOBS)):
        network.subscriber(imsi, number, KI.hex())
        both.append(um_phones.add(imsi, imei=f"35387923425{len(both)}633", ki=KI))
    um_phones.until(lambda: all(phone.registered and phone.state == "idle" for phone in both))
    return both


@pytest.fixture
def idle(um_phones, pair):
    """Both, and in the end idle again."""
    yield pair
    for phone in pair:
        phone.hang_up()
    um_phones.until(lambda: all(phone.state == "idle" and not phone.calls for phone in pair))


def call(um_phones, caller, callee, number):
    """A call that is answered."""
    caller.dial(number)
    um_phones.until(lambda: callee.call_state == "RINGING")
    callee.answer()
    um_phones.until(lambda: caller.call_state == callee.call_state == "ACTIVE")


def ended(um_phones, *both):
    um_phones.until(lambda: all(phone.call_state == "NULL" for phone in both))


def speech(seed):
    """Frames, none like another; the high nibble is that of full rate (RFC 3551 4.5.8)."""
    rng = random.Random(seed)
    return [bytes((0xD0 | rng.randrange(16),)) + rng.randbytes(32) for _ in range(SPEECH_FRAMES)]


def test_registration(network, pair):
    assert all(phone.tmsi for phone in pair)
    assert network.attached(ANN) and network.attached(BOB)


def test_a_card_with_milenage(network, um_phones):
    """It speaks GSM authentication with the network's 3G vectors (TS 33.102 6.8.1.2)."""
    imsi, opc = "001010000000005", bytes(range(16))
    network.subscriber_3g(imsi, "1005", KI.hex(), opc.hex())
    phone = um_phones.add(None, sim=Sim(imsi, KI, milenage(opc)))
    um_phones.until(lambda: phone.registered and phone.state == "idle")
    assert network.attached(imsi)
    phone.power_off()
    um_phones.until(lambda: phone.state == "off")


def test_wrong_key(network, um_phones):
    imsi = "001010000000003"
    network.subscriber(imsi, "1003", KI.hex())
    phone = um_phones.add(imsi, ki=bytes(16))
    um_phones.until(lambda: phone.refused is not None)
    assert not phone.registered
    assert not network.attached(imsi)


def test_unknown_subscriber(network, um_phones):
    phone = um_phones.add("001010000000009", ki=KI)
    um_phones.until(lambda: phone.refused is not None)
    assert not phone.registered


@pytest.mark.parametrize("outgoing", [True, False], ids=["from Ann", "to Ann"])
def test_call(um_phones, idle, outgoing):
    """Speech both ways, bit by bit; each end hangs up once."""
    ann, bob = idle
    caller, callee, number = (ann, bob, BOBS) if outgoing else (bob, ann, ANNS)
    call(um_phones, caller, callee, number)
    assert callee.call.number == (ANNS if outgoing else BOBS)
    assert caller.cipher == callee.cipher == A5_1
    said = {phone: speech(phone.imsi) for phone in idle}
    for phone in idle:
        phone.heard.clear()
        phone.recording = True
        phone.talk(b"".join(said[phone]), loop=True)
    for phone, other in ((ann, bob), (bob, ann)):
        um_phones.until(lambda phone=phone, other=other: set(said[other]) <= set(phone.heard))
        phone.recording = False
    ann.hang_up()
    ended(um_phones, ann, bob)
    assert bob.call.cause == NORMAL_CLEARING


def test_keys(um_phones, idle):
    """Each is sent and answered. The switch refuses them: it knows no DTMF between its own um_phones."""
    ann, bob = idle
    call(um_phones, ann, bob, BOBS)
    ann.press("12#")
    um_phones.until(lambda: ann.call.dtmf_refused == "12#")
    bob.hang_up()
    ended(um_phones, ann, bob)


@pytest.mark.parametrize(("word", "cause"), [("reject", CALL_REJECTED), ("busy", USER_BUSY)])
def test_refused(um_phones, idle, word, cause):
    ann, bob = idle
    ann.dial(BOBS)
    um_phones.until(lambda: bob.call_state == "RINGING")
    getattr(bob, word)()
    ended(um_phones, ann, bob)
    assert ann.call.cause == cause


def test_hanging_up_while_it_rings(um_phones, idle):
    ann, bob = idle
    ann.dial(BOBS)
    um_phones.until(lambda: bob.call_state == "RINGING")
    ann.hang_up()
    ended(um_phones, ann, bob)


def test_nobody_has_the_number(um_phones, idle):
    """The call is over while its traffic channel is being assigned."""
    ann, _ = idle
    ann.dial("4711")
    ended(um_phones, ann)
    assert ann.call.cause == NO_USER


@pytest.mark.parametrize("text", ["Hi", "a" * 160], ids=["short", "long"])
def test_text_from_phone_to_phone(um_phones, idle, text):
    ann, bob = idle
    bob.inbox.clear()
    ann.sent.clear()
    ann.send_text(BOBS, text)
    um_phones.until(lambda: bob.inbox and ann.sent)
    assert ann.sent == ["sent"]
    assert [(one.number, one.text) for one in bob.inbox] == [(ANNS, text)]


def test_text_during_a_call(network, um_phones, idle):
    """On SACCH, both ways."""
    ann, bob = idle
    call(um_phones, ann, bob, BOBS)
    for phone in idle:
        phone.inbox.clear()
    network.text(ANNS, BOBS, "from the network")
    ann.send_text(BOBS, "from Ann")
    um_phones.until(lambda: ann.inbox and bob.inbox, 60)
    assert ann.inbox[0].text == "from the network"
    assert bob.inbox[0].text == "from Ann"
    assert ann.call_state == bob.call_state == "ACTIVE"
    ann.hang_up()
    ended(um_phones, ann, bob)


def test_own_number(um_phones, idle):
    ann, _ = idle
    ann.ussd("*#100#")
    um_phones.until(lambda: ann.ussd_answers)
    assert ann.ussd_answers == [f"Your extension is {ANNS}"]


def test_detach(network, um_phones):
    imsi = "001010000000004"
    network.subscriber(imsi, "1004", KI.hex())
    phone = um_phones.add(imsi, ki=KI)
    um_phones.until(lambda: phone.registered and phone.state == "idle")
    assert network.attached(imsi)
    phone.power_off()
    um_phones.until(lambda: phone.state == "off")
    um_phones.until(lambda: not network.attached(imsi))


@pytest.mark.parametrize("network", [config.COMBINED], ids=["combined"], indirect=True)
def test_signalling_beside_the_broadcast_channel(um_phones, idle):
    """The same with an SDCCH/4 of slot 0; the text waits until the call's channel is gone."""
    ann, bob = idle
    call(um_phones, ann, bob, BOBS)
    bob.hang_up()
    ended(um_phones, ann, bob)
    ann.send_text(BOBS, "Hi")
    um_phones.until(lambda: bob.inbox)
