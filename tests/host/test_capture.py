"""Captures: packets and their checksums, usbmon records, files that were cut off, and what is refused."""

import struct
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pcapng import FileScanner
from pcapng.blocks import EnhancedPacket

from femtohost.capture import PcapngFile
from femtohost.capture.ip import Ipv4, checksum
from femtohost.capture.usbmon import UsbMonitor

ENDPOINTS = st.binary(min_size=6, max_size=6)


def sum16(data):
    """Sum of 16-bit words modulo 65535, by another way than the code's: 2**16 is 1 modulo 65535."""
    return int.from_bytes(data + bytes(len(data) % 2), "big") % 65535


@given(ENDPOINTS, ENDPOINTS, st.binary(max_size=1500))
def test_a_datagram_is_a_packet_with_good_checksums(source, destination, data):
    packet = Ipv4().udp(source, destination, data)
    head, datagram = packet[:20], packet[20:]
    assert sum16(head) == 0
    assert sum16(head[12:20] + struct.pack("!HH", 17, len(datagram)) + datagram) == 0
    assert datagram[6:8] != b"\0\0"
    assert (len(packet), len(datagram)) == struct.unpack("!2xH", head[:4]) + struct.unpack("!4xH", datagram[:6])
    assert (head[12:16] + datagram[:2], head[16:20] + datagram[2:4]) == (source, destination)
    assert datagram[8:] == data


def test_checksum_of_rfc_1071():
    assert checksum(bytes.fromhex("0001f203f4f5f6f7")) == 0xFFFF ^ 0xDDF2  # RFC 1071 3


# -- the file ---------------------------------------------------------------------------------------------------------


def packets(path):
    """[(interface name, link type, s, octets)] as python-pcapng reads them."""
    with path.open("rb") as file:
        blocks = [block for block in FileScanner(file) if isinstance(block, EnhancedPacket)]
        named = [(block.interface.options["if_name"], block.interface.link_type) for block in blocks]
        return [(*name, block.timestamp, block.packet_data) for name, block in zip(named, blocks, strict=True)]


def test_interfaces_times_and_octets_can_be_read_back(tmp_path):
    file = PcapngFile(tmp_path / "a.pcapng")
    wanted = [("uplink", 101, 0, b""), ("usb", 220, 1_500_000_000, b"abc"), ("uplink", 101, 3 << 61, b"abcd" * 300)]
    for packet in wanted:
        file.packet(*packet)
    found = packets(tmp_path / "a.pcapng")  # while it is open
    assert [packet[:2] + packet[3:] for packet in found] == [packet[:2] + packet[3:] for packet in wanted]
    assert [packet[2] for packet in found] == pytest.approx([0, 1.5, (3 << 61) / 1e9])
    file.close()


INTERFACE = 44  # octets of its block: 20, name (4 + 8), resolution (4 + 4), end of options (4)
PACKET = 32 + 40


class FullDisc:
    """A file that takes `room` octets."""

    def __init__(self, file, room):
        self._file, self._room = file, room

    def write(self, data):
        part = data[: self._room]
        self._room -= len(part)
        return self._file.write(part)

    def __getattr__(self, name):
        return getattr(self._file, name)


@given(room=st.integers(0, 500))
def test_a_full_disc_leaves_whole_blocks_and_a_reason(tmp_path_factory, room):
    path = tmp_path_factory.mktemp("full") / "a.pcapng"
    file = PcapngFile(path)
    file._file = FullDisc(file._file, room)
    for _ in range(10):
        file.packet("uplink", 101, 0, bytes(37))
    file.close()
    whole = packets(path)
    assert len(whole) == max(room - INTERFACE, 0) // PACKET
    assert file.error.startswith("the capture ended: no space")


def test_places_that_cannot_be_are_one_line(run, tmp_path):
    for where in (tmp_path, tmp_path / "nowhere" / "a.pcapng"):
        code, out, err = run("call", "--capture", where, "--seconds", 1)
        assert (code, out, err.count("\n"), "--capture" in err) == (2, "", 1, True)


def test_a_call_tells_when_its_capture_ended_early(run, tmp_path):
    code, _, err = run("call", "--capture", "/dev/full", "--seconds", 1)
    assert (code, "capture ended: No space" in err) == (2, True)


def test_a_call_in_a_capture(run, tmp_path):
    code, _, _ = run("call", "--capture", "a.pcapng", "--seconds", 2, "--json")
    assert code == 0
    found = packets(tmp_path / "a.pcapng")
    assert {packet[:2] for packet in found} == {("uplink", 101)}
    payloads = [data[28:] for *_, data in found]
    assert payloads[0].startswith(b"INVITE ") and any(data.startswith(b"BYE ") for data in payloads)
    assert sum(data[0] == 0x80 for data in payloads) > 2 * 2 * 45  # RTP, 50 a second each way
    times = [time for _, _, time, _ in found]
    assert times == sorted(times) and 0 < times[0] < 60  # virtual time


