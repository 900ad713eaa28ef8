"""The telephone as a HID: its reports, and requests to it."""

import pytest
from usb_stand_in import Nak, Stall, make_device

IN = 0x85
ITF = 1
OUTPUT, FEATURE = 0x0200, 0x0300


@pytest.fixture
def rig():
    return make_device()


def reports(usb):
    """All that the host fetches until there is nothing."""
    found = []
    while True:
        try:
            found += usb.bulk_in(IN, 64)
        except Nak:
            return found


def test_hook_and_keys(rig):
    usb, device = rig
    assert reports(usb) == []
    device.telephone.hook(True)
    device.step()
    assert reports(usb) == [0x20]
    for key in "10*#":
        device.telephone.key(key)
    device.telephone.key("A")
    device.step()
    assert reports(usb) == [0x22, 0x20, 0x21, 0x20, 0x2B, 0x20, 0x2C, 0x20]
    device.telephone.flash()
    device.telephone.hook(False)
    device.step()
    assert reports(usb) == [0x10, 0x00]


def test_a_host_that_does_not_listen_gets_the_first_keys_only(rig):
    usb, device = rig
    for _ in range(100):
        device.telephone.key("5")
        device.step()
    kept = reports(usb)
    assert kept == [6, 0] * (len(kept) // 2) and 1 < len(kept) < 20
    device.telephone.key("1")
    device.step()
    assert reports(usb) == [2, 0]


def test_a_new_host_is_told_that_the_telephone_is_off_hook(rig):
    usb, device = rig
    device.telephone.hook(True)
    device.step()
    assert reports(usb) == [0x20]
    usb.attach()
    assert reports(usb) == [0x20]


def test_indicators(rig):
    usb, device = rig
    usb.control(0x21, 9, OUTPUT, ITF, data=b"\x03")
    assert device.telephone.indicators == 3
    usb.attach()
    assert device.telephone.indicators == 0


def test_a_command_waits_for_the_step(rig):
    usb, device = rig
    command = b"\x01123#".ljust(64, b"\0")
    usb.control(0x21, 9, FEATURE, ITF, data=command)
    with pytest.raises(Stall):
        usb.control(0x21, 9, FEATURE, ITF, data=bytes(64))
    assert device.telephone.take_command() == command
    assert device.telephone.take_command() is None


def test_the_status_is_what_the_step_told(rig):
    usb, device = rig
    device.telephone.tell(5, 3, 1, 258, (1, 0x01020304))
    status = usb.control(0xA1, 1, FEATURE, ITF, length=64)
    assert status == bytes((1, 5, 3, 1, 2, 0, 0, 0, 1, 0, 0, 0, 4, 3, 2, 1)).ljust(64, b"\0")


def test_other_requests_of_the_class(rig):
    usb, device = rig
    usb.control(0x21, 0x0A, 0x7D00, ITF)
    assert usb.control(0xA1, 2, 0, ITF, length=1) == b"\x7d"
    device.telephone.hook(True)
    assert usb.control(0xA1, 1, 0x0100, ITF, length=64) == b"\x20"


@pytest.mark.parametrize(
    ("kind", "request_", "value", "length"),
    [
        (0x21, 9, OUTPUT, 2), (0x21, 9, OUTPUT | 1, 1), (0x21, 9, FEATURE, 63), (0x21, 9, FEATURE, 65),
        (0x21, 9, 0x0100, 1), (0xA1, 1, 0x0301, 64), (0xA1, 3, 0, 1), (0x21, 0x0B, 0, 0), (0x81, 6, 0x2300, 64),
        (0xA1, 0x81, 0, 4),
    ],
)  # fmt: skip
def test_what_is_not_ours_is_stalled(rig, kind, request_, value, length):
    with pytest.raises(Stall):
        rig[0].control(kind, request_, value, ITF, length=length)
