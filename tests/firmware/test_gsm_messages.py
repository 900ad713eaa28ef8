"""Every message that the cell builds: its octets by hand, and read back by pycrate, which wrote none of it."""

import contextlib
import io

import pytest

from femtojack.config import validate
from femtojack.gsm import broadcast, l3

with contextlib.redirect_stdout(io.StringIO()):  # it prints about optional parts
    from pycrate_mobile import TS44018_RR
    from pycrate_mobile.NAS import parse_NAS_MT

LAI = l3.area("001", "01", 1)
TMSI = bytes.fromhex("7b9dc2cd")
RAND = bytes(range(16))
TCH = l3.channel_description(0x0A, 7, 60)
REFERENCE = broadcast.request_reference(0x0E, 126909)
SETTINGS = validate({"gsm": {"cell_id": 0x1B39, "periodic_update": 6, "combined": True, "emergency": False}})["gsm"]

DEDICATED = {
    "CHANNEL RELEASE": (l3.channel_release(0), "060d00"),
    "CIPHERING MODE COMMAND A5/1": (l3.ciphering_mode_command(1, True), "063511"),
    "CIPHERING MODE COMMAND A5/3": (l3.ciphering_mode_command(3, False), "063505"),
    "CIPHERING MODE COMMAND none": (l3.ciphering_mode_command(0, False), "063500"),
    "ASSIGNMENT COMMAND": (l3.assignment_command(TCH, 14, 1), "062e0ae03c0e6301"),
    "CHANNEL MODE MODIFY": (l3.channel_mode_modify(TCH, 1), "06100ae03c01"),
    "CLASSMARK ENQUIRY": (l3.classmark_enquiry(), "0613"),
    "RR STATUS": (l3.rr_status(l3.UNKNOWN_TYPE), "061261"),
    "IDENTITY REQUEST": (l3.identity_request(l3.IMSI), "051801"),
    "AUTHENTICATION REQUEST": (l3.authentication_request(3, RAND), "051203" + RAND.hex()),
    "AUTHENTICATION REJECT": (l3.authentication_reject(), "0511"),
    "LOCATION UPDATING ACCEPT": (l3.location_updating_accept(LAI, TMSI), "050200f11000011705f47b9dc2cd"),
    "LOCATION UPDATING ACCEPT, no TMSI": (l3.location_updating_accept(LAI), "050200f1100001"),
    "LOCATION UPDATING REJECT": (l3.location_updating_reject(l3.LA_NOT_ALLOWED), "05040c"),
    "TMSI REALLOCATION COMMAND": (l3.tmsi_reallocation_command(LAI, TMSI), "051a00f110000105f47b9dc2cd"),
    "CM SERVICE ACCEPT": (l3.cm_service_accept(), "0521"),
    "CM SERVICE REJECT": (l3.cm_service_reject(l3.IMSI_UNKNOWN_IN_VLR), "052204"),
    "MM STATUS": (l3.mm_status(l3.NOT_COMPATIBLE), "053162"),
}


@pytest.mark.parametrize("name", DEDICATED)
def test_messages_to_a_phone(name):
    octets, expected = DEDICATED[name]
    assert octets.hex() == expected
    message, error = parse_NAS_MT(octets)
    assert error == 0, name
    assert message.to_bytes() == octets


COMMON = {
    "RRSystemInfo1": "55061900000000000000000802000000000000e504002b",
    "RRSystemInfo2": "59061a00000000000000000000000000000000ffe50400",
    "RRSystemInfo3": "49061b1b3900f1100001490001274e00e504002b2b2b2b",
    "RRSystemInfo4": "31061c00f11000014e00e504002b2b2b2b2b2b2b2b2b2b",
    "RRSystemInfo5": "0303" + "49061d00000000000000000000000000000000",
    "RRSystemInfo6": "0303" + "2d061e1b3900f110000127ff2b2b2b2b2b2b2b",
}


def _read(name, octets):
    message = getattr(TS44018_RR, name)()
    message.from_bytes(octets)
    assert message.to_bytes() == octets
    return message


@pytest.mark.parametrize(("index", "name"), list(enumerate(COMMON, 1)))
def test_system_information(index, name):
    blocks = dict(broadcast.Broadcast(SETTINGS, LAI).blocks())
    block = blocks[index]
    assert len(block) == (21 if index > 4 else 23)
    assert block.hex() == COMMON[name].ljust(2 * len(block), "0")
    _read(name, block[2:] if index > 4 else block)


