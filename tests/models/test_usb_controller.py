"""The controller as machine.USBDevice: order of callbacks, control transfers, halts, and what it refuses."""

import errno
import random

import pytest
from controller_bench import (
    BULK_IN,
    BULK_OUT,
    BUTTONS,
    CAPTURE,
    REPORT_DESCRIPTOR,
    REPORTS,
    SOUND,
    STORAGE,
    STRINGS,
    WHOLE,
    Bench,
    configuration,
    device,
    endpoint,
    interface,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from femtohost.models.usb_urb import GONE, GOOD, OVERFLOW, PENDING, STALL, UNLINKED, Urb
from femtohost.peers.usb_errors import UsbError, UsbStall, UsbTimeout


@pytest.fixture
def bench():
    bench = Bench()
    bench.host.attach()
    yield bench
    assert bench.misuse == []


def urb_in(bench, length, address=BULK_IN):
    urb = Urb(address, length=length)
    bench.controller.submit(urb)
    bench.settle()
    return urb


def urb_out(bench, data, address=BULK_OUT, **options):
    urb = Urb(address, data=data, **options)
    bench.controller.submit(urb)
    bench.settle()
    return urb


# -- enumeration ------------------------------------------------------------------------------------------------------


def test_the_host_reads_what_the_firmware_gave(bench):
    assert bench.host.device["vendor"] == 0x1209 and bench.host.serial == STRINGS[3]
    assert bench.host.configuration.octets == WHOLE
    assert bench.controller.configured == 1


def test_callbacks_come_in_order_and_skip_what_the_audio_driver_owns(bench):
    opened = [told[1] for told in bench.told if told[0] == "open"]
    assert opened == [STORAGE, BUTTONS]
    assert bench.told[0] == ("reset",) and [t[0] for t in bench.told] == ["reset", "open", "open"]
    assert bench.wakes == 3


def test_an_association_opens_as_one():
    two = bytes((8, 11, 0, 2, 8, 6, 0x50, 0)) + STORAGE + interface(1, 0, 0, 3)
    bench = Bench(configuration(two))
    bench.host.attach()
    assert [told[1] for told in bench.told if told[0] == "open"] == [two[8:]]


def test_standard_requests_are_answered_by_the_stack(bench):
    control = bench.host.control
    before = len(bench.told)
    assert control(0x80, 8, length=1) == b"\1"
    assert control(0x80, 0, length=2) == b"\0\0"
    assert control(0x80, 6, 0x0300, length=255) == bytes((4, 3, 9, 4))
    assert control(0x80, 6, 0x0200, length=20) == WHOLE[:20]
    for refused in ((0x80, 6, 0x0600, 0, b"", 10), (0x80, 6, 0x0F00, 0, b"", 5), (0x80, 6, 0x0309, 0x409, b"", 9)):
        with pytest.raises(UsbStall):
            control(*refused)
    with pytest.raises(UsbStall):  # vendor requests never reach the firmware
        control(0xC0, 0x55, length=8)
    assert len(bench.told) == before


def test_set_interface_is_offered_to_the_firmware_and_then_acknowledged(bench):
    bench.host.set_interface(0, 0)
    assert bench.told[-1] == ("control", 1, bytes((1, 11, 0, 0, 0, 0, 0, 0)))
    assert bench.host.control(0x81, 10, 0, 4, length=1) == b"\0"


def test_configuring_again_resets_first(bench):
    bench.usb.submit_xfer(BULK_OUT, bytearray(64))
    bench.host.control(0, 9, 0)
    assert bench.told[-1] == ("reset",)
    assert bench.usb.submit_xfer is not None and not bench.controller.configured
    bench.host.control(0, 9, 1)
    assert bench.usb.submit_xfer(BULK_OUT, bytearray(64))


# -- control transfers ------------------------------------------------------------------------------------------------


def test_a_class_request_passes_three_stages(bench):
    bench.on_control = lambda stage, setup: REPORT_DESCRIPTOR if stage == 1 else True
    assert bench.host.control(0x81, 6, 0x2200, 4, length=64) == REPORT_DESCRIPTOR
    assert [told[1] for told in bench.told[-3:]] == [1, 2, 3]


def test_no_more_is_sent_than_was_asked_for(bench):
    bench.on_control = lambda stage, setup: bytes(64)
    assert len(bench.host.control(0xA1, 1, 0x0300, 4, length=10)) == 10


def test_data_goes_into_the_buffer_before_the_second_stage(bench):
    buffer, seen = bytearray(8), []
    bench.on_control = lambda stage, setup: buffer if stage == 1 else seen.append(bytes(buffer)) or True
    bench.host.control(0x21, 9, 0x0200, 4, b"12345678")
    assert seen == [b"12345678", b"12345678"]


def test_false_and_exceptions_stall(bench):
    with pytest.raises(UsbStall):
        bench.host.control(0xA1, 1, 0x0100, 4, length=8)
    bench.on_control = lambda stage, setup: 1 / 0
    with pytest.raises(UsbStall):
        bench.host.control(0xA1, 1, 0x0100, 4, length=8)
    assert "ZeroDivisionError" in bench.misuse.pop().text


def test_a_refusal_after_the_data_stalls_the_status(bench):
    bench.on_control = lambda stage, setup: bytearray(8) if stage == 1 else False
    with pytest.raises(UsbStall):
        bench.host.control(0x21, 9, 0x0200, 4, b"12345678")


@pytest.mark.parametrize("answer", [True, bytearray(4), bytes(8)], ids=["no buffer", "too short", "read-only"])
def test_an_answer_that_cannot_take_the_data_is_misuse(bench, answer):
    bench.on_control = lambda stage, setup: answer
    with pytest.raises(UsbStall):
        bench.host.control(0x21, 9, 0x0200, 4, b"12345678")
    assert bench.misuse.pop().section == "control_xfer_cb"


def test_a_borrowed_view_ends_with_the_callback(bench):
    kept = []
    bench.usb.active(False)
    bench.settle()
    bench.usb.config(device(), WHOLE, STRINGS, kept.append, None, lambda stage, view: kept.append(view) or False)
    bench.usb.active(True)
    bench.settle()
    bench.host.enumerate()
    with pytest.raises(UsbStall):
        bench.host.control(0xA1, 1, 0x0100, 4, length=8)
    assert len(kept) == 3
    for view in kept:
        with pytest.raises(ValueError):
            view[0]


def test_keeping_a_part_of_a_borrowed_view_is_misuse(bench):
    kept = []
    bench.controller._callbacks = (None, None, lambda stage, view: kept.append(view[2:4]) or False, None)
    with pytest.raises(UsbStall):
        bench.host.control(0xA1, 1, 0x0100, 4, length=8)
    assert "kept" in bench.misuse.pop().text and bytes(kept[0]) == b"\xa5\xa5"


# -- submit_xfer ------------------------------------------------------------------------------------------------------


def error_of(call, *arguments):
    with pytest.raises(OSError) as info:
        call(*arguments)
    return info.value.errno


def test_nothing_can_be_submitted_while_inactive():
    bench = Bench(active=False)
    assert error_of(bench.usb.submit_xfer, BULK_IN, b"") == errno.EINVAL
    assert error_of(bench.usb.stall, BULK_IN) == errno.EINVAL
    bench.usb.active(True)
    assert error_of(bench.usb.submit_xfer, BULK_IN, b"") == errno.EINVAL  # the stack has not done it yet


def test_activating_without_descriptors_is_refused():
    from femtohost.models.usb_controller import UsbController

    bench = Bench(active=False)
    bare = UsbController(bench.clock, bench.misuse, bench.trace, bench.audio, lambda: None).firmware
    assert error_of(bare.active, True) == errno.EINVAL and bare.active() is False


def test_a_pending_or_halted_endpoint_is_busy(bench):
    assert bench.usb.submit_xfer(BULK_IN, b"abc")
    assert error_of(bench.usb.submit_xfer, BULK_IN, b"abc") == errno.EBUSY
    assert bench.usb.stall(BULK_OUT, True) is False and bench.usb.stall(BULK_OUT) is True
    assert error_of(bench.usb.submit_xfer, BULK_OUT, bytearray(64)) == errno.EBUSY


@pytest.mark.parametrize("address", [0, 0x80, 0x10, 0x2F, 0x90])
def test_addresses_that_cannot_be_are_value_errors(bench, address):
    with pytest.raises(ValueError):
        bench.usb.submit_xfer(address, bytearray(64))


def test_an_out_transfer_needs_a_writable_buffer(bench):
    with pytest.raises(TypeError):
        bench.usb.submit_xfer(BULK_OUT, b"read-only")


def test_what_breaks_the_contract_is_misuse(bench):
    with pytest.raises(ValueError):
        bench.usb.submit_xfer(CAPTURE, bytes(16))
    assert "isochronous" in bench.misuse.pop().text
    with pytest.raises(ValueError):
        bench.usb.submit_xfer(BULK_IN, bytes(4097))
    assert "4096" in bench.misuse.pop().text
    assert bench.usb.submit_xfer(0x8A, b"") is False
    assert "not open" in bench.misuse.pop().text


def test_isochronous_endpoints_without_the_audio_driver_cannot_be_opened():
    bench = Bench(configuration(interface(0, 0, 1, 0xFF) + endpoint(0x81, 5, 64, 1)))
    with pytest.raises(UsbStall):
        bench.host.attach()
    assert "isochronous" in bench.misuse[0].text


@pytest.mark.parametrize(
    "octets",
    [WHOLE[:-1], configuration(STORAGE, count=2), configuration(STORAGE, interface(1, 0, 1, 3)), WHOLE[:9] + b"\0"],
    ids=["length", "interfaces", "endpoints", "descriptor"],
)
def test_descriptors_that_are_wrong_are_misuse(octets):
    assert Bench(octets, active=False).misuse[0].section == "USB 2.0 9.6"


def test_config_refuses_what_is_no_descriptor(bench):
    for wrong in ((1, WHOLE, None), (device(), "text", None), (device(), WHOLE, 5)):
        with pytest.raises(ValueError):
            bench.usb.config(*wrong)


def test_a_built_in_driver_cannot_be_chosen_while_active(bench):
    assert bench.usb.builtin_driver is bench.usb.BUILTIN_NONE and bench.usb.BUILTIN_NONE.ep_max == 0
    with pytest.raises(OSError):
        bench.usb.builtin_driver = bench.usb.BUILTIN_DEFAULT


def test_a_callback_never_comes_inside_a_call(bench):
    urb = Urb(BULK_IN, length=64)
    bench.controller.submit(urb)
    bench.settle()
    bench.usb.submit_xfer(BULK_IN, b"abc")
    assert bench.done == [] and not urb.done
    bench.settle()
    assert bench.done == [(BULK_IN, 0, 3)] and urb.received == b"abc"


# -- packets ----------------------------------------------------------------------------------------------------------


def test_a_short_packet_ends_a_read(bench):
    bench.usb.submit_xfer(BULK_IN, bytes(100))
    assert urb_in(bench, 4096).actual == 100


def test_whole_packets_do_not_end_a_read(bench):
    bench.usb.submit_xfer(BULK_IN, bytes(128))
    urb = urb_in(bench, 4096)
    assert urb.status == PENDING and bench.done == [(BULK_IN, 0, 128)]
    bench.usb.submit_xfer(BULK_IN, b"")
    bench.settle()
    assert urb.status == GOOD and urb.actual == 128


def test_one_transfer_serves_several_reads(bench):
    bench.usb.submit_xfer(BULK_IN, bytes(range(256)))
    assert urb_in(bench, 64).received == bytes(range(64))
    assert bench.done == []
    assert urb_in(bench, 192).received == bytes(range(64, 256))
    assert bench.done == [(BULK_IN, 0, 256)]


def test_a_packet_longer_than_the_room_is_an_overflow_and_stays(bench):
    bench.usb.submit_xfer(BULK_IN, bytes(36))
    urb = urb_in(bench, 8)
    assert urb.status == OVERFLOW and bench.done == []
    assert urb_in(bench, 64).actual == 36


def test_a_write_fills_one_transfer_after_the_other(bench):
    first, second = bytearray(64), bytearray(64)
    bench.usb.submit_xfer(BULK_OUT, first)
    urb = urb_out(bench, bytes(range(100)))
    assert urb.status == PENDING and bench.done == [(BULK_OUT, 0, 64)]
    bench.usb.submit_xfer(BULK_OUT, second)
    bench.settle()
    assert urb.status == GOOD and bench.done[1:] == [(BULK_OUT, 0, 36)]
    assert bytes(first + second[:36]) == bytes(range(100))


def test_a_zero_packet_ends_a_transfer(bench):
    bench.usb.submit_xfer(BULK_OUT, bytearray(128))
    assert urb_out(bench, bytes(64)).status == GOOD and bench.done == []
    assert urb_out(bench, b"").status == GOOD and bench.done == [(BULK_OUT, 0, 64)]


def test_a_packet_longer_than_the_buffer_is_misuse(bench):
    bench.usb.submit_xfer(BULK_OUT, bytearray(31))
    assert urb_out(bench, bytes(32)).status == GOOD
    assert "longer" in bench.misuse.pop().text and bench.done == [(BULK_OUT, 0, 31)]


@settings(max_examples=200, deadline=None)
@given(
    transfers=st.lists(st.integers(0, 300), min_size=1, max_size=8),
    rooms=st.lists(st.integers(1, 6).map(lambda n: n * 64), min_size=1, max_size=30),
    seed=st.integers(0, 2**32),
)
def test_reads_get_every_octet_once_and_in_order(transfers, rooms, seed):
    """Against packets moved one by one."""
    bench = Bench()
    bench.host.attach()
    rng = random.Random(seed)
    blocks = [rng.randbytes(n) for n in transfers]
    waiting = list(blocks)
    bench.on_done = lambda endpoint: None
    packets = [p for block in blocks for p in _packets(block)]
    urbs, expected = [], []
    for room in rooms:
        urb = Urb(BULK_IN, length=room)
        bench.controller.submit(urb)
        urbs.append(urb)
    for room in rooms:
        got, status = b"", PENDING
        while packets and status == PENDING:
            packet = packets.pop(0)
            got += packet
            if len(packet) < 64 or len(got) == room:
                status = GOOD
        expected.append((status, got))
    while waiting:
        bench.settle()
        try:
            bench.usb.submit_xfer(BULK_IN, waiting[0])
        except OSError:
            break  # nobody reads any more
        waiting.pop(0)
    bench.settle()
    assert [(u.status, bytes(u.received)) for u in urbs] == expected
    assert bench.misuse == []


def _packets(block):
    return [block[i : i + 64] for i in range(0, len(block), 64)] or [b""]


@settings(max_examples=200, deadline=None)
@given(
    writes=st.lists(st.integers(0, 300), min_size=1, max_size=8),
    rooms=st.lists(st.integers(1, 6).map(lambda n: n * 64), min_size=1, max_size=30),
    seed=st.integers(0, 2**32),
)
def test_writes_arrive_whole_and_in_order(writes, rooms, seed):
    bench = Bench()
    bench.host.attach()
    rng = random.Random(seed)
    data = [rng.randbytes(n) for n in writes]
    got = []
    for block in data:
        bench.controller.submit(Urb(BULK_OUT, data=block))
    for room in rooms:
        buffer = bytearray(room)
        before = len(bench.done)
        if not bench.usb.stall(BULK_OUT):
            try:
                bench.usb.submit_xfer(BULK_OUT, buffer)
            except OSError:
                break
        bench.settle()
        if len(bench.done) > before:
            got.append(bytes(buffer[: bench.done[-1][2]]))
    packets, expected = [p for block in data for p in _write_packets(block)], []
    for room in rooms:
        block = b""
        ended = False
        while packets and not ended:
            block += (packet := packets.pop(0))
            ended = len(packet) < 64 or len(block) == room
        if not ended:
            break
        expected.append(block)
    assert got == expected and bench.misuse == []


def _write_packets(block):
    """What is sent of a request: without an empty packet behind whole ones."""
    return [block[i : i + 64] for i in range(0, len(block), 64)] or [b""]


# -- halts and unlinking ----------------------------------------------------------------------------------------------


def test_the_firmware_halts_an_endpoint_and_the_host_clears_it(bench):
    urb = urb_in(bench, 64)
    bench.usb.stall(BULK_IN, True)
    bench.settle()
    assert urb.status == STALL and urb_in(bench, 64).status == STALL
    assert bench.host.control(0x82, 0, 0, BULK_IN, length=2) == b"\1\0"
    bench.host.clear_halt(BULK_IN)
    assert bench.told[-1] == ("control", 1, bytes((2, 1, 0, 0, BULK_IN, 0, 0, 0)))
    assert bench.usb.stall(BULK_IN) is False
    bench.usb.submit_xfer(BULK_IN, b"abc")
    assert urb_in(bench, 64).received == b"abc"


def test_the_host_halts_an_endpoint(bench):
    bench.host.control(2, 3, 0, BULK_OUT)
    assert bench.usb.stall(BULK_OUT) is True
    assert urb_out(bench, b"abc").status == STALL
    with pytest.raises(UsbStall):
        bench.host.clear_halt(0x0E)  # not open


def test_a_halt_drops_a_pending_transfer(bench):
    bench.usb.submit_xfer(BULK_IN, b"stale")
    bench.usb.stall(BULK_IN, True)
    bench.usb.stall(BULK_IN, False)
    bench.settle()
    assert urb_in(bench, 64).status == PENDING and bench.done == []
    bench.usb.submit_xfer(BULK_IN, b"fresh")
    bench.settle()
    assert bench.done == [(BULK_IN, 0, 5)]


def test_clearing_what_is_not_halted_leaves_the_transfer(bench):
    bench.usb.submit_xfer(BULK_IN, b"abc")
    bench.host.clear_halt(BULK_IN)
    assert urb_in(bench, 64).received == b"abc"


def test_an_unlinked_request_takes_no_data(bench):
    urb = urb_in(bench, 64)
    assert bench.controller.cancel(urb) and urb.status == UNLINKED
    assert not bench.controller.cancel(urb)
    bench.usb.submit_xfer(BULK_IN, b"abc")
    bench.settle()
    assert bench.done == [] and urb_in(bench, 64).received == b"abc"


def test_a_host_that_gives_up_unlinks(bench):
    with pytest.raises(UsbTimeout):
        bench.host.read(REPORTS, 64, timeout_s=0.1)
    bench.usb.submit_xfer(REPORTS, bytes(64))
    assert len(bench.host.read(REPORTS, 64)) == 64


# -- the cable --------------------------------------------------------------------------------------------------------


def test_detaching_ends_every_request(bench):
    urbs = [urb_in(bench, 64), urb_in(bench, 64, REPORTS), urb_out(bench, b"abc")]
    bench.host.detach()
    assert [u.status for u in urbs] == [GONE] * 3 and bench.told[-1] == ("reset",)
    late = urb_in(bench, 64)
    assert late.status == GONE
    assert bench.usb.submit_xfer(BULK_OUT, bytearray(64)) is False
    bench.misuse.pop()


def test_a_second_host_is_refused(bench):
    assert not bench.controller.attach()
    with pytest.raises(UsbError):
        bench.host.attach()


def test_the_host_hears_when_the_device_goes(bench):
    bench.host.detach()
    gone = []
    bench.controller.attach(lambda: gone.append(1))
    bench.usb.active(False)
    assert gone == []
    bench.settle()
    assert gone == [1] and not bench.controller.connected


def test_a_reset_forgets_halts_transfers_and_the_configuration(bench):
    bench.usb.stall(BULK_IN, True)
    bench.usb.submit_xfer(BULK_OUT, bytearray(64))
    bench.host.reset()
    assert not bench.controller.configured and bench.told[-1] == ("reset",)
    bench.host.enumerate()
    assert bench.usb.stall(BULK_IN) is False
    assert bench.usb.submit_xfer(BULK_OUT, bytearray(64))


def test_a_thousand_attachments_leave_nothing_behind():
    import gc

    bench = Bench()

    def cycle():
        bench.host.attach()
        bench.usb.submit_xfer(BULK_OUT, bytearray(64))
        urb_in(bench, 64)
        bench.host.detach()
        bench.told.clear()
        bench.trace.records.clear()

    def objects():
        gc.collect()
        return len(gc.get_objects())

    for _ in range(10):
        cycle()
    before = objects()
    for _ in range(1000):
        cycle()
    assert abs(objects() - before) < 20


# -- what is told -----------------------------------------------------------------------------------------------------


def test_every_transfer_is_a_record(bench):
    bench.usb.submit_xfer(BULK_IN, b"abc")
    urb_in(bench, 64)
    bench.usb.submit_xfer(BULK_OUT, bytearray(64))
    urb_out(bench, b"defg")
    assert bench.trace.find("usb.in") == [(bench.clock.now, bytes((BULK_IN,)) + b"abc")]
    assert bench.trace.find("usb.out") == [(bench.clock.now, bytes((BULK_OUT,)) + b"defg")]
    assert bench.trace.find("usb.setup")[-1][1][:2] == bytes((0, 9))


def test_observers_see_requests_begin_and_end(bench):
    seen = []
    bench.controller.on_urb.append(lambda time, kind, urb: seen.append((kind, urb.endpoint, urb.status, urb.actual)))
    bench.usb.submit_xfer(BULK_IN, b"abc")
    urb_in(bench, 64)
    bench.host.control(0x80, 8, length=1)
    assert seen == [("S", BULK_IN, PENDING, 0), ("C", BULK_IN, GOOD, 3), ("S", 0, PENDING, 0), ("C", 0, GOOD, 1)]


def test_sound_alone_needs_no_interface_of_the_firmware():
    sound = SOUND.replace(interface(1, 0, 0, 1, 1), interface(0, 0, 0, 1, 1), 1)
    bench = Bench(configuration(STORAGE, SOUND))
    bench.host.attach()
    assert sound != SOUND and [t[0] for t in bench.told] == ["reset", "open"]
