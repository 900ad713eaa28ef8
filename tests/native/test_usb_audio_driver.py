"""The class driver of the sound card (native/usermod/femtousb/uac.c), with a stack and a controller that stand in."""

import subprocess
from pathlib import Path

import pytest
from cffi import FFI
from hypothesis import given
from hypothesis import strategies as st

from femtojack.usb import device, hid

HERE = Path(__file__).parent
SOURCES = HERE.parents[1] / "native/usermod/femtousb"
CAPTURE, PLAYBACK, CONTROL = 2, 3, 1  # interfaces, as femtojack.usb.device numbers them
IN, OUT = 0x83, 0x04
UNIT = 2
FIFO, CUSHION, FRAME = 2048, 320, 16
SET_CUR, GET_CUR, GET_MIN, GET_MAX, GET_RES = 0x01, 0x81, 0x82, 0x83, 0x84
MUTE, VOLUME = 1, 2

DECLARATIONS = """
void stack_init(void);
void stack_reset(void);
int stack_masked(void);
int stack_open(const uint8_t *descriptors, int length);
int stack_request(const uint8_t *setup, uint8_t *octets);
bool stack_out(uint8_t address, const uint8_t *octets, int n);
int stack_in(uint8_t address, uint8_t *octets);
uint8_t uac_alternate(unsigned interface);
size_t uac_read(uint8_t *out, size_t n);
size_t uac_write(const uint8_t *in, size_t n);
size_t uac_space(void);
bool uac_mute(void);
int uac_volume(void);
uint32_t uac_gaps(void);
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    ffi = FFI()
    ffi.cdef(DECLARATIONS)
    built = tmp_path_factory.mktemp("uac") / "uac.so"
    warnings = ["-Wall", "-Wextra", "-Wno-unused-parameter", "-Werror", "-fsanitize=undefined", "-fno-sanitize-recover"]
    folders = [f"-I{HERE / 'tinyusb'}", f"-I{SOURCES}"]
    sources = [SOURCES / "uac.c", HERE / "tinyusb/stack.c"]
    command = ["gcc", "-std=gnu99", "-shared", "-fPIC", *warnings, *folders, *sources, "-o", built]
    subprocess.run(command, check=True)
    return ffi, ffi.dlopen(str(built))


class Card:
    """The driver behind the stack, and what a PC does with it."""

    def __init__(self, ffi, library):
        self.ffi, self.lib = ffi, library
        library.stack_init()
        library.stack_reset()

    def open(self, descriptors):
        return self.lib.stack_open(bytes(descriptors), len(descriptors))

    def request(self, kind, request, value, index, data=b"", length=None):
        """Octets that came, or None: stalled."""
        length = len(data) if length is None else length
        setup = bytes((kind, request, value & 255, value >> 8, index & 255, index >> 8, length & 255, length >> 8))
        octets = self.ffi.new("uint8_t[64]", data.ljust(64, b"\0"))
        n = self.lib.stack_request(setup, octets)
        return None if n < 0 else bytes(octets[0:n])

    def select(self, interface, alternate):
        return self.request(0x01, 11, alternate, interface) is not None

    def unit(self, request, selector, data=b"", channel=0, length=2):
        kind = 0xA1 if request & 0x80 else 0x21
        length = length if request & 0x80 else len(data)
        return self.request(kind, request, selector << 8 | channel, UNIT << 8 | CONTROL, data, length)

    def play(self, octets):
        return self.lib.stack_out(OUT, bytes(octets), len(octets))

    def record(self):
        octets = self.ffi.new("uint8_t[64]")
        n = self.lib.stack_in(IN, octets)
        return None if n < 0 else bytes(octets[0:n])

    def read(self, n):
        octets = self.ffi.new("uint8_t[]", n)
        return bytes(octets[0 : self.lib.uac_read(octets, n)])

    def write(self, octets):
        return self.lib.uac_write(bytes(octets), len(octets))


WHOLE = device.configuration(hid.report_descriptor())
INTERFACES = WHOLE[9:]


@pytest.fixture
def card(library):
    made = Card(*library)
    made.open(INTERFACES)
    yield made
    assert made.lib.stack_masked() == 0


def test_it_claims_the_audio_interfaces_and_no_other(library):
    storage, telephone = 9 + 2 * 7, 9 + 9 + 7
    assert Card(*library).open(INTERFACES) == len(INTERFACES) - storage - telephone


def test_settings_are_selected_and_told(card):
    assert [card.lib.uac_alternate(i) for i in range(6)] == [0] * 6
    assert card.select(PLAYBACK, 2) and card.select(CAPTURE, 1)
    assert card.lib.uac_alternate(PLAYBACK) == 2 and card.lib.uac_alternate(CAPTURE) == 1
    assert card.request(0x81, 10, 0, PLAYBACK, length=1) == b"\2"


def test_a_setting_that_there_is_not_is_refused(card):
    assert card.select(PLAYBACK, 1)
    assert not card.select(PLAYBACK, 3) and not card.select(CAPTURE, 2) and not card.select(CONTROL, 1)
    assert card.select(CONTROL, 0)
    assert card.lib.uac_alternate(PLAYBACK) == 1


def test_what_the_pc_plays_is_read(card):
    assert not card.play(bytes(FRAME)), "nothing waits in setting 0"
    card.select(PLAYBACK, 2)
    for n in range(10):
        assert card.play(bytes([n]) * FRAME)
    assert card.read(24) == bytes([0]) * 16 + bytes([1]) * 8
    assert card.read(1000) == bytes([1]) * 8 + b"".join(bytes([n]) * 16 for n in range(2, 10))
    assert card.read(10) == b""


def test_playback_that_nobody_reads_is_lost_and_counted(card):
    card.select(PLAYBACK, 2)
    before = card.lib.uac_gaps()
    for _ in range(FIFO // FRAME + 3):
        assert card.play(bytes(FRAME))
    assert len(card.read(2 * FIFO)) == FIFO
    assert card.lib.uac_gaps() - before == 3 * FRAME


def test_capture_waits_for_its_cushion_and_again_after_a_gap(card):
    assert card.write(bytes(10)) == 0 and card.lib.uac_space() == 0
    card.select(CAPTURE, 1)
    assert card.lib.uac_space() == FIFO
    assert card.write(bytes([7]) * (CUSHION - 2)) == CUSHION - 2
    assert card.record() == bytes(FRAME) and card.record() == bytes(FRAME)
    card.write(b"\7\7")
    assert card.record() == bytes(FRAME)  # was with the controller already
    heard = b"".join(card.record() for _ in range(CUSHION // FRAME))
    assert heard == bytes([7]) * CUSHION
    before = card.lib.uac_gaps()
    assert card.record() == bytes(FRAME) and card.lib.uac_gaps() == before
    card.write(bytes([9]) * FRAME)
    assert card.record() == bytes(FRAME) and card.record() == bytes(FRAME), "the cushion is not there"


def test_a_setting_begins_anew(card):
    card.select(PLAYBACK, 2)
    card.play(bytes([1]) * FRAME)
    card.select(PLAYBACK, 1)
    assert card.read(100) == b""
    assert card.play(bytes([2]) * 32), "16 kHz"
    card.select(PLAYBACK, 0)
    assert not card.play(bytes(FRAME))


def test_mute_and_volume(card):
    assert card.unit(GET_CUR, MUTE, length=1) == b"\0" and card.unit(GET_CUR, VOLUME) == b"\0\0"
    assert card.unit(SET_CUR, MUTE, b"\1") is not None and card.lib.uac_mute()
    for given_, kept in ((-10 * 256, -10 * 256), (-100 * 256, -48 * 256), (5, 0)):
        card.unit(SET_CUR, VOLUME, given_.to_bytes(2, "little", signed=True))
        assert card.lib.uac_volume() == kept
    ranges = [int.from_bytes(card.unit(r, VOLUME), "little", signed=True) for r in (GET_MIN, GET_MAX, GET_RES)]
    assert ranges == [-48 * 256, 0, 256]


@pytest.mark.parametrize(
    "refused",
    [
        lambda card: card.unit(SET_CUR, MUTE, b"\1\0"),
        lambda card: card.unit(SET_CUR, VOLUME, b"\1"),
        lambda card: card.unit(SET_CUR, VOLUME, b"\1\0", channel=1),
        lambda card: card.unit(GET_CUR, 3),
        lambda card: card.unit(GET_MIN, MUTE),
        lambda card: card.request(0xA1, GET_CUR, VOLUME << 8, (UNIT + 1) << 8 | CONTROL, length=2),
        lambda card: card.request(0xA1, GET_CUR, VOLUME << 8, UNIT << 8 | PLAYBACK, length=2),
        lambda card: card.request(0x22, SET_CUR, 0x100, OUT, b"\x40\x1f\0"),
    ],
)
def test_what_there_is_not_is_stalled(card, refused):
    assert refused(card) is None
    assert not card.lib.uac_mute() and card.lib.uac_volume() == 0


def test_a_bus_reset_ends_all(card):
    card.select(PLAYBACK, 2)
    card.unit(SET_CUR, MUTE, b"\1")
    card.play(bytes(FRAME))
    card.lib.stack_reset()
    assert card.lib.uac_alternate(PLAYBACK) == 0 and not card.lib.uac_mute() and card.read(10) == b""
    assert not card.select(PLAYBACK, 2)
    card.open(INTERFACES)
    assert card.select(PLAYBACK, 2) and card.play(bytes([3]) * FRAME) and card.read(100) == bytes([3]) * FRAME


@given(st.lists(st.tuples(st.sampled_from("prwc"), st.integers(1, 64)), max_size=200))
def test_no_octet_is_torn_or_turned(library, moves):
    """Whatever the order of frames, reads and writes, samples come out as they went in, silence apart."""
    card = Card(*library)
    card.open(INTERFACES)
    card.select(PLAYBACK, 2)
    card.select(CAPTURE, 1)
    played, heard, said, recorded = (bytearray() for _ in range(4))
    for n, (what, size) in enumerate(moves, 1):
        sample = bytes((n & 255, n >> 8 | 0x80))
        if what == "p" and len(played) - len(heard) <= FIFO - FRAME:
            played += sample * 8
            assert card.play(sample * 8)
        elif what == "r":
            heard += card.read(2 * size)
        elif what == "w":
            said += (sample * size)[: card.write(sample * size)]
        elif what == "c":
            recorded += card.record()
    assert played.startswith(heard)
    words = [bytes(recorded[i : i + 2]) for i in range(0, len(recorded), 2)]
    assert bytes(said).startswith(b"".join(word for word in words if word != b"\0\0"))


@given(st.data())
def test_descriptors_that_lie_do_no_harm(library, data):
    """Our own firmware makes them; still nothing is read or claimed past their end."""
    octets = bytearray(INTERFACES)
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(octets) - 1))
        octets[at] = data.draw(st.integers(0, 255))
    at = 0
    while at < len(octets):  # the stack itself walks by lengths
        length, kind = octets[at], octets[at + 1 : at + 2]
        if length < (9 if kind == b"\4" else 2) or at + length > len(octets):
            return
        at += length
    assert Card(*library).open(octets) >= 0