def test_immediate_assignment():
    description = l3.channel_description(0x20, 7, 50)
    block = broadcast.immediate_assignment(description, REFERENCE, 0)
    assert block.hex() == "2d063f0320e0320efaa300002b2b2b2b2b2b2b2b2b2b2b"
    _read("RRImmediateAssignment", block)


def test_immediate_assignment_reject():
    other = broadcast.request_reference(5, 127310)
    block = broadcast.immediate_assignment_reject([REFERENCE + b"\5", other + b"\6"])
    assert block.hex() == "4d063a03" + "0efaa305" + 3 * "0501ce06" + "2b2b2b"
    _read("RRImmediateAssignmentReject", block)


@pytest.mark.parametrize(
    ("identity", "expected"),
    [
        (l3.identity_of_tmsi(bytes.fromhex("89b948ea")), "2506210005f489b948ea" + "2b" * 13),
        (l3.identity_of_digits(l3.IMSI, "001010000000001"), "31062100080910100000000010" + "2b" * 10),
    ],
)
def test_paging(identity, expected):
    block = broadcast.paging_request(identity)
    assert block.hex() == expected
    _read("RRPagingReq1", block)


@pytest.mark.parametrize(
    ("arfcns", "expected"),
    [
        ((), "00" * 16),
        ((1, 124), "08" + "00" * 14 + "01"),
        ((512,), "8f0000" + "00" * 13),
        ((512, 513), "8f0040" + "00" * 13),
        ((885, 774), "8f8300" + "00" * 12 + "01"),
    ],
)
def test_frequency_list(arfcns, expected):
    """TS 44.018 10.5.2.13: bit map 0, and variable bit map from 512 on."""
    assert broadcast.frequency_list(arfcns).hex() == expected


def test_paging_groups():
    """TS 45.002 6.5.2: 8 or 2 paging blocks in a multiframe, 2 multiframes."""
    for combined, groups in ((False, 16), (True, 4)):
        settings = {**SETTINGS, "combined": combined}
        assert broadcast.Broadcast(settings, LAI).paging_groups == groups


def test_identities():
    for kind, digits, octets in (
        (l3.IMSI, "001010000000001", "0910100000000010"),
        (l3.IMEISV, "3500000000000012", "3305000000000010f2"),
        (l3.IMSI, "00101000000002", "01101000000000f2"),
    ):
        value = l3.identity_of_digits(kind, digits)
        assert l3.identity(value) == (kind, digits)
        assert value.hex() == octets
    assert l3.identity(l3.identity_of_tmsi(TMSI)) == (l3.TMSI, TMSI)


@pytest.mark.parametrize(
    "octets", ["", "f4", "f4010203", "f40102030405", "09", "0910a00000000010", "00", "05f4", "91" * 10]
)
def test_bad_identities(octets):
    assert l3.identity(bytes.fromhex(octets)) == (l3.NO_IDENTITY, "")


def test_elements():
    message = memoryview(bytes.fromhex("0345 04 03600280 5e 03 8120a1 a1 15 01 01"))
    assert l3.pd(message) == 3 and l3.message_type(message) == 5
    assert l3.find(message, 2, 0x04) == bytes.fromhex("600280")
    assert l3.find(message, 2, 0x5E) == bytes.fromhex("8120a1")
    assert l3.find(message, 2, 0xA1) == b"\xa1"
    assert l3.find(message, 2, 0x15) == b"\1"
    assert l3.find(message, 2, 0x7C) is None
    for n in range(len(message)):  # cut off anywhere: never an exception
        assert l3.find(message[:n], 2, 0x15) is None


def test_elements_without_length():
    message = bytes.fromhex("3537 2c31 d3 1702 0102")
    assert l3.find(message, 2, 0x2C, b"\x2c\1") == b"1"
    assert l3.find(message, 2, 0xD0, b"\x2c\1") == b"\xd3"
    assert l3.find(message, 2, 0x17, b"\x2c\1") == b"\1\2"


def test_digits():
    assert l3.bcd("201") == b"\x02\xf1" and l3.bcd_digits(b"\x02\xf1") == "201"
    assert l3.bcd_digits(l3.bcd("*#0")) == "*#0"
    assert l3.area("310", "410", 0xABCD).hex() == "130014abcd"


def test_request_reference_by_hand():
    """TS 44.018 10.5.2.30: T1' = 126909 / 1326 mod 32 = 31, T3 = mod 51 = 21, T2 = mod 26 = 3."""
    assert (126909 // 1326 % 32, 126909 % 51, 126909 % 26) == (31, 21, 3)
    assert bytes((0x0E, 0b11111010, 0b10100011)) == REFERENCE
