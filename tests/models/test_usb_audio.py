"""The sound card's driver: requests of a host, isochronous frames by the clock, and the FIFOs between."""

import struct

import numpy as np
import pytest
from controller_bench import (
    BUTTONS,
    CAPTURE,
    PLAYBACK,
    STORAGE,
    Bench,
    audio_endpoint,
    configuration,
    endpoint,
    format_type,
    interface,
)  # fmt: skip

from femtohost.clock import MS
from femtohost.models.usb_stream import CATCH_UP, CUSHION_MS, FIFO_MS, PATIENCE
from femtohost.models.usb_urb import GONE, GOOD, PENDING, STALL, UNLINKED, Urb
from femtohost.peers.usb_errors import UsbStall

CONTROL, CAPTURING, PLAYING = 1, 2, 3  # interfaces of the bench's device
UNIT = 2 << 8 | CONTROL
MUTE, VOLUME = 1 << 8, 2 << 8
SET_CUR, GET_CUR, GET_MIN, GET_MAX, GET_RES, SET_RES = 1, 0x81, 0x82, 0x83, 0x84, 4
TO_UNIT, FROM_UNIT = 0x21, 0xA1


@pytest.fixture
def bench():
    bench = Bench()
    bench.host.attach()
    yield bench
    assert bench.misuse == []


def submit(bench, address, packets, data=b""):
    urb = Urb(address, data=data, length=sum(packets), packets=packets)
    bench.controller.submit(urb)
    return urb


# -- requests ---------------------------------------------------------------------------------------------------------


def test_mute_and_volume_are_set_and_told(bench):
    control = bench.host.control
    assert bench.audio.mute is False and bench.audio.volume == 0
    control(TO_UNIT, SET_CUR, MUTE, UNIT, b"\1")
    control(TO_UNIT, SET_CUR, VOLUME, UNIT, struct.pack("<h", -10 * 256))
    assert bench.audio.mute is True and bench.audio.volume == -2560
    assert control(FROM_UNIT, GET_CUR, MUTE, UNIT, length=1) == b"\1"
    assert control(FROM_UNIT, GET_CUR, VOLUME, UNIT, length=2) == struct.pack("<h", -2560)


def test_the_range_of_the_volume_holds(bench):
    low, high, step = (
        struct.unpack("<h", bench.host.control(FROM_UNIT, request, VOLUME, UNIT, length=2))[0]
        for request in (GET_MIN, GET_MAX, GET_RES)
    )
    assert low < high == 0 and step == 256
    bench.host.control(TO_UNIT, SET_CUR, VOLUME, UNIT, struct.pack("<h", -0x8000))
    assert bench.audio.volume == low


@pytest.mark.parametrize(
    ("kind", "request_", "value", "index", "data"),
    [
        (TO_UNIT, SET_RES, VOLUME, UNIT, b"\0\1"),
        (FROM_UNIT, GET_MIN, MUTE, UNIT, b""),
        (FROM_UNIT, GET_CUR, 3 << 8, UNIT, b""),
        (FROM_UNIT, GET_CUR, VOLUME | 1, UNIT, b""),
        (FROM_UNIT, GET_CUR, VOLUME, 9 << 8 | CONTROL, b""),
        (TO_UNIT, SET_CUR, VOLUME, UNIT, b"\0"),
        (0x22, SET_CUR, 1 << 8, CAPTURE, b"\x80\xbb\0"),
        (0x01, 11, 7, PLAYING, b""),
        (0x01, 11, 1, CONTROL, b""),
    ],
)
def test_what_there_is_not_stalls_and_changes_nothing(bench, kind, request_, value, index, data):
    bench.host.control(TO_UNIT, SET_CUR, VOLUME, UNIT, struct.pack("<h", -512))
    with pytest.raises(UsbStall):
        bench.host.control(kind, request_, value, index, data, length=2 if kind & 0x80 else 0)
    assert bench.audio.volume == -512 and bench.audio.alt(PLAYING) == 0


def test_the_firmware_hears_of_none_of_it(bench):
    before = len(bench.told)
    bench.host.set_interface(PLAYING, 2)
    bench.host.control(TO_UNIT, SET_CUR, MUTE, UNIT, b"\1")
    assert len(bench.told) == before and bench.audio.alt(PLAYING) == 2
    assert bench.host.control(0x81, 10, 0, PLAYING, length=1) == b"\2"


def test_the_sampling_frequency_is_told_where_the_endpoint_has_it(bench):
    bench.host.set_interface(PLAYING, 1)
    assert bench.host.control(0xA2, GET_CUR, 1 << 8, PLAYBACK, length=3) == (16000).to_bytes(3, "little")
    bench.host.control(0x22, SET_CUR, 1 << 8, PLAYBACK, (16000).to_bytes(3, "little"))


