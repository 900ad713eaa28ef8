"""The flash chip of a running box over serprog: the protocol, the box meanwhile, and hostile clients."""

import random
import socket
import time

import pytest

from femtohost.running import RunningBox

ACK, NAK = b"\x06", b"\x15"


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    box = RunningBox(tmp_path_factory.mktemp("serprog") / "box", "", "--serprog", "127.0.0.1:0")
    yield box
    box.kill()


@pytest.fixture
def box(shared):
    """One box for all; each test finds it on."""
    shared.until(lambda: shared.ctl("status")["line"] == "on-hook")
    return shared


class Client:
    """A session; `with` closes it."""

    def __init__(self, box):
        host, _, port = box.ready["addresses"]["serprog"].partition(":")
        self._socket = socket.create_connection((host, int(port)), timeout=600)
        self._file = self._socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    def close(self):
        self._file.close()
        self._socket.close()

    def send(self, *octets):
        self._socket.sendall(bytes(octets))

    def read(self, n):
        return self._file.read(n)

    def ask(self, *octets, n=1):
        self.send(*octets)
        return self.read(n)

    def spi(self, *octets, read=0):
        lengths = len(octets).to_bytes(3, "little") + read.to_bytes(3, "little")
        self.send(0x13, *lengths, *octets)
        assert self.read(1) == ACK
        return self.read(read)

    def dropped(self):
        """Whether the server has ended it."""
        try:
            return self.read(1) == b""
        except ConnectionError:
            return True


def test_what_a_programmer_must_say(box):
    with Client(box) as client:
        assert client.ask(*bytes(8), 0x10, n=10) == ACK * 8 + NAK + ACK
        assert client.ask(0x01, n=3) == ACK + b"\1\0"
        commands = client.ask(0x02, n=33)
        offered = {i for i in range(256) if commands[1 + i // 8] >> i % 8 & 1}
        assert {0, 1, 2, 3, 4, 5, 8, 0x10, 0x11, 0x12, 0x13} <= offered
        assert 0x0B not in offered or {0x07, 0x0F} <= offered
        assert client.ask(0x03, n=17) == ACK + b"femtojack".ljust(16, b"\0")
        assert client.ask(0x05, n=2) == ACK + b"\x08"
        assert client.ask(0x12, 0x08) == ACK
        assert client.ask(0x12, 0x01) == NAK
        assert client.ask(0x55) == NAK
        assert client.spi(0x9F, read=3) == bytes.fromhex("EF4018")


def test_commands_may_come_octet_by_octet_and_many_at_once(box):
    with Client(box) as client:
        for octet in b"\x13\x01\x00\x00\x03\x00\x00\x9f":
            client.send(octet)
        assert client.read(4) == ACK + bytes.fromhex("EF4018")
        client.send(*b"\x13\x01\x00\x00\x03\x00\x00\x9f" * 50)
        assert client.read(200) == (ACK + bytes.fromhex("EF4018")) * 50


def test_busy_is_seen_once_on_the_bus_clock(box):
    with Client(box) as client:
        for command in ((0x02, 0xFF, 0xF0, 0, 0x55), (0x20, 0xFF, 0xF0, 0), (0xD8, 0xFF, 0, 0)):
            client.spi(0x06)
            client.spi(*command)
            assert [client.spi(0x05, read=1)[0] & 3 for _ in range(3)] == [3, 0, 0]


def test_real_time(start):
    box = start("", "--serprog", "127.0.0.1:0", "--serprog-timing", "real")
    with Client(box) as client:
        client.spi(0x06)
        begin = time.monotonic()
        client.spi(0x20, 0xFF, 0xF0, 0)
        polls = 0
        while client.spi(0x05, read=1)[0] & 1:
            polls += 1
        assert time.monotonic() - begin >= 0.045
        assert polls


def test_the_box_is_held_in_reset_and_boots_again(box):
    with Client(box) as client:
        client.spi(0x9F, read=3)
        box.event("power", state="off")
        assert box.ctl("status")["power"] == "held in reset"
        client.spi(0x06)
        client.spi(0x01, 0xB8)  # SRP0: only with WP high can it be taken back
        client.spi(0x05, read=1)
        client.spi(0x06)
        client.spi(0x01, 0x00)
        client.spi(0x05, read=1)
        assert client.spi(0x05, read=1) == b"\0"
    box.event("power", state="on")
    box.event("line", state="on-hook")


def test_a_box_that_was_off_stays_off_unless_it_is_switched_on(box):
    box.ctl("power", state="off")
    with Client(box) as client:
        client.spi(0x9F, read=3)
    box.until(lambda: box.ctl("status")["power"] == "off")
    with Client(box) as client:
        client.spi(0x9F, read=3)
        box.ctl("power", state="on")
        assert box.ctl("status")["power"] == "held in reset"
    box.until(lambda: box.ctl("status")["power"] == "on")


def test_one_session_at_a_time(box):
    with Client(box) as client, Client(box) as other:
        other.send(0x10)
        for _ in range(5):
            assert client.ask(0) == ACK
        client.close()
        assert other.read(2) == NAK + ACK


def test_what_was_written_is_in_the_image(box):
    data = random.Random(1).randbytes(256)
    with Client(box) as client:
        client.spi(0x06)
        client.spi(0x02, 0xFF, 0xF0, 0, *data)
        while client.spi(0x05, read=1)[0] & 1:
            pass
        assert client.spi(0x03, 0xFF, 0xF0, 0, read=256) == data
        assert (box.profile / "flash.bin").read_bytes()[0xFFF000:0xFFF100] == data


@pytest.mark.parametrize(
    "octets", [b"\x13\xff\xff\xff\x00\x00\x00", b"\x13\x01\x00\x00\xff\xff\xff\x9f"], ids=["out", "back"]
)
def test_too_much_at_once_ends_the_session(box, octets):
    with Client(box) as client:
        client.send(*octets)
        assert client.dropped()
    with Client(box) as client:
        assert client.ask(0) == ACK


@pytest.mark.parametrize("octets", [b"\x13\x00\x00\x00\x00\x00\x00", b"\x13", b"\x12"])
def test_empty_and_cut_off_commands(box, octets):
    with Client(box) as client:
        client.send(*octets)
    with Client(box) as client:
        assert client.ask(0) == ACK


def test_garbage(box):
    rng = random.Random(3)
    for _ in range(20):
        client = Client(box)
        client.send(*rng.randbytes(rng.randrange(1, 3000)))
        client.close()
    box.until(lambda: box.ctl("status")["power"] == "on")
    with Client(box) as client:
        assert client.ask(0x10, n=2) == NAK + ACK


def test_wrong_options(run):
    code, _, err = run("run", "--serprog", "nowhere")
    assert code == 2 and "give HOST:PORT" in err
    code, _, err = run("run", "--serprog", "127.0.0.1:0", "--serprog-timing", "slow")
    assert code == 2 and "there are bus and real" in err
