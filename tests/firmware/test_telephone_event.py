"""Keys as RTP events: what is said, and what is made of what comes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from femtojack.voice.telephone_event import EventReceiver, EventSender

KEYS = "0123456789*#ABCD"
PT = 101


def header(n):
    """Of frame `n` of a stream."""
    return bytes((0x80, 0)) + n.to_bytes(2, "big") + (5000 + 160 * n).to_bytes(4, "big") + b"ssrc"


def say(sender, packets, n=0):
    """[(marker, sequence, timestamp, key, end, duration)] of the next `packets` frames, from frame `n` on."""
    said = []
    for i in range(n, n + packets):
        sender.next(header(i), PT)
        octets = bytes(sender.packet)
        assert octets[0] == 0x80 and octets[1] & 0x7F == PT and octets[8:12] == b"ssrc" and octets[13] & 0x7F == 9
        number, timestamp = int.from_bytes(octets[2:4], "big"), int.from_bytes(octets[4:8], "big")
        end, duration = octets[13] >= 0x80, int.from_bytes(octets[14:16], "big")
        said.append((octets[1] >= 0x80, number, timestamp, KEYS[octets[12]], end, duration))
    return said


@pytest.mark.parametrize("key", KEYS)
def test_a_short_key_is_four_packets_and_three_that_end_it(key):
    """RFC 4733 2.5.1."""
    sender = EventSender()
    assert not sender.sounding
    sender.start(key)
    sender.let_go()
    said = say(sender, 7, n=3)
    assert not sender.sounding
    assert [one[0] for one in said] == [True] + [False] * 6
    assert [one[1] for one in said] == list(range(3, 10))
    assert {one[2:4] for one in said} == {(5480, key)}
    assert [one[4] for one in said] == [False] * 4 + [True] * 3
    assert [one[5] for one in said] == [160, 320, 480, 640, 800, 800, 800]


def test_a_key_sounds_as_long_as_it_is_held_and_a_very_long_one_goes_on_in_another_event():
    sender = EventSender()
    sender.start("5")
    said = say(sender, 500)
    assert not any(one[4] for one in said) and sender.sounding
    assert {one[2] for one in said} == {5000, 5000 + 160 * 409}
    assert [one[5] for one in said] == [*range(160, 65441, 160), *range(160, 91 * 160 + 1, 160)]
    assert [one[0] for one in said].count(True) == 1
    sender.let_go()
    assert [one[4] for one in say(sender, 3, 500)] == [True] * 3 and not sender.sounding


def event(n, begin, key, end=False):
    octets = bytearray(header(n)) + bytes((KEYS.index(key) if key in KEYS else 16, 0x80 if end else 0, 0, 160))
    octets[4:8] = begin.to_bytes(4, "big")
    return octets


def blocks(receiver):
    count = 0
    while receiver.sounding and count < 100:
        receiver.block()
        count += 1
    return count


def test_what_comes_is_heard_once():
    receiver = EventReceiver()
    for n in range(4):
        receiver.take(event(n, 5000, "9"), 12, 4)
        assert receiver.sounding
        samples = np.array(receiver.block(), float)
        receiver.block()
    spectrum = np.abs(np.fft.rfft(samples, 800))
    assert {int(np.argmax(spectrum[:100])) // 2, (100 + int(np.argmax(spectrum[100:]))) // 2} <= set(range(40, 76))
    for n in range(4, 7):
        receiver.take(event(n, 5000, "9", True), 12, 4)
    assert not receiver.sounding
    receiver.take(event(9, 5000, "9", True), 12, 4)  # a late copy of its end
    assert not receiver.sounding
    receiver.take(event(20, 9000, "9", True), 12, 4)  # all before the end of this one was lost
    assert blocks(receiver) == 7


def test_a_key_whose_end_is_lost_does_not_sound_for_ever():
    receiver = EventReceiver()
    receiver.take(event(0, 5000, "1"), 12, 4)
    assert blocks(receiver) == 15


@given(st.lists(st.tuples(st.binary(min_size=12, max_size=40), st.integers(12, 20))))
def test_no_octets_are_too_strange(packets):
    receiver = EventReceiver()
    for data, start in packets:
        receiver.take(data, start, len(data) - start)
        receiver.block()


def test_what_is_no_key_is_not_heard():
    receiver = EventReceiver()
    receiver.take(event(0, 5000, "flash"), 12, 4)
    assert not receiver.sounding
