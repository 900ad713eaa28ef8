"""The descriptors, read back by the standards' tables."""

from types import SimpleNamespace

import pytest
from usb_stand_in import Blocks, descriptors, interfaces, make_device

from femtojack.usb import device, hid


@pytest.fixture(params=[True, False], ids=["with sound card", "without"])
def usb(request):
    return make_device(usb_audio=object() if request.param else None)[0]


def test_device_descriptor(usb):
    octets = usb.desc_dev
    assert octets[0] == len(octets) == 18 and octets[1] == 1
    assert octets[2:4] == b"\x10\x01"  # USB 1.1
    assert octets[4:8] == b"\0\0\0\x40"
    assert octets[8:12] == bytes.fromhex("09120100")
    assert octets[17] == 1


def test_the_total_length_and_the_number_of_interfaces(usb):
    config, *rest = descriptors(usb.desc_cfg)
    assert int.from_bytes(config[2:4], "little") == len(usb.desc_cfg)
    numbers = [each[2] for each in rest if each[1] == 4 and each[3] == 0]
    assert config[4] == len(numbers)
    assert numbers == list(range(len(numbers)))
    assert config[7] & 0x80 and config[8] * 2 <= 500


def test_five_interfaces_in_their_order_and_no_others():
    usb, _ = make_device(usb_audio=object())
    assert [tuple(each[5:8]) for each in interfaces(usb.desc_cfg)] == [
        (8, 6, 0x50), (1, 1, 0), (1, 2, 0), (1, 2, 0), (3, 0, 0),
    ]  # fmt: skip


SERIAL_PORT = bytes.fromhex(  # a CDC function: association, two interfaces, endpoints 0x81, 0x02, 0x82
    "080b000202020000 0904000001020200 00 0524002001 0524010001 04240202 0524060001 0705810308 0010"
    "0904010002 0a000000 07050202400000 07058202400000"
)


@pytest.mark.parametrize("audio", [object(), None])
def test_functions_of_the_image_stand_before_ours(audio):
    """Numbers of interfaces and endpoints go on after theirs, and all that refers to them."""
    builtin = SimpleNamespace(itf_max=2, ep_max=3, desc_cfg=bytes(9) + SERIAL_PORT)
    whole = device.configuration(hid.report_descriptor(), audio is not None, device.Place(builtin))
    config, *rest = descriptors(whole)
    assert int.from_bytes(config[2:4], "little") == len(whole) and whole[9:].startswith(SERIAL_PORT)
    numbers = [each[2] for each in rest if each[1] == 4 and each[3] == 0]
    assert numbers == list(range(config[4])) and len(numbers) == (7 if audio else 4)
    addresses = {each[2] for each in rest if each[1] == 5}
    assert addresses - {0x81, 0x02, 0x82} == ({0x83, 0x04, 0x85, 0x06, 0x87} if audio else {0x83, 0x04, 0x87})
    headers = [each for each in rest if each[1:3] == b"\x24\x01" and len(each) == 10]
    assert [tuple(each[8:]) for each in headers] == ([(4, 5)] if audio else [])


def test_each_alternate_setting_has_the_endpoints_that_it_counts(usb):
    for interface in interfaces(usb.desc_cfg):
        count = None
        for each in [*descriptors(interface), bytes((9, 4)) + bytes(7)]:
            if each[1] == 4:
                assert not count
                count = each[4]
            elif each[1] == 5:
                count -= 1


def test_endpoint_addresses_are_used_by_one_interface_only(usb):
    used = [{each[2] for each in descriptors(interface) if each[1] == 5} for interface in interfaces(usb.desc_cfg)]
    assert len(set().union(*used)) == sum(map(len, used))