def test_a_bus_reset_is_silence(bench):
    bench.host.set_interface(PLAYING, 1)
    bench.host.control(TO_UNIT, SET_CUR, MUTE, UNIT, b"\1")
    bench.host.reset()
    assert bench.audio.alt(PLAYING) == 0 and bench.audio.mute is False


@pytest.mark.parametrize(
    "streaming",
    [
        interface(1, 0, 0, 1, 2) + interface(1, 1, 1, 1, 2) + format_type(1, 8000) + endpoint(0x83, 2, 64),
        interface(1, 0, 0, 1, 2) + interface(1, 1, 1, 1, 2) + audio_endpoint(0x83, 16),
        interface(1, 0, 1, 1, 2) + format_type(1, 8000) + audio_endpoint(0x83, 16),
    ],
    ids=["bulk", "no format", "no silent setting"],
)
def test_streaming_interfaces_that_are_wrong_are_misuse(streaming):
    bench = Bench(configuration(STORAGE, streaming), active=False)
    assert bench.misuse[0].section == "USB 2.0 9.6"


def test_a_device_without_sound_has_none():
    bench = Bench(configuration(STORAGE, BUTTONS.replace(interface(4, 0, 1, 3), interface(1, 0, 1, 3))))
    bench.host.attach()
    assert bench.audio.read(bytearray(10)) == bench.audio.write(bytes(10)) == bench.audio.space() == 0


# -- frames -----------------------------------------------------------------------------------------------------------


def test_a_request_ends_when_its_frames_have_passed(bench):
    bench.host.set_interface(CAPTURING, 1)
    first, second = submit(bench, CAPTURE, [16] * 3), submit(bench, CAPTURE, [16] * 2)
    bench.run_for(2.9 * MS)
    assert first.status == PENDING
    bench.run_for(0.2 * MS)
    assert first.status == GOOD and second.status == PENDING
    bench.run_for(2 * MS)
    assert second.status == GOOD and second.results == [(16, GOOD)] * 2


def test_a_host_that_is_late_catches_up_at_twice_the_pace(bench):
    bench.host.set_interface(CAPTURING, 1)
    submit(bench, CAPTURE, [16])
    begin = bench.clock.now
    bench.run_for(50 * MS)
    late = [submit(bench, CAPTURE, [16]) for _ in range(110)]
    bench.run_for(10 * MS)
    assert sum(urb.done for urb in late) == 21  # one at once, then two a millisecond
    bench.run_for(40 * MS)
    assert sum(urb.done for urb in late) == 99  # caught up
    bench.run_for(11 * MS)
    assert all(urb.done for urb in late) and bench.clock.now - begin == 111 * MS


def test_a_long_pause_is_not_caught_up_and_loses_nothing(bench):
    bench.host.set_interface(CAPTURING, 1)
    submit(bench, CAPTURE, [16])
    bench.run_for(2 * MS)
    before = np.arange(1, 8 * FIFO_MS + 1, dtype="<i2")
    assert bench.audio.write(before) == 16 * FIFO_MS
    bench.run_for(CATCH_UP + 10 * MS)
    urbs = [submit(bench, CAPTURE, [16]) for _ in range(20)]
    bench.run_for(10 * MS)
    assert sum(urb.done for urb in urbs) == 9 + 1
    assert b"".join(urb.received for urb in urbs[:10]) == before[:80].tobytes()


def test_a_host_that_stopped_hears_nothing_old(bench):
    bench.host.set_interface(CAPTURING, 1)
    urb = submit(bench, CAPTURE, [16])
    assert bench.controller.cancel(urb)
    bench.audio.write(b"\1" * 1600)
    urb = submit(bench, CAPTURE, [16])
    bench.run_for(2 * MS)
    assert bytes(urb.received) == bytes(16)


def test_a_frame_waits_for_what_is_to_be_captured(bench):
    bench.host.set_interface(CAPTURING, 1)
    samples = np.arange(1, 8 * (CUSHION_MS + 40) + 1, dtype="<i2")
    urbs = [submit(bench, CAPTURE, [16]) for _ in range(CUSHION_MS + 40)]
    bench.audio.write(samples[: 8 * CUSHION_MS])
    bench.run_for((CUSHION_MS + 20) * MS)
    assert sum(urb.done for urb in urbs) == CUSHION_MS
    bench.audio.write(samples[8 * CUSHION_MS :])
    bench.run_for(21 * MS)
    assert all(urb.done for urb in urbs) and b"".join(urb.received for urb in urbs) == samples.tobytes()


