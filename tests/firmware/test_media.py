"""The RTP session of a call, between a board that takes notes and a far end made by hand."""

import random
from array import array
from itertools import pairwise
from types import SimpleNamespace

import pytest

from femtojack.sip import sdp
from femtojack.voice.media import Media
from femtojack.voice.telephone_event import EventReceiver, EventSender

FAR = bytes((10, 0, 0, 2))


class Socket:
    def __init__(self):
        self.sent, self.waiting = [], []

    def send(self, data, n, addr):
        self.sent.append((bytes(data[:n]), bytes(addr)))

    def recv_into(self, buf, addr):
        if not self.waiting:
            return -1
        data = self.waiting.pop(0)
        buf[: len(data)] = data
        return len(data)


@pytest.fixture
def rig():
    socket = Socket()

    def encode(law):
        return lambda pcm, octets: octets.__setitem__(slice(None), bytes([law]) * len(octets))

    def decode(law):
        return lambda octets, pcm: pcm.__setitem__(0, octets[0] + 1000 * law)

    voice = SimpleNamespace(ulaw_encode=encode(1), alaw_encode=encode(2), ulaw_decode=decode(1), alaw_decode=decode(2))
    udp = SimpleNamespace(open=lambda port: socket, address=bytes((10, 0, 0, 1)))
    board = SimpleNamespace(udp=udp, voice=voice, entropy=lambda buf: None)
    return SimpleNamespace(media=Media(board, 16384), socket=socket, board=board)


def session(formats=(0,), direction=b"sendrecv"):
    return sdp.parse(sdp.offer(FAR, 4000, formats=formats, direction=direction))


def frame(sequence, fill, payload_type=0):
    return bytes((0x80, payload_type, sequence >> 8, sequence & 255)) + bytes(8) + bytes([fill]) * 160


def packet(sequence, payload):
    return bytes((0x80, 0, sequence >> 8 & 255, sequence & 255)) + bytes(8) + payload


def played(rig, blocks):
    """The first octet of each block that is played; None for silence."""
    return [pcm[0] - 1000 if (pcm := rig.media.get()) else None for _ in range(blocks)]


def send(rig):
    """One frame, of two blocks."""
    for _ in range(2):
        rig.media.put(array("h", bytes(160)))


def receive(rig, *frames):
    rig.socket.waiting += frames
    rig.media.step()


def test_frames_go_where_the_far_end_listens(rig):
    rig.media.start(session())
    send(rig)
    [(packet, addr)] = rig.socket.sent
    assert (len(packet), packet[1], addr) == (172, 0x80, FAR + bytes((4000 >> 8, 4000 & 255)))


def test_a_far_end_on_hold_gets_nothing_until_it_listens_again(rig):
    rig.media.start(session())
    rig.media.start(session(direction=b"sendonly"))
    send(rig)
    assert rig.socket.sent == []
    rig.media.start(session())
    send(rig)
    assert len(rig.socket.sent) == 1


def test_another_codec_in_the_middle_of_a_call_is_followed_both_ways(rig):
    rig.media.start(session())
    send(rig)
    rig.media.start(session(formats=(8,)))
    send(rig)
    ulaw, alaw = (packet for packet, _ in rig.socket.sent)
    assert (ulaw[1] & 0x7F, ulaw[12:]) == (0, bytes([1]) * 160)
    assert (alaw[1] & 0x7F, alaw[12:]) == (8, bytes([2]) * 160)
    receive(rig, *(frame(i, i, 8) for i in range(3)))
    assert rig.media.counters()["received"] == 3
    assert rig.media.get()[0] == 2000


def test_the_same_codec_again_keeps_the_stream(rig):
    rig.media.start(session())
    send(rig)
    rig.media.start(session())
    send(rig)
    first, second = (packet for packet, _ in rig.socket.sent)
    assert second[3] == first[3] + 1


def test_a_lost_frame_is_bridged_by_the_one_before_it(rig):
    rig.media.start(session())
    receive(rig, *(frame(i, 10 + i) for i in (0, 1, 4, 5)))
    assert played(rig, 12) == [10, 10, 11, 11, 11, 11, None, None, 14, 14, 15, 15]


@pytest.mark.parametrize("ms", [10, 20, 30, 40, 60])
def test_packets_of_any_length_are_played(rig, ms):
    rig.media.start(session())
    pieces = ms // 10
    for i in range(4):
        receive(rig, packet(0xFFFE + i, bytes(10 + pieces * i + j for j in range(pieces) for _ in range(80))))
    assert played(rig, 4 * pieces) == list(range(10, 10 + 4 * pieces))


