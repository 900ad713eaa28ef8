"""The USB/IP server before a device that echoes: what Linux says, and what nobody should."""

import gc
import os
import queue
import random
import socket
import struct
import threading
import time
import types

import pytest
from controller_bench import BULK_IN, BULK_OUT, CAPTURE, PLAYBACK, REPORTS, WHOLE, Bench

from femtohost.bridges.usbip import LONGEST_TRANSFER, MOST_CONNECTIONS, MOST_PACKETS, MOST_PENDING, UsbipServer
from femtohost.clock import MOST_CANCELLED
from femtohost.peers.usb_errors import UsbError, UsbStall
from femtohost.peers.usbip_client import UsbipClient
from femtohost.wallclock import WallClock

DEVICE = 0x10002
PATIENCE = 300  # s: a loaded machine is slow, not wrong
GET_CONFIGURATION = bytes((0x80, 8, 0, 0, 0, 0, 1, 0))


class Served:
    """A bench in wall-clock mode in a thread of its own, with what UsbipServer wants of a Gateway."""

    def __init__(self):
        self.bench = Bench()
        self.bench.on_done = self._echo
        self._buffer = bytearray(4096)
        self.loop = WallClock()
        self.loop.follow(self.bench.clock)
        board = types.SimpleNamespace(usb_controller=self.bench.controller)
        self.box = types.SimpleNamespace(board=board, on_close=[])
        self.server = UsbipServer(self, "127.0.0.1", 0)
        self.port = int(self.server.address.rpartition(":")[2])
        self.clients = []
        self._actions = queue.Queue()
        self._bell, bell = socket.socketpair()
        self.loop.watch(bell, lambda: bell.recv(1) and self._actions.get()())
        self._thread = threading.Thread(target=self.loop.run)
        self._thread.start()

    def _echo(self, endpoint):
        """What came out goes in; the firmware's part of the loop."""
        if endpoint == BULK_OUT:
            self.bench.usb.submit_xfer(BULK_IN, bytes(self._buffer[: self.bench.done[-1][2]]))
        elif endpoint == BULK_IN:
            self.listen()

    def listen(self):
        self.bench.usb.submit_xfer(BULK_OUT, self._buffer)

    def connect(self):
        self.clients.append(UsbipClient("127.0.0.1", self.port, PATIENCE))
        return self.clients[-1]

    def attach(self):
        """An honest client with the device, enumerated."""
        client = self.connect()
        client.attach()
        client.enumerate()
        self.do(self.listen)
        return client

    def do(self, action):
        """Let the loop's thread do `action()`."""
        done = threading.Event()
        result = []

        def act():
            result.append(action())
            done.set()

        self._actions.put(act)
        self._bell.send(b"!")
        assert done.wait(PATIENCE)
        return result[0]

    def close(self):
        for client in self.clients:
            client.detach()
        self.loop.stop()
        self._thread.join()
        self.server.close()


@pytest.fixture
def served():
    served = Served()
    yield served
    served.close()


def raw(served, *parts):
    """A connection that has sent `parts`."""
    client = socket.create_connection(("127.0.0.1", served.port), PATIENCE)
    client.sendall(b"".join(parts))
    return client


def ends(client):
    """Whether the server closes the connection, whatever it says before."""
    try:
        while client.recv(1 << 16):
            pass
    except ConnectionError:
        pass
    except TimeoutError:
        return False
    finally:
        client.close()
    return True


