"""A running box over USB/IP: the firmware behind every octet, a hostile client beside a call, and what is refused."""

import json
import random
import socket
import struct
import time
from contextlib import suppress

import pytest
from boot import boot

from femtohost.peers.usb_errors import UsbError
from femtohost.peers.usbip_client import UsbipClient

BLOCK = 2048
DEVICE = 0x10002
PATIENCE = 300  # s: a loaded machine is slow, not wrong
MEMORY = 16 << 20  # octets that hostile clients may make a box take
IMPORT = struct.pack(">HHI32s", 0x0111, 0x8003, 0, b"1-1")


def make_disc(path):
    """An image file of that path; its octets."""
    octets = bytearray(random.Random(1).randbytes(200 * BLOCK))
    octets[16 * BLOCK + 1 : 16 * BLOCK + 6] = b"CD001"
    path.write_bytes(octets)
    return bytes(octets)


@pytest.fixture(scope="module")
def iso(tmp_path_factory):
    """The path of an image."""
    path = tmp_path_factory.mktemp("usbip") / "disc.iso"
    make_disc(path)
    return path


@pytest.fixture
def disc(iso):
    return iso.read_bytes()


@pytest.fixture(scope="module")
def exported(start_module, iso):
    return start_module("", "--iso", str(iso), "--usbip", "127.0.0.1:0")


@pytest.fixture
def box(exported, iso):
    exported.ctl("disc", action="load", file=str(iso))
    return boot(exported)


def port(box):
    return int(box.ready["addresses"]["usbip"].rpartition(":")[2])


def connect(box):
    return UsbipClient("127.0.0.1", port(box), PATIENCE)


def attach(box):
    """An honest client with the device. It may have to wait until the box has heard that another one went."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        client = connect(box)
        try:
            client.attach()
        except UsbError:
            client.detach()
            continue
        client.enumerate()
        ready(client)
        return client
    raise AssertionError(box.ctl("status"))


def ready(client):
    """Until its disc can be read."""
    end = time.monotonic() + PATIENCE
    while status := client.scsi(bytes(6)).status:
        assert time.monotonic() < end, status


def test_the_disc_the_serial_number_and_the_power(box, disc):
    client = attach(box)
    box.event("usb", state="configured")
    serial = client.serial
    assert client.read_disc() == disc
    with pytest.raises(UsbError):
        connect(box).attach()  # a second importer
    box.ctl("power", state="off")
    with pytest.raises(UsbError):
        client.control(0x80, 8, length=1)
    assert connect(box).devices() == []
    box.ctl("power", state="on")
    box.event("line", state="on-hook")
    client = attach(box)
    assert client.serial == serial and client.read_disc(16, 1) == disc[16 * BLOCK : 17 * BLOCK]
    assert (box.profile / "store" / "serial").read_text() == serial
    assert box.ctl("status")["misuse"] == []


def test_the_disc_is_changed_by_command(box, disc, tmp_path, run):
    client = attach(box)
    box.ctl("disc", action="eject")
    assert client.scsi(bytes(6)).sense[:2] == (2, 0x3A)
    other = bytearray(disc[: 100 * BLOCK])
    other[-1] ^= 1
    (tmp_path / "other.iso").write_bytes(other)
    box.ctl("disc", action="load", file=str(tmp_path / "other.iso"))
    ready(client)
    assert client.read_disc() == other
    code, _, err = run("ctl", "--profile", box.profile, "usb", "load", tmp_path / "none.iso")
    assert code == 2 and err.count("\n") == 1


def call(start, iso):
    """Two boxes in a call; the caller's USB port is exported, with that disc."""
    callee = start(name="callee")
    config = f'[sip]\nserver = "{callee.ready["addresses"]["sip"]}"\nuser = ""\n'
    caller = start(config, "--usbip", "127.0.0.1:0", "--iso", str(iso), name="caller")
    for each in (caller, callee):
        each.event("line", state="on-hook")
    caller.ctl("off-hook")
    caller.ctl("dial", digits="100#")
    callee.event("line", state="ringing")
    callee.ctl("off-hook")
    caller.event("call", state="talking")
    return caller


def test_hostile_clients_do_not_end_a_call(start, iso):
    caller = call(start, iso)
    before = caller.memory()
    rng = random.Random(11)
    for octets in ATTACKS * 3:
        attack(port(caller), octets(rng))
        attach(caller).detach()
    status = caller.ctl("status")
    assert status["call"] == "talking" and status["misuse"] == []
    assert caller.memory() - before < MEMORY


def attack(number, octets):
    """Send, read nothing, and go with a reset."""
    with socket.create_connection(("127.0.0.1", number), PATIENCE) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        with suppress(OSError):  # dropped: that is the defence
            client.sendall(octets)


def submit(seqnum, endpoint=0, direction=1, length=64, packets=0, setup=bytes((0x80, 8, 0, 0, 0, 0, 1, 0))):
    return struct.pack(">10I8s", 1, seqnum, DEVICE, direction, endpoint, 0, length, 0, packets, 0, setup)


