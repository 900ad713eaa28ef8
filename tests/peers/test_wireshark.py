"""That Wireshark's opinion, which the other tests here ask for, is one: it sees what is broken."""

import socket

import pytest
from capture import Capture, why_not

pytestmark = pytest.mark.skipif(why_not() is not None, reason=str(why_not()))

HEAD = (
    "INVITE sip:200@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\n"
    "To: <sip:200@b>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\nMax-Forwards: 70\r\n"
)
SDP = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=\r\n"
BAD_SDP = f"Content-Type: application/sdp\r\nContent-Length: {len(SDP)}\r\n\r\n{SDP}"


@pytest.fixture
def read(tmp_path):
    """`read(text of a datagram) -> (SIP frames seen, complaints)`"""

    def send_and_read(text):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
            receiver.bind(("127.0.0.1", 0))
            port = receiver.getsockname()[1]
            capture = Capture(tmp_path / "loopback.pcapng")
            receiver.sendto(text.encode(), receiver.getsockname())
            capture.stop()
        seen, _, complaints = capture.read(port)
        return seen, complaints

    return send_and_read


def test_it_has_nothing_against_a_good_message(read):
    assert read(HEAD + "Content-Length: 0\r\n\r\n") == (1, [])


@pytest.mark.parametrize("text", [HEAD, HEAD + "To\r\n\r\n", HEAD + BAD_SDP], ids=["end", "header", "sdp"])
def test_it_sees_a_broken_one(read, text):
    seen, complaints = read(text)
    assert seen == len(complaints) == 1
