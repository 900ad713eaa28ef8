"""Short codes: what a phone asks and hears, octet by octet and by pycrate."""

import random

import pytest
from gsm_bench import Cell, read_by_pycrate
from hypothesis import given
from hypothesis import strategies as st
from test_gsm_cc import mutate

from femtojack.gsm import alphabet, ss
from femtojack.gsm.ussd import Ussd

PD = 11


class Rig:
    def __init__(self, line="all is well"):
        self.cell = Cell("201")
        self.trace = []
        Ussd(self.cell, lambda: line, lambda point, data: self.trace.append((point, bytes(data))))

    def ask(self, octets):
        """The answer to one message, hexadecimal digits; its connection is closed."""
        connection = self.cell.phone_opens(PD, self.cell.subscribers.all[0], 0)
        self.cell.phone_sends(connection, octets, 0)
        assert connection.released and len(connection.sent) <= 1
        return connection.sent[0] if connection.sent else b""


def register(code, operation=59, scheme=0x0F, number=5):
    packed = alphabet.pack(alphabet.septets(code))
    parameter = ss.text_parameter(scheme, packed)
    operation = bytes((2, 1, operation))
    component = bytes((0xA1, 3 + len(operation) + len(parameter), 2, 1, number)) + operation + parameter
    return bytes((0x1B, 0x7B, 0x1C, len(component))) + component + bytes((0x7F, 1, 0))


def answer(octets):
    """(component's tag, text) of the RELEASE COMPLETE."""
    assert octets[:2] == b"\x9b\x2a" and octets[2] == 0x1C
    assert read_by_pycrate(octets)
    tag, value, _ = ss.element(octets[4:])
    _, number, rest = ss.element(value)
    assert number == b"\5"
    if tag != 0xA2:
        return tag, rest[2]
    _, sequence, _ = ss.element(rest)
    _, operation, parameter = ss.element(sequence)
    assert operation == b"\x3b"
    scheme, packed = ss.text(parameter)
    assert scheme == 0x0F
    return tag, alphabet.text_of(alphabet.unpack(packed, len(packed) * 8 // 7)).rstrip("\r")


def test_the_phones_own_number():
    assert answer(Rig().ask(register("*#100#"))) == (0xA2, "Your number: 201")


@pytest.mark.parametrize("count", range(1, 200, 7))
def test_the_box_in_a_line_of_any_length(count):
    line = ("12345678" * 30)[:count]
    tag, text = answer(Rig(line).ask(register("*#101#")))
    assert (tag, text.rstrip("@")) == (0xA2, line[:182])


def test_what_is_no_code_of_ours():
    assert answer(Rig().ask(register("*#21#"))) == (0xA3, ss.UNEXPECTED_DATA_VALUE)
    assert answer(Rig().ask(register("x", scheme=0x48))) == (0xA3, ss.UNEXPECTED_DATA_VALUE)


@pytest.mark.parametrize("operation", [10, 14, 17, 19, 124])
def test_other_services_are_not_had(operation):
    assert answer(Rig().ask(register("x", operation)))[1] == ss.FACILITY_NOT_SUPPORTED


@pytest.mark.parametrize(
    ("octets", "answer"),
    [
        ("1b 7b", "9b 2a 08 02 e1 e0"), ("1b 7b 1c 03 a1 09 02", "9b 2a 08 02 e1 e0"),
        ("1b 7a 1c 00", "9b 2a 08 02 e1 d1"), ("1b 6a", ""), ("1b", ""), ("7b 7b 00", ""),
    ],
)  # fmt: skip
def test_what_cannot_be_read(octets, answer):
    assert Rig().ask(bytes.fromhex(octets)).hex(" ") == answer


def test_a_linked_invocation_is_read():
    invoke = ss.invoke(bytes.fromhex("a1 09 02 01 05 80 01 01 02 01 3b"))
    assert (invoke.number, invoke.operation) == (5, 59)


@given(st.binary(min_size=1, max_size=80))
def test_any_octets(octets):
    Rig().ask(bytes((octets[0] & 0xF0 | PD,)) + octets[1:])


def test_mutated_requests():
    rng = random.Random(3)
    rig = Rig()
    for _ in range(5000):
        octets = mutate(rng, register(rng.choice(("*#100#", "*#101#", "*#9#"))))
        if octets:
            rig.ask(bytes((octets[0] & 0xF0 | PD,)) + octets[1:])