@pytest.mark.parametrize("ms", [10, 20, 30, 40])
@pytest.mark.parametrize("phase", range(0, 20, 3))
def test_packets_of_any_length_with_jitter_are_played_without_a_gap_at_the_pace_of_a_phone(rig, ms, phase):
    """Two blocks each 20 ms, as femtojack.gsm.full_rate takes them: 4, 4 and 5 TDMA frames apart."""
    rng = random.Random(phase)
    rig.media.start(session())
    pieces = ms // 10
    octets = [bytes([1 + piece % 250]) * 80 for piece in range(6000)]
    packets = [packet(i, b"".join(octets[i * pieces : (i + 1) * pieces])) for i in range(6000 // pieces)]
    arrivals = [(ms * i + rng.uniform(0, 20), i) for i in range(len(packets))]
    waiting = sorted(arrivals, reverse=True)
    heard = []
    for turn in range(2500):
        now = 60 * (turn // 3) + 240 / 13 * (turn % 3) + phase
        while waiting and waiting[-1][0] <= now:
            receive(rig, packets[waiting.pop()[1]])
        heard += played(rig, 2)
    settled = heard[2000:]
    assert None not in settled
    jumps = sum((after - before) % 250 != 1 for before, after in pairwise(settled))
    assert jumps <= 2  # a surplus is shed


def test_what_waits_can_be_forgotten(rig):
    rig.media.catch_up()
    rig.media.start(session())
    receive(rig, *(frame(i, i) for i in range(6)))
    rig.media.catch_up()
    assert played(rig, 2) == [None, None]
    receive(rig, frame(6, 6), frame(7, 7))
    assert played(rig, 4) == [6, 6, 7, 7]


def test_a_far_end_that_changes_its_packets_is_followed(rig):
    rig.media.start(session())
    receive(rig, *(frame(100 + i, i) for i in range(3)))
    receive(rig, *(packet(103 + i, bytes([50 + i]) * 80) for i in range(6)))
    assert played(rig, 6) == [50, 51, 52, 53, 54, 55]


def test_what_comes_without_a_call_is_dropped(rig):
    receive(rig, frame(0, 1))
    assert rig.media.counters()["received"] == 0
    assert rig.socket.waiting == []


def test_an_unusable_session_starts_nothing(rig):
    rig.media.start(None)
    rig.media.start(sdp.parse(b"m=audio 4000 RTP/AVP 97\r\n"))
    assert not rig.media.running


# -- keys as events -----------------------------------------------------------------------------------------------


@pytest.fixture
def keyed(rig):
    """The same with keys as events."""
    rig.media = Media(rig.board, 16384, sender=EventSender(), receiver=EventReceiver())
    return rig


def with_events(payload_type=96):
    return sdp.parse(sdp.offer(FAR, 4000, events=payload_type))


def test_events_are_offered_and_answered_where_they_are_wanted(rig, keyed):
    assert sdp.parse(keyed.media.offer()).events == 101
    assert sdp.parse(keyed.media.answer(with_events())).events == 96
    assert sdp.parse(keyed.media.answer(session())).events is None
    keyed.media.tells_keys = False
    plain = Media(rig.board, 16386)
    for media in (keyed.media, plain):
        assert sdp.parse(media.offer()).events is None
        assert sdp.parse(media.answer(with_events())).events is None
        media.start(with_events())
        assert not media.press("1")
        media.let_go()


def test_a_key_takes_the_place_of_speech_and_speech_goes_on_after_it(keyed):
    keyed.media.start(with_events())
    send(keyed)
    assert keyed.media.press("7")
    keyed.media.let_go()
    for _ in range(9):
        send(keyed)
    packets = [packet for packet, _ in keyed.socket.sent]
    assert [packet[1] & 0x7F for packet in packets] == [0] + [96] * 7 + [0] * 2
    assert [packet[3] for packet in packets] == [(packets[0][3] + i) & 0xFF for i in range(10)]
    assert {len(packet) for packet in packets[1:8]} == {16} and packets[1][12] == 7


def test_a_key_needs_a_far_end_that_takes_it_and_a_call(keyed):
    assert not keyed.media.press("1")
    keyed.media.start(session())
    assert not keyed.media.press("1")
    keyed.media.start(with_events())
    assert keyed.media.press("1")
    keyed.media.stop()
    keyed.socket.sent.clear()
    keyed.media.start(sdp.parse(sdp.offer(FAR, 4000, formats=(8,), events=96)))
    send(keyed)
    assert keyed.socket.sent[0][0][1] & 0x7F == 8  # nothing is left of the last call's key


def key_packet(sequence, begin, key, flags=0):
    return bytes((0x80, 96, 0, sequence)) + bytes((0, 0, 0, begin)) + bytes(4) + bytes((key, flags, 0, 160))


def test_a_key_that_comes_is_a_tone_and_leaves_no_gap(keyed):
    keyed.media.start(with_events())
    receive(keyed, *(frame(i, 10 + i) for i in range(3)))
    receive(keyed, *(key_packet(3 + i, 9, 5, 0x80 if i > 3 else 0) for i in range(7)))
    receive(keyed, *(frame(i, 10 + i) for i in range(10, 14)))
    heard = [keyed.media.get() for _ in range(7)]
    assert all(len(block) == 80 and max(map(abs, block)) > 8000 for block in heard)
    for _ in range(13):
        keyed.media.get()
    assert played(keyed, 8) == [20, 20, 21, 21, 22, 22, 23, 23]
    counters = keyed.media.counters()
    assert (counters["lost"], counters["late"], counters["bad"], counters["underruns"]) == (0, 0, 0, 0)
