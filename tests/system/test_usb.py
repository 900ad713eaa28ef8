"""The box as a PC sees it over USB: the disc, the telephone as a HID, and what a PC may do wrong."""

import gc
import struct

import numpy as np
import pytest

BLOCK = 2048
INQUIRY, TEST_UNIT_READY, READ_CAPACITY = 0x12, 0x00, 0x25
NO_MEDIUM = (2, 0x3A)
CHANGED = (6, 0x28)


def image(blocks, seed=1):
    octets = bytearray(np.random.default_rng(seed).bytes(blocks * BLOCK))
    octets[16 * BLOCK + 1 : 16 * BLOCK + 6] = b"CD001"
    return bytes(octets)


DISC = image(500)


@pytest.fixture
def pc(make_box):
    """A box with a disc, attached, its unit attention told."""
    box = make_box(iso=DISC)
    box.usb_host.attach()
    ready(box)
    yield box
    assert box.misuse == []


def ready(box):
    """TEST UNIT READY until it is; what it said before."""
    said = []
    while (answer := box.usb_host.scsi(bytes(6))).status:
        said.append(answer.sense[:2])
        assert len(said) < 5, said
    return said


def test_the_disc_is_read_whole(pc):
    host = pc.usb_host
    last, size = struct.unpack(">II", host.scsi(bytes((READ_CAPACITY,)).ljust(10, b"\0"), 8).data)
    assert (last + 1, size) == (500, BLOCK)
    assert host.read_disc() == DISC
    assert host.read_disc(at_once=7) == DISC


def test_the_serial_number_is_the_identity(pc):
    assert pc.usb_host.serial == pc.store.get("serial").decode() and len(pc.usb_host.serial) == 12


def test_another_seed_is_another_box(make_box):
    boxes = [make_box(seed=seed) for seed in (1, 2, 1)]
    serials = [box.store.get("serial") for box in boxes]
    assert serials[0] == serials[2] != serials[1]


def test_taking_the_disc_out_and_putting_another_in(pc):
    other = image(300, 2)
    pc.disc.eject()
    assert pc.usb_host.scsi(bytes(6)).sense[:2] == NO_MEDIUM
    pc.disc.load(other)
    pc.run_for(0.1)
    assert CHANGED in ready(pc)
    assert pc.usb_host.read_disc() == other


def test_a_swap_is_seen_though_nobody_asks_meanwhile(pc):
    other = image(500, 3)  # as large as the first
    pc.disc.swap(other)
    pc.run_for(2)
    assert CHANGED in ready(pc)
    assert pc.usb_host.read_disc() == other


def test_a_box_without_a_disc_says_so(make_box):
    box = make_box()
    box.usb_host.attach()
    assert box.usb_host.scsi(bytes(6)).sense[:2] == NO_MEDIUM


def test_a_read_that_is_abandoned_leaves_no_trace_of_itself(pc):
    host = pc.usb_host
    host.write(host.storage.bulk_out, host.storage.block(struct.pack(">BBIBHB", 0x28, 0, 0, 0, 8, 0), 8 * BLOCK, True))
    assert host.read(host.storage.bulk_in, BLOCK) == DISC[:BLOCK]
    host.reset_storage()
    assert host.read_disc(100, 4) == DISC[100 * BLOCK : 104 * BLOCK]


def test_unplugged_in_the_middle_of_a_read(pc):
    host = pc.usb_host
    for _ in range(3):
        host.write(
            host.storage.bulk_out, host.storage.block(struct.pack(">BBIBHB", 0x28, 0, 0, 0, 8, 0), 8 * BLOCK, True)
        )
        host.read(host.storage.bulk_in, BLOCK)
        host.detach()
        host.attach()
        ready(pc)
        assert host.read_disc(0, 10) == DISC[: 10 * BLOCK]


def test_a_thousand_attachments_leave_nothing_behind(make_box):
    box = make_box(iso=DISC, keep_trace=False)
    host = box.usb_host

    def cycle():
        host.attach()
        host.read_disc(0, 1) if host.scsi(bytes(6)).status == 0 else None
        host.listen()
        host.detach()

    def objects():
        gc.collect()
        return len(gc.get_objects())

    for _ in range(50):
        cycle()
    before = objects()
    for _ in range(1000):
        cycle()
    assert objects() - before < 500  # fewer than cycles
    assert box.misuse == []


def test_the_same_inputs_give_the_same_trace(make_box):
    def run():
        box = make_box(seed=5, iso=DISC)
        box.usb_host.attach()
        ready(box)
        box.usb_host.read_disc(0, 100)
        box.usb_host.listen()
        box.phone.off_hook()
        box.run_for(2)
        return box.trace.sha256()

    assert run() == run()


def test_what_a_pc_did_can_be_replayed(pc, tmp_path):
    from femtohost.replay import replay

    pc.usb_host.read_disc(0, 30)
    pc.usb_host.detach()
    pc.run_for(1)
    pc.recorder.save(tmp_path / "trace.jsonl")
    box, difference = replay(tmp_path / "trace.jsonl")
    assert difference is None
    box.close()


LOOPBACK = bytes((4, 1)).ljust(64, b"\0")  # a command of the feature report


def test_loopback_gives_back_what_is_played_while_the_disc_is_read(pc):
    host = pc.usb_host
    host.set_report(3, 0, LOOPBACK)
    pc.run_for(0.1)
    played = np.random.default_rng(1).integers(-32768, 32768, 8 * 1500, np.int16)
    host.record()
    host.play(played)
    assert host.read_disc() == DISC
    pc.run_for(2)
    heard = host.recorded
    start = int(np.flatnonzero(heard)[0])
    assert np.array_equal(heard[start : start + len(played)], played)
    assert start < 8 * 100


def test_the_hook_is_told(pc):
    host = pc.usb_host
    host.listen()
    pc.run_until(lambda: pc.state("fxs") == "ON_HOOK")
    pc.phone.off_hook()
    pc.run_until(lambda: host.reports, timeout_s=2)
    assert host.reports[-1][1] == b"\x20"
    pc.phone.on_hook()
    pc.run_until(lambda: len(host.reports) > 1, timeout_s=2)
    assert host.reports[-1][1] == b"\x00"
