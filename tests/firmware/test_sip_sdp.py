"""Offers, answers, and whatever else is put into a body."""

import aiosipua
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from femtojack.sip import sdp

HOST = bytes((192, 0, 2, 5))


def body(*lines):
    head = (b"v=0", b"o=- 5 6 IN IP4 192.0.2.1", b"s=-", b"c=IN IP4 192.0.2.1", b"t=0 0")
    return b"\r\n".join((*head, *lines)) + b"\r\n"


def test_offer_is_read_back():
    session = sdp.parse(sdp.offer(HOST, 16384, 7, 8, (8, 0, 101), b"sendonly"))
    assert (session.address, session.port, session.ptime) == (HOST, 16384, 20)
    assert session.formats == [(8, b"PCMA/8000"), (0, b"PCMU/8000"), (101, b"telephone-event/8000")]
    assert (session.codec, session.events, session.direction) == (8, 101, b"sendonly")
    assert session.origin == (b"7", b"8") and session.usable and not session.hears


def test_another_parser_reads_the_offer():
    other = aiosipua.parse_sdp(sdp.offer(HOST, 16384).decode())
    assert other.media[0].port == 16384 and other.connection.address == "192.0.2.5"


@pytest.mark.parametrize(
    ("formats", "codec"),
    [(b"8 0", 8), (b"0 8", 0), (b"18 8", 8), (b"18", None), (b"101 0", 0), (b"", None), (b"x 0", 0)],
)
def test_first_common_codec(formats, codec):
    session = sdp.parse(body(b"m=audio 4000 RTP/AVP " + formats))
    assert (session.codec if session else None) == codec
    answer = session and sdp.answer(session, HOST, 16384)
    assert (answer is not None and codec is not None and sdp.parse(answer).codec == codec) or codec is None


def test_dynamic_payload_type():
    maps = (b"a=rtpmap:97 pcmu/8000/1", b"a=rtpmap:96 telephone-event/8000")
    session = sdp.parse(body(b"m=audio 4000 RTP/AVP 97 96", *maps))
    assert (session.codec, session.events) == (97, 96)
    assert b"m=audio 1 RTP/AVP 97\r\na=rtpmap:97 PCMU/8000" in sdp.answer(session, HOST, 1)


@pytest.mark.parametrize(
    ("theirs", "ours", "hears"),
    [
        ("sendrecv", "sendrecv", True),
        ("sendonly", "recvonly", False),
        ("recvonly", "sendonly", True),
        ("inactive", "inactive", False),
    ],
)
def test_direction_is_mirrored(theirs, ours, hears):
    session = sdp.parse(body(b"m=audio 4000 RTP/AVP 0", b"a=" + theirs.encode()))
    assert session.hears == hears
    assert sdp.parse(sdp.answer(session, HOST, 16384)).direction == ours.encode()


def test_other_media_are_refused_in_their_place():
    video = (b"m=video 3000 RTP/AVP 31", b"c=IN IP4 192.0.2.9")
    session = sdp.parse(body(*video, b"m=audio 4000 RTP/AVP 0", b"m=audio 5000 RTP/AVP 8"))
    assert (session.audio, session.port, session.address) == (1, 4000, bytes((192, 0, 2, 1)))
    answer = sdp.answer(session, HOST, 16384)
    assert [line for line in answer.split(b"\r\n") if line[:2] == b"m="] == [
        b"m=video 0 RTP/AVP 31", b"m=audio 16384 RTP/AVP 0", b"m=audio 0 RTP/AVP 8",
    ]  # fmt: skip


def test_address_of_the_stream_goes_before_the_session_s():
    session = sdp.parse(body(b"m=audio 4000 RTP/AVP 0", b"c=IN IP4 192.0.2.77", b"a=ptime:30"))
    assert session.address == bytes((192, 0, 2, 77)) and session.ptime == 30


def test_hold_by_zero_address():
    session = sdp.parse(body(b"m=audio 4000 RTP/AVP 0", b"c=IN IP4 0.0.0.0"))
    assert session.usable and not session.hears


@pytest.mark.parametrize(
    "line",
    [b"m=audio 0 RTP/AVP 0", b"m=audio 4000 RTP/SAVP 0", b"m=audio 99999 RTP/AVP 0", b"m=image 4 udptl t38"],
)
def test_no_audio_stream(line):
    assert sdp.parse(body(line)) is None


def test_ipv6_is_not_usable():
    session = sdp.parse(body(b"m=audio 4000 RTP/AVP 0", b"c=IN IP6 ::1"))
    assert not session.usable and sdp.answer(session, HOST, 1) is None


def test_reoffer_answer_keeps_our_address_and_counts_the_version():
    remote = sdp.parse(body(b"m=audio 4000 RTP/AVP 8"))
    answer = sdp.reoffer_answer(sdp.offer(HOST, 16384, 3, 4), remote)
    again = sdp.parse(answer)
    assert (again.address, again.port, again.codec, again.origin) == (HOST, 16384, 8, (b"3", b"5"))
    assert sdp.reoffer_answer(b"nonsense", remote) is None


STARTS = [b"m=", b"c=", b"a=", b"o=", b"a=rtpmap:", b"m=audio "]


@settings(max_examples=300)
@given(
    st.lists(
        st.one_of(
            st.binary(max_size=30),
            st.tuples(st.sampled_from(STARTS), st.binary(max_size=20)).map(b"".join),
            st.sampled_from([b"m=audio 4000 RTP/AVP 0", b"c=IN IP4 1.2.3.4", b"a=sendonly", b"a=rtpmap:0 X/1"]),
        ),
        max_size=8,
    )
)
def test_nothing_raises(lines):
    session = sdp.parse(b"\r\n".join(lines))
    if session:
        answer = sdp.answer(session, HOST, 16384)
        assert (answer is None) == (not session.usable)
        if answer:
            assert sdp.parse(answer).codec == session.codec
            assert len(sdp.parse(answer).media) <= len(session.media)