def test_silence_follows_when_nobody_captures_any_more(bench):
    bench.host.set_interface(CAPTURING, 1)
    urbs = [submit(bench, CAPTURE, [16]) for _ in range(CUSHION_MS + PATIENCE + 20)]
    bench.audio.write(b"\1" * 16 * CUSHION_MS)
    bench.run_for((CUSHION_MS + PATIENCE - 1) * MS)
    assert sum(urb.done for urb in urbs) == CUSHION_MS
    bench.run_for(2 * PATIENCE * MS)
    assert all(urb.done for urb in urbs)
    assert b"".join(urb.received for urb in urbs[CUSHION_MS:]) == bytes(16 * (PATIENCE + 20))


def test_a_frame_waits_for_room_for_what_is_played(bench):
    bench.host.set_interface(PLAYING, 2)
    played = np.arange(8 * (FIFO_MS + 40), dtype="<i2").tobytes()
    urbs = [submit(bench, PLAYBACK, [16] * 20, played[at : at + 320]) for at in range(0, len(played), 320)]
    bench.run_for((FIFO_MS + 20) * MS)
    assert [urb.done for urb in urbs[-2:]] == [False, False]
    heard, out = bytearray(), bytearray(len(played))
    heard += out[: bench.audio.read(out)]
    bench.run_for(60 * MS)
    heard += out[: bench.audio.read(out)]
    assert heard == played and all(urb.done for urb in urbs)


def test_what_is_played_to_nobody_falls_off(bench):
    bench.host.set_interface(PLAYING, 2)
    played = np.arange(8 * 2 * FIFO_MS, dtype="<i2").tobytes()
    urbs = [submit(bench, PLAYBACK, [16] * 20, played[at : at + 320]) for at in range(0, len(played), 320)]
    bench.run_for(3 * FIFO_MS * MS)
    assert all(urb.done for urb in urbs)
    out = bytearray(len(played))
    assert bench.audio.read(out) == 16 * FIFO_MS and out[: 16 * FIFO_MS] == played[: 16 * FIFO_MS]


def test_silent_settings_and_unlinked_requests_move_nothing(bench):
    assert (urb := submit(bench, CAPTURE, [16])) and (bench.settle() or urb.status == STALL)
    bench.host.set_interface(CAPTURING, 1)
    urbs = [submit(bench, CAPTURE, [16]) for _ in range(3)]
    assert bench.controller.cancel(urbs[1]) and urbs[1].status == UNLINKED
    bench.host.set_interface(CAPTURING, 0)
    assert [u.status for u in urbs] == [GONE, UNLINKED, GONE]


def test_what_is_played_can_be_read(bench):
    bench.host.set_interface(PLAYING, 2)
    submit(bench, PLAYBACK, [16] * 2, bytes(range(32)))
    out = bytearray(20)
    assert bench.audio.read(out) == 0
    before = bench.wakes
    bench.run_for(2 * MS)
    assert bench.wakes == before + 1
    assert bench.audio.read(out) == 20 and out == bytes(range(20))
    assert bench.audio.read(out) == 12 and out[:12] == bytes(range(20, 32))


def test_capture_begins_with_its_cushion_and_then_has_no_gap(bench):
    bench.host.set_interface(CAPTURING, 1)
    bench.host.record()
    count = 0

    def block():
        nonlocal count
        data = np.arange(count, count + 80, dtype="<i2")
        assert bench.audio.write(data) == 160
        count += 80
        bench.clock.after(10 * MS, block)

    block()
    bench.run_for(1000 * MS)
    heard = bench.host.recorded
    start = int(np.flatnonzero(heard)[0]) - 1
    assert start == (CUSHION_MS - 10 - 1) * 8  # the first frame that ends with two blocks there
    assert np.array_equal(heard[start:], np.arange(len(heard) - start))


def test_what_does_not_fit_is_not_taken(bench):
    assert bench.audio.space() == 0
    bench.host.set_interface(CAPTURING, 1)
    size = FIFO_MS * 16
    assert bench.audio.space() == size
    assert bench.audio.write(bytes(size + 10)) == size and bench.audio.space() == 0


def test_both_streams_at_their_exact_rates(bench):
    bench.host.play(np.arange(30000) % 1000, 16000)
    bench.host.record()
    heard = bytearray()
    out = bytearray(640)

    def block():
        heard.extend(out[: bench.audio.read(out)])
        bench.clock.after(10 * MS, block)

    block()
    bench.run_for(1000 * MS)
    heard.extend(out[: bench.audio.read(out)])
    played = np.frombuffer(heard, "<i2")
    assert len(played) == 16000 and np.array_equal(played, np.arange(16000) % 1000)
    assert len(bench.host.recorded) == 8000
    bench.host.stop()
    assert bench.audio.alt(PLAYING) == bench.audio.alt(CAPTURING) == 0