# -- usbmon -----------------------------------------------------------------------------------------------------------


def urb(endpoint, **facts):
    """A request, as the controller tells of it."""
    setup = facts.get("setup")
    nothing = {"setup": None, "data": b"", "length": 0, "packets": None, "status": 0, "received": b"", "actual": 0}
    request = SimpleNamespace(**{**nothing, "results": [], **facts}, endpoint=endpoint)
    request.is_in = bool((setup[0] if setup else endpoint) & 0x80)
    return Hashable(request)


class Hashable:
    def __init__(self, facts):
        self.__dict__ = vars(facts)


FIELDS = "id event type endpoint device bus setup data s us status length captured first interval start flags packets"


def read(record):
    """The fields of a record and what follows its header, by the offsets of usbmon.rst."""
    values = struct.unpack("<QBBBBHBBqiiII8siiII", record[:64])
    return SimpleNamespace(**dict(zip(FIELDS.split(), values, strict=True))), record[64:]


@pytest.fixture
def monitor():
    return UsbMonitor({0x81: 2, 2: 2, 0x85: 3}.get)


GET_DEVICE = bytes.fromhex("8006000100001200")


def test_a_control_request(monitor):
    request = urb(0, setup=GET_DEVICE, length=18, status=-115)
    asked, rest = read(monitor.record(1_500_000_999, "S", request))
    assert (chr(asked.event), asked.type, asked.endpoint, asked.setup, chr(asked.data)) == ("S", 2, 0x80, 0, "<")
    assert (asked.s, asked.us, asked.status, asked.length, asked.captured) == (1, 500_000, -115, 18, 0)
    assert (asked.first, rest) == (GET_DEVICE, b"")
    request.status, request.received, request.actual = 0, bytearray(b"18 octets"), 9
    done, rest = read(monitor.record(2, "C", request))
    assert (done.id, chr(done.event), chr(done.setup), done.data) == (asked.id, "C", "-", 0)
    assert (done.length, done.captured, rest) == (9, 9, b"18 octets")


def test_bulk_and_interrupt(monitor):
    out = urb(2, data=b"octets", actual=6)
    asked, rest = read(monitor.record(0, "S", out))
    done, nothing = read(monitor.record(0, "C", out))
    assert (asked.type, asked.endpoint, asked.length, asked.data, rest) == (3, 2, 6, 0, b"octets")
    assert (done.length, done.captured, chr(done.data), nothing) == (6, 0, ">", b"")
    assert read(monitor.record(0, "S", urb(0x85, length=64)))[0].type == 1


def test_requests_under_way_have_numbers_of_their_own(monitor):
    first, second = urb(0x81, length=13), urb(0x81, length=13)
    numbers = [read(monitor.record(0, "S", request))[0].id for request in (first, second, first, second)]
    assert numbers[:2] == numbers[2:] and numbers[0] != numbers[1]
    assert read(monitor.record(0, "C", second))[0].id == numbers[1]
    assert read(monitor.record(0, "S", second))[0].id not in numbers


def test_isochronous_packets_lie_where_the_host_asked_for_them(monitor):
    request = urb(0x83, packets=(16, 16, 16), length=48, status=-115)
    asked, table = read(monitor.record(0, "S", request))
    assert (asked.type, asked.packets, asked.length, asked.captured) == (0, 3, 48, 48)
    assert list(struct.iter_unpack("<iIIi", table)) == [(-18, 0, 16, 0), (-18, 16, 16, 0), (-18, 32, 16, 0)]
    request.status, request.results = 0, [(16, 0), (4, -63), (16, 0)]
    request.received, request.actual = b"A" * 16 + b"B" * 4 + b"C" * 16, 36
    done, rest = read(monitor.record(0, "C", request))
    assert struct.unpack("<ii", done.first) == (1, 3)
    assert list(struct.iter_unpack("<iIIi", rest[:48])) == [(0, 0, 16, 0), (-63, 16, 4, 0), (0, 32, 16, 0)]
    assert rest[48:] == b"A" * 16 + b"B" * 4 + bytes(12) + b"C" * 16
    assert (done.length, done.captured) == (48, 96)
    played = urb(4, packets=(32, 32), data=bytes(range(64)), actual=64, results=[(32, 0), (32, 0)])
    asked, rest = read(monitor.record(0, "S", played))
    assert rest[32:] == bytes(range(64))
    assert read(monitor.record(0, "C", played))[0].captured == 32