def test_audio_streams_have_the_packets_of_their_rate():
    usb, _ = make_device(usb_audio=object())
    rates = {}
    for interface in interfaces(usb.desc_cfg)[2:4]:
        for each in descriptors(interface):
            if each[1] == 4:
                key = each[2], each[3]
            elif each[1:3] == b"\x24\x02":
                assert (each[4], each[5], each[6]) == (1, 2, 16)
                rates[key] = int.from_bytes(each[8:11], "little")
            elif each[1] == 5:
                assert each[0] == 9 and each[3] & 3 == 1
                assert int.from_bytes(each[4:6], "little") == rates[key] // 1000 * 2
    assert rates == {(2, 1): 8000, (3, 1): 16000, (3, 2): 8000}


def test_the_audio_header_counts_its_units_and_names_its_streams():
    usb, _ = make_device(usb_audio=object())
    head, header, *units = descriptors(interfaces(usb.desc_cfg)[1])
    assert head[4] == 0
    assert int.from_bytes(header[5:7], "little") == len(header) + sum(map(len, units))
    assert header[7] == len(header[8:]) and list(header[8:]) == [2, 3]


def test_terminals_and_units_refer_to_each_other():
    usb, _ = make_device(usb_audio=object())
    units = {each[3]: each for each in list(descriptors(interfaces(usb.desc_cfg)[1]))[2:]}
    assert len(units) == 5
    source = {2: None, 3: 7, 6: 4}  # where bSourceID stands, by subtype
    for unit in units.values():
        at = source[unit[2]]
        assert at is None or unit[at] in units
    general = [each for each in descriptors(usb.desc_cfg) if each[:3] == b"\x07\x24\x01"]
    links = [each[3] for each in general]
    assert len(links) == 3
    assert all(int.from_bytes(units[link][4:6], "little") == 0x0101 for link in links)


def items(report_descriptor):
    """(tag, value) of each short item, HID 1.11 6.2.2.2."""
    at = 0
    while at < len(report_descriptor):
        prefix = report_descriptor[at]
        size = (0, 1, 2, 4)[prefix & 3]
        yield prefix & 0xFC, int.from_bytes(report_descriptor[at + 1 : at + 1 + size], "little", signed=True)
        at += 1 + size


def test_hid_reports_have_the_sizes_that_they_are_sent_with():
    bits = {0x80: 0, 0x90: 0, 0xB0: 0}
    size = count = depth = 0
    for tag, value in items(hid.report_descriptor()):
        if tag == 0x74:
            size = value
        elif tag == 0x94:
            count = value
        elif tag == 0xA0:
            depth += 1
        elif tag == 0xC0:
            depth -= 1
        elif tag in bits:
            bits[tag] += size * count
    assert depth == 0
    assert bits == {0x80: 8, 0x90: 8, 0xB0: 64 * 8}


def test_the_hid_descriptor_tells_the_length_of_the_report_descriptor(usb):
    [descriptor] = [each for each in descriptors(interfaces(usb.desc_cfg)[-1]) if each[1] == 0x21]
    number = len(interfaces(usb.desc_cfg)) - 1
    report = usb.control(0x81, 6, 0x2200, number, length=255)
    assert int.from_bytes(descriptor[7:9], "little") == len(report)
    assert usb.control(0x81, 6, 0x2100, number, length=255) == descriptor


@pytest.mark.parametrize(
    ("stored", "serial"),
    [
        (None, "NO-IDENTITY"),
        (b"", "NO-IDENTITY"),
        (b"FJ-0042", "FJ-0042"),
        (b"\xff\0A\nB", "AB"),
        (b"x" * 99, "x" * 32),
    ],
)
def test_the_serial_number_is_the_identity(stored, serial):
    class Store:
        def get(self, key):
            return {"serial": stored}[key]

    usb, _ = make_device(Blocks(bytes(2048)), Store())
    assert usb.desc_strs[usb.desc_dev[16]] == serial
    assert usb.desc_strs[0] is None


def test_without_a_store_there_is_no_identity():
    usb, _ = make_device()
    assert usb.desc_strs[3] == "NO-IDENTITY"
