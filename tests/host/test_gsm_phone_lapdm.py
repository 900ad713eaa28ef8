"""The phone's LAPDm: two ends over a bad radio, and frames that nobody should send."""

from collections import deque
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from femtohost.clock import SECOND, Clock
from femtohost.peers.gsm_lapdm import BadFrame, DataLink, build, take_apart

BLOCK_S = 0.235


class Owner:
    """What a channel is to a link."""

    def __init__(self):
        self.events = []
        self.messages = []

    def ready(self, link):
        pass

    def established(self, link):
        self.events.append("established")

    def received(self, link, message):
        self.messages.append(message)

    def received_unit(self, link, message):
        pass

    def released(self, link, why):
        self.events.append(why)


class Pair:
    """Two links over blocks that may be lost. The far one stands for the network: its command bit is the other."""

    def __init__(self, fates=()):
        self.clock = Clock()
        self.owners = Owner(), Owner()
        self.links = tuple(DataLink(self.clock, owner, 3) for owner in self.owners)
        self.fates = deque(fates)

    def block(self):
        """One block each way."""
        for sender, receiver in (self.links, reversed(self.links)):
            frame = sender.pull()
            lost = self.fates.popleft() if self.fates else False
            if frame and not lost:
                receiver.receive(bytes((frame[0] ^ 2,)) + frame[1:])
        end = self.clock.now + round(BLOCK_S * SECOND)
        while (following := self.clock.next_time()) is not None and following <= end:
            self.clock.run_next()
        self.clock.advance(end)

    def blocks(self, count):
        for _ in range(count):
            self.block()


def established(fates=()):
    pair = Pair()
    pair.links[0].establish()
    pair.blocks(2)
    assert [link.state for link in pair.links] == ["ESTABLISHED"] * 2
    pair.fates = deque(fates)
    return pair


messages = st.lists(st.binary(min_size=1, max_size=100), max_size=6)


@settings(deadline=None)
@given(messages, messages, st.lists(st.booleans(), max_size=60))
def test_what_is_sent_arrives_once_and_in_order(up, down, fates):
    pair = established(fates)
    for link, sent in zip(pair.links, (up, down), strict=True):
        for message in sent:
            link.send(message)
    pair.blocks(400)
    assert pair.owners[1].messages == up and pair.owners[0].messages == down
    assert all(link.state == "ESTABLISHED" and not link.unacknowledged for link in pair.links)


@settings(deadline=None)
@given(st.lists(st.booleans(), max_size=8))
def test_a_link_comes_and_goes_over_a_bad_radio(fates):
    pair = Pair(fates)
    pair.links[0].establish()
    pair.blocks(40)
    if pair.owners[0].events == ["no answer"]:
        return
    assert pair.owners[0].events == ["established"] and pair.links[1].state == "ESTABLISHED"
    pair.links[0].release()
    pair.blocks(10)
    assert [link.state for link in pair.links] == ["IDLE"] * 2 and pair.owners[0].events[-1] == ""


def test_a_dead_radio_is_noticed():
    pair = established([True] * 1000)
    pair.links[0].send(b"hello")
    pair.blocks(200)
    assert pair.owners[0].events[-1] == "no answer" and pair.links[0].state == "IDLE"


def test_contention_is_lost_by_the_phone_that_is_not_echoed():
    pair = Pair()
    link = pair.links[0]
    link.establish(b"me")
    link.pull()
    link.receive(build(1, 0x73, b"you"))
    assert link.state == "IDLE" and pair.owners[0].events == ["contention"]


def test_the_network_may_not_establish_sapi_0():
    link = DataLink(Clock(), Owner(), 0)
    link.receive(build(3, 0x3F))
    assert link.state == "IDLE" and link.pull()[:2] == bytes((0x03, 0x1F))  # DM, a response, F = 1


def test_an_acknowledgement_of_what_was_never_sent_ends_the_link():
    pair = established()
    pair.links[0].receive(build(3 << 2 | 1, 0x01 | 5 << 5))
    assert pair.links[0].state == "IDLE" and pair.owners[0].events[-1] == "sequence error"


@pytest.mark.parametrize(
    "frame",
    [
        build(0x03 ^ 1, 0x03), build(0x23, 0x03), bytes((3, 3, 0)) + bytes(20), bytes((3, 3, 21 << 2 | 1)) + bytes(20),
        bytes((3, 0, 5 << 2 | 3)) + bytes(20),
    ],
)  # fmt: skip
def test_frames_that_are_none(frame):
    with pytest.raises(BadFrame):
        take_apart(frame, 20)


frames = st.one_of(
    st.binary(min_size=23, max_size=23),
    st.builds(
        lambda command, control, info, more: build(0x0D | command << 1, control, info, more),
        st.booleans(), st.integers(0, 255), st.binary(max_size=20), st.booleans(),
    ),
)  # fmt: skip


@settings(deadline=None, max_examples=300)
@given(st.lists(frames, max_size=40))
def test_no_frame_breaks_a_link(hostile):
    pair = established()
    link = pair.links[0]
    for frame in hostile:
        if frame[0] >> 2 & 7 == 3:
            with suppress(BadFrame):
                link.receive(frame)
        link.pull()
    assert link.state in ("IDLE", "ESTABLISHED") and len(link._replies) < 50
    link.abandon()
    link.establish()
    assert link.pull()[1] == 0x3F
