"""Bulk-Only Transport by hand: the thirteen cases of section 6.7, invalid wrappers, and what is abandoned."""

import struct

import pytest

INTERFACE, DRIVER, IN, OUT = 0, "usb-storage", 0x81, 0x02
PASSED, FAILED, PHASE_ERROR = 0, 1, 2


class Storage:
    """The host's side of the transport: wrappers, recovery."""

    def __init__(self, pc):
        self._pc, self._tag = pc, 0x1000
        self.bulk, self.clear_halt = pc.bulk, pc.clear_halt

    def reset(self):
        """5.3.4: reset recovery."""
        self._pc.control(0x21, 0xFF, 0, INTERFACE)
        self.clear_halt(IN)
        self.clear_halt(OUT)

    def wrapper(self, command, length, inward):
        self._tag += 1
        head = struct.pack("<4sIIBBB", b"USBC", self._tag, length, 0x80 if inward else 0, 0, len(command))
        return head + command.ljust(16, b"\0")

    def status(self):
        """(residue, status); a halt before it is cleared once (figure 2)."""
        try:
            raw = self.bulk(IN, length=13)
        except BrokenPipeError:
            self.clear_halt(IN)
            raw = self.bulk(IN, length=13)
        if not raw:  # the empty packet that ended the data
            raw = self.bulk(IN, length=13)
        signature, tag, residue, status = struct.unpack("<4sIIB", raw)
        assert (signature, tag) == (b"USBS", self._tag)
        return residue, status

    def command(self, command, length, inward):
        """(octets moved, or None after a halt, residue, status)"""
        self.bulk(OUT, self.wrapper(command, length, inward))
        moved = self._move(length, inward)
        return moved, *self.status()

    def _move(self, length, inward):
        if not length:
            return 0
        try:
            return len(self.bulk(IN, length=length)) if inward else self.bulk(OUT, bytes(length))
        except BrokenPipeError:
            self.clear_halt(IN if inward else OUT)
            return None

    def works(self):
        """A command goes through: at most a unit attention is told before."""
        for _ in range(3):
            if self.command(READY, 0, False)[2] == PASSED:
                return True
            self.command(bytes((3, 0, 0, 0, 18, 0)), 18, True)
        return False

    def halts(self, endpoint, *data, **length):
        """Whether a transfer ends with a stall."""
        try:
            self.bulk(endpoint, *data, **length)
        except BrokenPipeError:
            return True
        return False


@pytest.fixture(scope="module")
def taken(pc):
    pc.take(INTERFACE, DRIVER)
    yield Storage(pc)
    pc.give_back(INTERFACE, DRIVER)
    pc.disc()


@pytest.fixture
def storage(taken):
    taken.reset()
    yield taken
    taken.reset()
    assert taken.works()


READY, INQUIRY = bytes(6), bytes((0x12, 0, 0, 0, 36, 0))
READ_ONE = struct.pack(">BBIBHB", 0x28, 0, 0, 0, 1, 0)
WRITE_ONE, WRITE_TWO = (struct.pack(">BBIBHB", 0x2A, 0, 0, 0, n, 0) for n in (1, 2))

# case: command, the host's length and direction (True: in), statuses, octets moved, residue; None: any
CASES = {
    "1 Hn=Dn": (READY, 0, False, {PASSED, FAILED}, 0, 0),
    "2 Hn<Di": (INQUIRY, 0, False, {PHASE_ERROR}, 0, None),
    "3 Hn<Do": (WRITE_ONE, 0, False, {FAILED, PHASE_ERROR}, 0, None),
    "4 Hi>Dn": (READY, 64, True, {PASSED, FAILED}, 0, 64),
    "5 Hi>Di": (INQUIRY, 255, True, {PASSED}, 36, 219),
    "5 Hi>Di, whole packets": (READ_ONE, 4096, True, {PASSED}, 2048, 2048),
    "6 Hi=Di": (INQUIRY, 36, True, {PASSED}, 36, 0),
    "6 Hi=Di, a block": (READ_ONE, 2048, True, {PASSED}, 2048, 0),
    "7 Hi<Di": (INQUIRY, 8, True, {PHASE_ERROR}, None, None),
    "7 Hi<Di, a block": (READ_ONE, 512, True, {PHASE_ERROR}, None, None),
    "8 Hi<>Do": (WRITE_ONE, 2048, True, {FAILED, PHASE_ERROR}, None, None),
    "9 Ho>Dn": (READY, 64, False, {PASSED, FAILED}, None, 64),
    "10 Ho<>Di": (INQUIRY, 36, False, {PHASE_ERROR}, None, None),
    "11 Ho>Do": (WRITE_ONE, 4096, False, {FAILED, PHASE_ERROR}, None, None),
    "12 Ho=Do": (WRITE_ONE, 2048, False, {FAILED, PHASE_ERROR}, None, None),
    "13 Ho<Do": (WRITE_TWO, 2048, False, {FAILED, PHASE_ERROR}, None, None),
}


@pytest.mark.parametrize("case", CASES)
def test_the_thirteen_cases(storage, case):
    command, length, inward, statuses, moved, residue = CASES[case]
    went, left, status = storage.command(command, length, inward)
    assert status in statuses
    assert moved is None or went is None or went == moved
    assert residue is None or left == residue


SPOILED = {
    "signature": lambda good: b"XSBC" + good[4:],
    "30 octets": lambda good: good[:30],
    "32 octets": lambda good: good + b"\0",
    "no command": lambda good: good[:14] + b"\0" + good[15:],
    "17 octets of command": lambda good: good[:14] + b"\x11" + good[15:],
    "a status": lambda good: b"USBS" + bytes(9),
    "512 octets": lambda good: good.ljust(512, b"\0"),
}


@pytest.mark.parametrize("case", SPOILED)
def test_an_invalid_wrapper_halts_until_the_reset(storage, case):
    """6.6.1"""
    storage.halts(OUT, SPOILED[case](storage.wrapper(READY, 0, False)))
    assert storage.halts(IN, length=13)
    storage.clear_halt(IN)
    assert storage.halts(IN, length=13)
    storage.clear_halt(OUT)
    assert storage.halts(OUT, storage.wrapper(READY, 0, False))


def test_an_abandoned_read(storage):
    storage.bulk(OUT, storage.wrapper(struct.pack(">BBIBHB", 0x28, 0, 0, 0, 4, 0), 8192, True))
    assert len(storage.bulk(IN, length=2048)) == 2048


def test_an_abandoned_write(storage):
    storage.bulk(OUT, storage.wrapper(WRITE_ONE, 2048, False))


def test_there_is_nothing_to_read_without_a_command(storage):
    with pytest.raises(TimeoutError):
        storage.bulk(IN, length=13, ms=200)


# request type, request, value, index, length
ODD = (
    (0x80, 6, 0x0F00, 0, 255), (0x80, 6, 0x03FE, 0x409, 255), (0xC0, 0x55, 0, 0, 64),
    (0x80, 6, 0x0600, 0, 10), (0xA1, 0x99, 0, INTERFACE, 8), (0x80, 0xEE, 0, 0, 4),
)  # fmt: skip


@pytest.mark.parametrize("request_", ODD)
def test_requests_that_nobody_should_make_are_stalled(storage, pc, request_):
    with pytest.raises(BrokenPipeError):
        pc.control(*request_[:4], length=request_[4])
