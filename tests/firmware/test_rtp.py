"""RTP headers: every field, every wrap, every malformed packet."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from femtojack.sip.rtp import PACKET, RtpReceiver, RtpSender


def packet(sequence=1, timestamp=0, ssrc=b"abcd", payload=bytes(160), flags=0x80, kind=0):
    return struct.pack("!BBHI", flags, kind, sequence & 0xFFFF, timestamp) + ssrc + payload


@given(st.integers(0, 0xFFFF), st.integers(0, 0xFFFFFFFF), st.integers(1, 400))
def test_sender_counts_modulo_its_fields(sequence, timestamp, frames):
    sender = RtpSender(b"\xde\xad\xbe\xef", 8, struct.pack("!HI", sequence, timestamp))
    for i in range(frames):
        sender.next()
        first, kind, got_sequence, got_timestamp = struct.unpack_from("!BBHI", sender.packet)
        assert first == 0x80 and kind == (0x88 if i == 0 else 8)
        assert got_sequence == (sequence + i) & 0xFFFF
        assert got_timestamp == (timestamp + 160 * i) & 0xFFFFFFFF
    assert sender.packet[8:12] == b"\xde\xad\xbe\xef" and len(sender.packet) == PACKET


def test_payload_is_in_the_packet():
    sender = RtpSender(b"abcd", 0)
    sender.payload[:] = bytes(range(160))
    assert bytes(sender.packet[12:]) == bytes(range(160))


def test_receiver_reads_what_the_sender_wrote():
    sender, receiver = RtpSender(b"abcd", 0, b"\xff\xff\x12\x34\x56\x78"), RtpReceiver(0)
    sender.next()
    assert receiver.parse(sender.packet, PACKET)
    assert (receiver.sequence, receiver.start, receiver.length, receiver.marker) == (0xFFFF, 12, 160, True)
    assert (receiver.timestamp_hi, receiver.timestamp_lo) == (0x1234, 0x5678)
    sender.next()
    assert receiver.parse(sender.packet, PACKET)
    assert receiver.sequence == 0 and not receiver.marker and receiver.lost == receiver.late == 0


def test_csrc_extension_and_padding_are_skipped():
    data = packet(flags=0x80 | 0x20 | 0x10 | 2, payload=b"csrccsrc" + b"\0\0\0\1exte" + b"voice" + b"\0\0\3")
    receiver = RtpReceiver(0)
    assert receiver.parse(data, len(data))
    assert data[receiver.start : receiver.start + receiver.length] == b"voice"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        packet()[:11],
        packet(payload=b""),
        packet(flags=0x40),
        packet(flags=0xC0),
        packet(kind=8),
        packet(kind=101),
        packet(flags=0x8F, payload=bytes(40)),
        packet(flags=0x90, payload=b"\0\0"),
        packet(flags=0x90, payload=b"\0\0\0\x09" + bytes(8)),
        packet(flags=0xA0, payload=b"abc\0"),
        packet(flags=0xA0, payload=b"abc\x05"),
        packet(flags=0xA0, payload=b"abc\x04"),
    ],
)
def test_bad_packets_are_counted(data):
    receiver = RtpReceiver(0)
    assert not receiver.parse(data, len(data))
    assert receiver.bad == 1 and receiver.received == 0


def feed(receiver, sequences, ssrc=b"abcd"):
    for sequence in sequences:
        assert receiver.parse(packet(sequence, ssrc=ssrc), PACKET)


@pytest.mark.parametrize(
    ("sequences", "lost", "late"),
    [
        ([1, 2, 3], 0, 0),
        ([65534, 65535, 0, 1], 0, 0),
        ([1, 2, 5], 2, 0),
        ([65535, 2], 2, 0),
        ([1, 3, 2, 4], 0, 1),
        ([1, 2, 40000, 40001], 0, 0),
        ([5, 4], 0, 1),
    ],
)
def test_losses(sequences, lost, late):
    receiver = RtpReceiver(0)
    feed(receiver, sequences)
    assert (receiver.lost, receiver.late, receiver.received) == (lost, late, len(sequences))


def test_new_source_is_believed_after_ten_packets_in_a_row():
    receiver = RtpReceiver(0)
    feed(receiver, [1, 2])
    for sequence in range(500, 509):
        assert not receiver.parse(packet(sequence, ssrc=b"xyzw"), PACKET)
    feed(receiver, [509, 510], b"xyzw")
    assert (receiver.lost, receiver.late, receiver.foreign) == (0, 0, 9)


def test_forged_packets_between_those_of_the_stream_are_refused():
    receiver = RtpReceiver(0)
    for sequence in range(50):
        feed(receiver, [sequence])
        for _ in range(9):
            assert not receiver.parse(packet(sequence * 7, ssrc=b"evil"), PACKET)
    assert (receiver.received, receiver.lost, receiver.foreign) == (50, 0, 450)


@given(st.binary(max_size=64), st.integers(0, 80))
def test_nothing_raises(data, n):
    receiver = RtpReceiver(0)
    if receiver.parse(data, n):
        assert receiver.start >= 12 and receiver.length > 0 and receiver.start + receiver.length <= n <= len(data)
    else:
        assert receiver.bad == 1


@given(st.integers(0, 0xFFFF), st.lists(st.booleans(), min_size=1, max_size=200))
def test_received_and_lost_make_up_all_that_was_sent(start, arrives):
    receiver = RtpReceiver(0)
    arrived = [i for i, here in enumerate(arrives) if here]
    feed(receiver, [start + i for i in arrived])
    if arrived:
        assert receiver.received + receiver.lost == arrived[-1] - arrived[0] + 1
