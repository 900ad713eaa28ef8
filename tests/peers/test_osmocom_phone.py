"""The emulated GSM phone on a network that we did not write: registration, calls, DTMF, short messages, USSD."""

import random

import pytest
from osmocom import config

from femtohost.peers.gsm_sim import Sim, milenage

KI, OPC = bytes.fromhex("00112233445566778899aabbccddeeff"), bytes(range(16))
ANN, BOB = "001010000000001", "001010000000002"  # IMSIs
ANNS, BOBS = "1001", "1002"  # numbers
A5_1 = 1
NORMAL_CLEARING, USER_BUSY, NO_USER = 16, 17, 18  # TS 24.008 10.5.4.11
SPEECH_FRAMES = 50


@pytest.fixture(scope="module")
def pair(network, um_phones):
    """Ann's phone and Bob's, registered."""
    network.allot(config.DEDICATED)
    both = [subscriber(network, um_phones, ANN, ANNS), subscriber(network, um_phones, BOB, BOBS)]
    um_phones.until(lambda: all(phone.registered and phone.state == "idle" for phone in both))
    return both


def subscriber(network, um_phones, imsi, number):
    """A phone, switched on, that the network knows."""
    network.subscriber(imsi, number, KI.hex())
    return um_phones.add(imsi, imei=f"35387923425{number}", ki=KI)


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


def test_others_register(network, um_phones):
    """All at once: a card with Milenage, which speaks GSM authentication with the network's 3G vectors
    (TS 33.102 6.8.1.2), one with another key than the network's, one that nobody knows; and one leaves again.
    """
    cards = dict.fromkeys(("milenage", "wrong key", "unknown", "leaves"))
    milenages, wrong, unknown, leaves = (f"00101000000001{n}" for n in range(len(cards)))
    network.subscriber_3g(milenages, "1010", KI.hex(), OPC.hex())
    network.subscriber(wrong, "1011", KI.hex())
    cards["milenage"] = um_phones.add(None, sim=Sim(milenages, KI, milenage(OPC)))
    cards["wrong key"] = um_phones.add(wrong, ki=bytes(16))
    cards["unknown"] = um_phones.add(unknown, ki=KI)
    cards["leaves"] = subscriber(network, um_phones, leaves, "1013")
    um_phones.until(lambda: all(phone.registered or phone.refused for phone in cards.values()))
    um_phones.until(lambda: all(phone.state == "idle" for phone in cards.values()))
    assert {name for name, phone in cards.items() if phone.registered} == {"milenage", "leaves"}
    assert network.attached(milenages) and network.attached(leaves)
    assert not network.attached(wrong)
    cards["leaves"].power_off()
    um_phones.until(lambda: cards["leaves"].state == "off")
    um_phones.until(lambda: not network.attached(leaves))
    for phone in cards.values():
        phone.pull_battery()


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


def test_busy(um_phones, idle):
    ann, bob = idle
    ann.dial(BOBS)
    um_phones.until(lambda: bob.call_state == "RINGING")
    bob.busy()
    ended(um_phones, ann, bob)
    assert ann.call.cause == USER_BUSY


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


def test_the_longest_text_from_phone_to_phone(um_phones, idle):
    ann, bob = idle
    text = "a" * 160
    ann.send_text(BOBS, text)
    um_phones.until(lambda: bob.inbox and ann.sent)
    assert ann.sent == ["sent"]
    assert [(one.number, one.text) for one in bob.inbox] == [(ANNS, text)]


def test_text_during_a_call(network, um_phones, idle):
    """On SACCH, both ways."""
    ann, bob = idle
    call(um_phones, ann, bob, BOBS)
    before = len(ann.inbox), len(bob.inbox)
    network.text(ANNS, BOBS, "from the network")
    ann.send_text(BOBS, "from Ann")
    um_phones.until(lambda: len(ann.inbox) > before[0] and len(bob.inbox) > before[1])
    assert ann.inbox[-1].text == "from the network"
    assert bob.inbox[-1].text == "from Ann"
    assert ann.call_state == bob.call_state == "ACTIVE"
    ann.hang_up()
    ended(um_phones, ann, bob)


def test_own_number(um_phones, idle):
    ann, _ = idle
    ann.ussd("*#100#")
    um_phones.until(lambda: ann.ussd_answers)
    assert ann.ussd_answers == [f"Your extension is {ANNS}"]


def test_channels_beside_the_broadcast_channel(network, um_phones, idle):
    """The same with an SDCCH/4 of slot 0; the text waits until the channel of the call is gone."""
    ann, bob = idle
    before = len(bob.inbox)
    network.allot(config.BROADCAST)
    call(um_phones, ann, bob, BOBS)
    bob.hang_up()
    ended(um_phones, ann, bob)
    ann.send_text(BOBS, "Hi")
    um_phones.until(lambda: len(bob.inbox) > before)
