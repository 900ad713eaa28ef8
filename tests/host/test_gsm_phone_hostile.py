"""The emulated phone against a network that says anything at all, and its own bad habits."""

import random

import pytest
from gsm_stand_in import C0, DED, fill
from hypothesis import given, settings
from hypothesis import strategies as st
from test_gsm_phone import ANSWERED, CALL, UPDATE, network, phone_on, registered

from femtohost.models.gsm_air import AirFrame
from femtohost.models.gsm_frames import FACCH_F, PCH, SACCH, VOICE_F

TMSI = bytes.fromhex("f4deadbeef")
HEADS = [bytes((pd, kind)) for pd in (0x06, 0x05, 0x03, 0x83, 0x09, 0x89, 0x0B, 0x8B) for kind in range(0x40)]

common = st.one_of(
    st.binary(min_size=23, max_size=23),
    st.builds(
        lambda length, kind, rest: fill(bytes((length << 2 | 1, 6, kind)) + rest),
        st.integers(0, 22), st.sampled_from((0x19, 0x1A, 0x1B, 0x1C, 0x21, 0x22, 0x24, 0x39, 0x3A, 0x3F)),
        st.binary(max_size=20),
    ),
)  # fmt: skip
layer_3 = st.builds(lambda head, rest: head + rest, st.sampled_from(HEADS), st.binary(max_size=40))


@settings(deadline=None, max_examples=60)
@given(st.lists(common, max_size=30))
def test_common_channels_may_say_anything(frames):
    stand_in, phone = registered(UPDATE)
    for frame in frames:
        stand_in.air.downlink(AirFrame(C0, False, 0, stand_in.count() % 2715648, PCH, 0, frame))
        stand_in.run(0.05)
    stand_in.run(60)
    assert phone.state in ("idle", "dedicated", "access")


@settings(deadline=None, max_examples=60)
@given(st.lists(layer_3, max_size=12))
def test_layer_3_may_say_anything_in_a_call(said):
    stand_in, phone = registered(CALL)
    phone.dial("1")
    stand_in.until(lambda: phone.call_state == "ACTIVE")
    for message in said:
        stand_in.send(message, 3 if message[0] & 15 == 9 else 0)
    stand_in.run(5)
    phone.hang_up()
    stand_in.silent = True
    stand_in.run(200)
    assert not phone.calls and phone.state in ("idle", "access")


def test_a_channel_may_say_anything():
    stand_in, phone = registered(CALL)
    phone.dial("1")
    stand_in.until(lambda: phone.call_state == "ACTIVE")
    rng = random.Random(1)
    for _ in range(3000):
        channel = rng.choice((FACCH_F, FACCH_F | SACCH, VOICE_F))
        payload = rng.randbytes(rng.choice((0, 1, 22, 23, 34)))
        stand_in.air.downlink(AirFrame(DED, False, 2, stand_in.count() % 2715648, channel, 0, payload))
        stand_in.run(0.01)
    stand_in.silent = True
    stand_in.run(200)
    assert phone.state in ("idle", "access") and phone.bad[0] > 50


def test_habits():
    stand_in, phone = registered(ANSWERED)
    phone.misbehave("ignore paging")
    stand_in.page(TMSI)
    stand_in.run(2)
    assert not stand_in.sent_by_phone(6, 0x27)
    phone.misbehave("no alerting")
    stand_in.page(TMSI)
    stand_in.until(lambda: phone.call_state == "CONFIRMED")
    assert not stand_in.sent_by_phone(0x83, 1)
    with pytest.raises(ValueError, match="ignore paging"):
        phone.misbehave("politeness")


def test_a_phone_that_does_not_let_go():
    stand_in, phone = registered(CALL)
    phone.misbehave("no release")
    phone.dial("1")
    stand_in.until(lambda: phone.call_state == "ACTIVE")
    stand_in.send(bytes.fromhex("832502e090"))
    stand_in.run(5)
    assert phone.call_state == "ACTIVE" and not stand_in.sent_by_phone(3, 0x2D)


def test_a_wrong_sres():
    script = {
        bytes((5, 8)): [bytes((5, 0x12, 0)) + bytes(16)],
        bytes((5, 0x14)): [bytes((5, 0x11)), bytes((6, 0x0D, 0))],
    }
    stand_in = network(script)
    phone = phone_on(stand_in, ki=bytes(16))
    phone.misbehave("bad sres")
    stand_in.until(lambda: phone.refused == 6)
    (wrong,) = stand_in.sent_by_phone(5, 0x14)
    right = phone.sim.authenticate(bytes(16), 0)
    assert wrong[2:] == bytes(octet ^ 0xFF for octet in right)