def attached(served):
    """A client that got the device: the server hears of the end of the one before from its socket."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        client = served.connect()
        try:
            client.attach()
            return client
        except UsbError:
            client.detach()
    raise AssertionError(f"not within {PATIENCE} s")


def serves_an_honest_client(served):
    """The device is there again, and works."""
    client = attached(served)
    client.enumerate()
    served.do(lambda: served.bench.usb.stall(BULK_OUT) or served.listen())
    client.write(BULK_OUT, b"honest")
    assert client.read(BULK_IN, 64) == b"honest"
    client.detach()


# -- what Linux does --------------------------------------------------------------------------------------------------


def test_a_client_lists_imports_and_enumerates(served):
    assert served.connect().devices() == ["1-1"]
    client = served.attach()
    assert client.configuration.octets == WHOLE and client.serial == "0123456789AB"


def test_data_goes_out_and_comes_back(served):
    client = served.attach()
    for n in (1, 100, 4000, 4096):
        data = random.Random(n).randbytes(n)
        assert client.write(BULK_OUT, data) == n
        assert client.read(BULK_IN, n) == data


def test_a_stall_is_a_status(served):
    client = served.attach()
    with pytest.raises(UsbStall):
        client.control(0x80, 6, 0x0600, length=10)


def test_a_read_waits_until_there_is_something(served):
    client = served.attach()
    number = client.submit(REPORTS, length=64)
    assert client.control(0x80, 8, length=1) == b"\1"
    served.do(lambda: served.bench.usb.submit_xfer(REPORTS, b"key"))
    assert client.wait(number)[:3] == (0, b"key", 3)


def test_an_unlinked_request_has_no_reply(served):
    client = served.attach()
    number = client.submit(REPORTS, length=64)
    assert client.unlink(number) == -104
    assert client.unlink(number) == 0 and client.unlink(12345) == 0
    served.do(lambda: served.bench.usb.submit_xfer(REPORTS, b"key"))
    assert client.read(REPORTS, 64) == b"key"


def test_a_second_importer_is_refused(served):
    served.attach()
    with pytest.raises(UsbError) as refused:
        served.connect().attach()
    assert refused.value.status == 2
    with pytest.raises(UsbError) as refused:
        served.connect().attach(b"1-2")
    assert refused.value.status == 4


def test_importing_again_begins_anew(served):
    first = served.attach()
    first.control(2, 3, 0, BULK_IN)  # halt it
    first.submit(REPORTS, length=64)
    first.detach()
    second = attached(served)
    assert second.control(0x80, 8, length=1) == b"\0"
    second.enumerate()
    assert second.control(0x82, 0, 0, BULK_IN, length=2) == b"\0\0"


def test_a_thousand_importers_leave_nothing_behind(served):
    """Each goes in the middle of something: a request that pends, sound both ways."""

    def cycle():
        client = attached(served)
        client.enumerate()
        client.set_interface(2, 1)
        client.submit(REPORTS, length=64)
        client.submit(CAPTURE, length=16 * 100, packets=[16] * 100)
        client.detach()
        served.clients.clear()
        served.bench.told.clear()

    def kept():
        gc.collect()
        return len(gc.get_objects()), len(os.listdir("/proc/self/fd")), served.bench.clock.places

    for _ in range(20):
        cycle()
    objects, files, places = served.do(kept)
    for _ in range(1000):
        cycle()
    more = [now - before for now, before in zip(served.do(kept), (objects, files, places), strict=True)]
    assert more[0] < 500 and more[1] <= 2 and more[2] <= MOST_CANCELLED, more


def test_there_is_nothing_to_import_without_power(served):
    served.do(lambda: [drop() for drop in served.box.on_close])
    box, served.box = served.box, None
    assert served.connect().devices() == []
    with pytest.raises(UsbError) as refused:
        served.connect().attach()
    assert refused.value.status == 1
    served.box = box


def test_the_importer_is_dropped_when_the_device_goes(served):
    client = served.attach()
    served.do(lambda: served.bench.usb.active(False))
    with pytest.raises(UsbError):
        client.control(0x80, 8, length=1)


def test_isochronous_packets_have_their_frames(served):
    client = served.attach()
    client.set_interface(2, 1)
    client.set_interface(3, 2)
    number = client.submit(CAPTURE, length=80, packets=[16] * 5)
    assert client.wait(number) == (0, bytes(80), 80, [(16, 0)] * 5)
    number = client.submit(PLAYBACK, data=bytes(range(96)), packets=[16] * 6)
    assert client.wait(number)[1:] == (b"", 96, [(16, 0)] * 6)
    out = bytearray(200)
    assert served.do(lambda: served.bench.audio.read(out)) == 96 and out[:96] == bytes(range(96))


def test_an_isochronous_request_to_a_silent_setting_stalls(served):
    client = served.attach()
    status, data, moved, packets = client.wait(client.submit(CAPTURE, length=16, packets=[16]))
    assert (status, data, moved) == (-32, b"", 0) and packets[0][0] == 0


# -- what nobody should do --------------------------------------------------------------------------------------------


def submit(seqnum=1, device=DEVICE, direction=1, endpoint=0, length=1, packets=0, setup=GET_CONFIGURATION, command=1):
    return struct.pack(
        ">10I8s", command, seqnum, device, direction, endpoint, 0, length & 0xFFFFFFFF, 0, packets, 0, setup
    )


def unlink(seqnum, target):
    return struct.pack(">6I24s", 2, seqnum, DEVICE, 0, 0, target, bytes(24))


IMPORT = struct.pack(">HHI32s", 0x0111, 0x8003, 0, b"1-1")
CONFIGURE = submit(99_999, direction=0, length=0, setup=bytes((0, 9, 1, 0, 0, 0, 0, 0)))
FIRST = {
    "version": struct.pack(">HHI", 0x0106, 0x8005, 0),
    "code": struct.pack(">HHI", 0x0111, 0x8007, 0),
    "request before import": submit(),
    "noise": b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
}
IMPORTED = {
    "unknown command": submit(command=5),
    "reply": submit(command=3),
    "direction 7": submit(direction=7),
    "endpoint 16": submit(endpoint=16),
    "length -1": submit(length=-1, direction=0),
    "length 2 GiB": submit(length=1 << 31, endpoint=1),
    "length above the limit": submit(length=LONGEST_TRANSFER + 1, endpoint=1),
    "wrong device": submit(device=0x10003),
    "second import": IMPORT,
    "duplicate number": CONFIGURE + submit(7, endpoint=5, length=64) * 2,
    "2**31 packets": submit(endpoint=3, length=16, packets=1 << 31),
    "no packets": submit(endpoint=3, length=16, packets=0),
    "too many packets": submit(endpoint=3, length=16, packets=MOST_PACKETS + 1) + bytes(16 * MOST_PACKETS + 16),
    "overlapping packets": submit(endpoint=3, length=32, packets=2) + struct.pack(">8I", 0, 16, 0, 0, 8, 16, 0, 0),
    "packets beyond": submit(endpoint=3, length=16, packets=1) + struct.pack(">4I", 8, 16, 0, 0),
    "too many at once": CONFIGURE + b"".join(submit(i + 1, endpoint=5, length=64) for i in range(2 * MOST_PENDING)),
}


@pytest.mark.parametrize("case", FIRST)
def test_what_is_no_operation_ends_the_connection(served, case):
    assert ends(raw(served, FIRST[case]))
    serves_an_honest_client(served)


@pytest.mark.parametrize("case", IMPORTED)
def test_what_is_no_request_ends_the_connection(served, case):
    assert ends(raw(served, IMPORT, IMPORTED[case]))
    serves_an_honest_client(served)
    assert served.server.refused == 1


@pytest.mark.parametrize(
    "part", [IMPORT[:1], IMPORT[:20], IMPORT + submit()[:30], IMPORT + submit(direction=0, length=64)]
)
def test_half_a_message_keeps_nobody_else_out(served, part):
    client = raw(served, part)
    if len(part) < len(IMPORT):
        serves_an_honest_client(served)
    client.close()
    serves_an_honest_client(served)


def test_octet_by_octet_is_served(served):
    client = raw(served)
    for octet in IMPORT + submit():
        client.sendall(bytes((octet,)))
    data = b""
    while len(data) < 8 + 312 + 48 + 1:
        data += client.recv(1000)
    assert data[-1:] == b"\0"
    client.close()


def test_idle_connections_are_bounded(served):
    idle = [raw(served) for _ in range(3 * MOST_CONNECTIONS)]
    serves_an_honest_client(served)
    assert served.do(lambda: sum(not c.closed for c in served.server._connections)) <= MOST_CONNECTIONS + 1
    for client in idle:
        client.close()


def test_a_setup_packet_unlike_its_buffer_moves_no_more_than_either(served):
    client = served.attach()
    setup = bytes((0x80, 6, 0, 2, 0, 0, 255, 0))
    assert client.wait(client.submit(0, setup=setup, length=9))[2] == 9
    setup = bytes((0x80, 6, 0, 2, 0, 0, 9, 0))
    assert client.wait(client.submit(0, setup=setup, length=200))[2] == 9
    setup = bytes((0x21, 9, 0, 2, 4, 0, 200, 0))  # promises 200 octets, sends 8
    assert client.wait(client.submit(0, setup=setup, data=bytes(8)))[0] == -32


def test_unlinking_itself_and_five_hundred_at_once(served):
    client = served.attach()
    numbers = [client.submit(REPORTS, length=64) for _ in range(500)]
    client._seqnum += 1000
    client.socket.sendall(b"".join(unlink(10_000 + n, n) for n in numbers) + unlink(20_000, 20_000))
    assert [client.wait(10_000 + n)[0] for n in numbers] == [-104] * 500
    assert client.wait(20_000)[0] == 0
    assert client.control(0x80, 8, length=1) == b"\1"


def test_a_reset_with_requests_pending_frees_the_device(served):
    client = served.attach()
    for _ in range(100):
        client.submit(REPORTS, length=64)
    client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.detach()
    serves_an_honest_client(served)


def test_a_client_that_never_reads_is_dropped(served):
    client = raw(served, IMPORT, CONFIGURE)
    request = b"".join(submit(2 + i, setup=bytes((0x80, 6, 0, 2, 0, 0, 0, 1)), length=256) for i in range(1000))
    with pytest.raises(OSError):
        for _ in range(200):
            client.sendall(request)
    client.close()
    serves_an_honest_client(served)


def test_noise_after_the_import_never_does_more_than_end_the_connection(served):
    """Requests of random fields: what is served is served, and the rest ends the connection."""
    rng = random.Random(5)
    for _ in range(60):
        client = raw(served, IMPORT)
        try:
            for i in range(20):
                client.sendall(_random_request(rng, i + 1))
        except OSError:
            pass
        client.close()
    assert served._thread.is_alive()
    serves_an_honest_client(served)


def _random_request(rng, seqnum):
    length = rng.choice([0, 1, 8, 31, 64, 512, 4096])
    direction, endpoint = rng.randrange(2), rng.choice([0, 0, 1, 2, 3, 4, 5, 9, 15])
    setup = bytes((rng.choice([0, 1, 2, 0x21, 0x22, 0x80, 0x81, 0x82, 0xA1, 0xC0]), rng.randrange(12))) + rng.randbytes(
        6
    )
    packets = rng.choice([0, 1, 1, 0xFFFFFFFF])
    body = b"" if direction else rng.randbytes(length)
    if rng.random() < 0.1:
        return unlink(seqnum, rng.randrange(1, 30))
    request = submit(seqnum, DEVICE, direction, endpoint, length, packets, setup)
    return request + body + (struct.pack(">4I", 0, min(length, 16), 0, 0) if packets == 1 else b"")