CONFIGURE = submit(1, direction=0, length=0, setup=bytes((0, 9, 1, 0, 0, 0, 0, 0)))
LONG_READ = struct.pack("<4sIIBBB16s", b"USBC", 1, 1 << 20, 0x80, 0, 10, b"\x28" + bytes(6) + b"\2\0")
ATTACKS = [
    lambda rng: rng.randbytes(1 << 16),
    lambda rng: IMPORT[: rng.randrange(1, len(IMPORT))],
    lambda rng: IMPORT + rng.randbytes(1 << 12),
    lambda rng: IMPORT + submit(1, length=0xFFFFFFFF),
    lambda rng: IMPORT + submit(1, endpoint=3, packets=1 << 31),
    lambda rng: IMPORT + CONFIGURE + b"".join(submit(i, 5) for i in range(2, 600)),
    lambda rng: IMPORT + CONFIGURE + b"".join(submit(i, 2, 0) + rng.randbytes(64) for i in range(2, 200)),
    lambda rng: IMPORT + b"".join(submit(i, setup=bytes((0x80, 6, 0, 2, 0, 0, 255, 0))) for i in range(1, 20_000)),
    lambda rng: IMPORT + CONFIGURE + submit(2, 2, 0, 31) + LONG_READ + submit(3, 1, 1, 1 << 20),
    lambda rng: IMPORT + CONFIGURE + b"".join(_setup(rng, i) for i in range(2, 500)),
    lambda rng: IMPORT + CONFIGURE + _wrong_field(rng),
    lambda rng: IMPORT + CONFIGURE + submit(7, 5) * 2,
    lambda rng: IMPORT + CONFIGURE + b"".join(submit(i, 5) for i in range(2, 502)) + _unlinks(rng),
    lambda rng: IMPORT + CONFIGURE + _wrong_packets(rng),
    lambda rng: rng.choice((IMPORT, b"")) + struct.pack(">HHI", rng.randrange(1 << 16), rng.randrange(1 << 16), 0),
]


def _wrong_field(rng):
    """A request of which one field cannot be: command, device, direction, endpoint or length."""
    fields = {0: 1, 2: DEVICE, 3: rng.randrange(2), 4: rng.randrange(6), 6: 64}
    which, values = rng.choice(((0, (0, 3, 5)), (2, (0, 0x10003)), (3, (2, 7)), (4, (16, 255)), (6, (1 << 31, -1))))
    fields[which] = rng.choice(values) & 0xFFFFFFFF
    command, device, direction, endpoint, length = fields.values()
    return struct.pack(">10I8s", command, 1, device, direction, endpoint, 0, length, 0, 0, 0, bytes(8))


def _unlinks(rng):
    """Of all that pends, of that again, of what there never was, and of themselves."""
    targets = [*range(2, 502), *range(2, 502), *(rng.randrange(1 << 32) for _ in range(50))]
    requests = [(1000 + i, target) for i, target in enumerate(targets)] + [(5000, 5000)]
    return b"".join(struct.pack(">6I24s", 2, number, DEVICE, 0, 0, target, bytes(24)) for number, target in requests)


def _wrong_packets(rng):
    """An isochronous table whose packets overlap, or end behind the data."""
    rows = rng.choice(([(0, 16), (8, 16)], [(0, 16), (16, 17)], [(16, 16), (0, 16)], [(1 << 31, 1 << 31), (0, 1)]))
    table = b"".join(struct.pack(">4I", offset, size, 0, 0) for offset, size in rows)
    choose = submit(2, direction=0, length=0, setup=bytes((1, 11, 1, 0, 2, 0, 0, 0)))
    return choose + submit(3, 3, 1, 32, len(rows)) + table


def _setup(rng, seqnum):
    """A control request of noise, mostly to interfaces that there are."""
    setup = bytes((rng.choice([0x01, 0x21, 0x22, 0x81, 0xA1, 0xA2]), rng.randrange(16), *rng.randbytes(2)))
    setup += bytes((rng.randrange(6), rng.randrange(3), rng.randrange(80), 0))
    inward = setup[0] >> 7
    return submit(seqnum, 0, inward, setup[6], setup=setup) + (b"" if inward else rng.randbytes(setup[6]))


# -- what a person may get wrong --------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["nonsense", "127.0.0.1", ":3240", "127.0.0.1:70000", "no.such.host.invalid:0"])
def test_an_address_that_is_none_is_one_line(run, value):
    code, _, err = run("run", "--usbip", value)
    assert code == 2 and err.count("\n") == 1 and "--usbip" in err


def test_a_port_that_is_taken_is_one_line(run):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        code, _, err = run("run", "--usbip", f"127.0.0.1:{taken.getsockname()[1]}")
    assert code == 2 and err.count("\n") == 1 and "in use" in err


def test_a_disc_that_is_none_is_one_line(run, tmp_path):
    (tmp_path / "a.iso").write_bytes(bytes(100))
    for name in ("a.iso", "none.iso"):
        code, _, err = run("run", "--iso", tmp_path / name)
        assert code == 2 and err.count("\n") == 1 and name in err


def test_the_bench_gives_figures(run):
    code, out, _ = run("bench", "usb", "--seconds", "0.1", "--json")
    figures = json.loads(out)
    assert code == 0 and figures["read_mb_s"] > 0
    assert 0 < figures["control_us"]["best"] <= figures["control_us"]["median"] <= figures["control_us"]["p99"]


def test_loopback_wants_a_host_and_a_word(box, run):
    for words, saying in ((("loopback", "on"), "attach"), (("loopback", "sideways"), "on or off")):
        code, _, err = run("ctl", "--profile", box.profile, "usb", *words)
        assert code == 2 and err.count("\n") == 1 and saying in err
    client = attach(box)
    assert run("ctl", "--profile", box.profile, "usb", "loopback", "on")[0] == 0
    assert client.get_report(3, 0, 64)[1] & 0x10
    assert "configured" in run("ctl", "--profile", box.profile, "usb", "status")[1]
