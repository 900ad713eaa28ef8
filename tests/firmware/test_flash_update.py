"""Updates: what is refused and why, what runs afterwards, and that no power cut makes a brick."""

import random
from contextlib import suppress

import pytest
from flash_bench import (
    NUMBER,
    OTHER_KEY,
    REVISION,
    SERIAL,
    SLOT_SIZE,
    Bench,
    Cut,
    Restart,
    make_image,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from femtohost.models.nor_silicon import OUTCOMES
from femtojack.flash import manifest
from femtojack.flash.layout import PROTECTED, SECTOR, region
from femtojack.flash.update import CHECK_IDENTITY, CHECK_LINE

ROOM = SLOT_SIZE - SECTOR
OLD, NEW = make_image(2, b"old" * 200), make_image(3, b"new" * 300)
JOURNAL, SLOT_A, SLOT_B = region("journal"), region("slot_a"), region("slot_b")


def inside(address, place):
    return place[0] <= address < place[0] + place[1]


def runs(boot, image):
    return boot.manifest is not None and boot.manifest.octets == image[: manifest.SIZE]


@pytest.fixture(scope="module")
def factory():
    """The silicon of a new box: a golden image, an identity."""
    bench = Bench().provision()
    bench.chip.cut("after")
    return bench.silicon


@pytest.fixture(scope="module")
def updated(factory):
    """... which has taken OLD into slot a."""
    bench = Bench(factory.fork(random.Random(1)))
    bench.live(OLD)
    bench.chip.cut("after")
    return bench.silicon


@pytest.fixture
def bench(updated):
    bench = Bench(updated.fork(random.Random(2)))
    yield bench
    assert not list(bench.misuse)


# -- what runs ------------------------------------------------------------------------------------------------------


def test_a_new_box_runs_the_golden_image(factory):
    boot = Bench(factory.fork(random.Random(2))).boot()
    assert boot.status() == {
        "slot": "golden", "version": "1.0", "serial": SERIAL, "number": NUMBER, "copies": 3, "taken": 0,
        "update": "none", "trial": False, "fault": None,
    }  # fmt: skip


def test_updates_go_to_the_slot_that_does_not_run(bench):
    assert bench.boot().slot == "a"
    boot = bench.live(NEW)
    assert runs(boot, NEW) and boot.slot == "b" and boot.status()["update"] == "confirmed"
    boot = bench.live(make_image(4))
    assert boot.slot == "a" and boot.counter_floor == 4
    assert bench.again().boot().slot == "a"


def test_an_image_as_large_as_the_slot(bench):
    image = make_image(3, random.Random(1).randbytes(ROOM))
    assert runs(bench.live(image), image)


def test_an_image_of_one_octet(bench):
    image = make_image(3, b"1")
    assert runs(bench.live(image), image)


# -- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("image", "name"),
    [
        (make_image(3, board="other"), "wrong-board"),
        (make_image(3, revision=REVISION + 1), "wrong-revision"),
        (make_image(3, key=OTHER_KEY), "wrong-key"),
        (make_image(1), "downgrade"),
        (OLD, "replay"),
        (make_image(3, bytes(ROOM + 1)), "oversize"),
        (NEW + b"\0", "oversize"),
        (NEW[:-1], "truncated"),
        (NEW[: manifest.SIZE], "truncated"),
        (NEW[: manifest.SIZE - 1], "truncated"),
        (b"", "truncated"),
        (bytes(1000), "not-an-image"),
        (NEW[:128] + bytes(64) + NEW[192:], "bad-signature"),
        (NEW[:44] + b"\x09" + NEW[45:], "bad-signature"),
    ],
)
def test_what_is_refused_before_anything_is_written(bench, image, name):
    boot = bench.boot()
    assert bench.send(boot.updater, image) == name
    assert bench.operations == 0 and boot.status()["update"] == name
    assert runs(bench.again().boot(), OLD)


@pytest.mark.parametrize(
    ("image", "announced", "name"),
    [
        (NEW[:-1], len(NEW), "truncated"),
        (NEW[: manifest.SIZE + 300], len(NEW), "truncated"),
        (NEW[:-1] + bytes((NEW[-1] ^ 1,)), len(NEW), "bad-hash"),
    ],
)
def test_what_is_refused_only_at_its_end(bench, image, announced, name):
    boot = bench.boot()
    assert bench.send(boot.updater, image, announced) == name
    boot = bench.again().boot()
    assert runs(boot, OLD) and boot.status()["update"] == name
    assert bench.silicon.read(SLOT_B[0], 4) == b"\xff" * 4


def test_every_truncation_is_refused(updated):
    image = make_image(3, b"tiny")
    for n in range(len(image)):
        bench = Bench(updated.fork(random.Random(n)))
        boot = bench.boot()
        assert bench.send(boot.updater, image[:n], len(image)) == "truncated"
        assert runs(bench.again().boot(), OLD)


def test_every_flipped_bit_is_refused(updated):
    image = make_image(3, b"tiny")
    for i in range(8 * len(image)):
        bench = Bench(updated.fork(random.Random(i)))
        octets = bytearray(image)
        octets[i // 8] ^= 1 << i % 8
        boot = bench.boot()
        assert bench.send(boot.updater, bytes(octets)) not in ("trial", "receiving")
        assert (bench.operations > 0) == (i >= 8 * manifest.SIZE)


def test_one_at_a_time(bench):
    boot = bench.boot()
    updater = boot.updater
    assert not updater.end() and not updater.abort() and updater.write(b"x") == 0
    assert updater.begin(len(NEW)) and not updater.begin(len(NEW))
    updater.step(bench.now)
    assert boot.status()["update"] == "receiving"


def test_the_sender_gives_up(bench):
    boot = bench.boot()
    assert boot.updater.begin(len(NEW)) and boot.updater.write(NEW[:600]) == 600
    bench.run(boot.updater, lambda: bench.operations > 4)
    assert boot.updater.abort()
    bench.run(boot.updater, lambda: boot.updater.state == "IDLE")
    assert boot.status()["update"] == "interrupted"
    assert runs(bench.live(NEW), NEW)


def test_the_sender_goes_away(bench):
    boot = bench.boot()
    assert boot.updater.begin(len(NEW)) and boot.updater.write(NEW[:100]) == 100
    before = bench.now
    bench.run(boot.updater, lambda: boot.updater.state == "IDLE")
    assert boot.status()["update"] == "interrupted" and bench.now - before == 60000


def test_not_during_a_call(bench):
    boot = bench.boot()
    calls = [True]
    boot.updater.bind(lambda: not calls, lambda: 0)
    assert bench.send(boot.updater, NEW) == "busy"
    calls.clear()
    assert boot.updater.begin(len(NEW))
    at = 0
    while at < len(NEW):
        at += boot.updater.write(NEW[at:])
        boot.updater.step(bench.now)
        bench.wait_ms(1)
    calls.append(True)
    bench.run(boot.updater, lambda: boot.updater.state == "RESTARTING")
    before = bench.now
    bench.run(boot.updater, lambda: bench.now - before > 5000)  # it waits
    calls.clear()
    with pytest.raises(Restart):
        bench.run(boot.updater, lambda: False)


# -- trial ------------------------------------------------------------------------------------------------------------


def install(bench, image, good=0):
    """Update up to the restart."""
    boot = bench.boot()
    boot.updater.bind(lambda: True, lambda: good)
    with pytest.raises(Restart):
        bench.send(boot.updater, image)


def test_a_trial_that_never_comes_up_ends_after_two_starts(bench):
    install(bench, NEW)
    for n in (1, 2):
        boot = bench.boot()
        assert boot.trial and runs(boot, NEW) and boot.status()["update"] == "trial", n
    boot = bench.boot()
    assert runs(boot, OLD) and not boot.trial and boot.status()["update"] == "rolled-back"
    bench = bench.again()
    assert runs(bench.boot(), OLD)
    assert runs(bench.live(NEW), NEW)  # another try


def test_what_boot_code_chose_is_not_chosen_again(bench):
    """A firmware that was loaded from its slot: the attempt is counted once, and it ends its own trial."""
    install(bench, NEW)
    chosen = bench.boot().chosen
    assert chosen == (2, True)
    bench.chosen = chosen
    operations = bench.operations
    boot = bench.boot()
    assert bench.operations == operations and boot.trial and runs(boot, NEW) and boot.journal.attempts == 1
    bench.run(boot.updater, lambda: boot.updater.state == "TESTING")
    bench.run(boot.updater, lambda: boot.updater.state == "IDLE")
    assert bench.again().boot().slot == "b"


@pytest.mark.parametrize("good", [0, CHECK_LINE, CHECK_IDENTITY])
def test_a_trial_whose_self_test_fails_is_rolled_back(bench, good):
    install(bench, NEW, CHECK_LINE | CHECK_IDENTITY)
    boot = bench.boot()
    boot.updater.bind(lambda: True, lambda: good)
    with pytest.raises(Restart):
        bench.run(boot.updater, lambda: False)
    boot = bench.boot()
    assert runs(boot, OLD) and boot.status()["update"] == "self-test-failed" and boot.counter_floor == 2


def test_what_did_not_work_before_is_not_asked_for(bench):
    install(bench, NEW, CHECK_IDENTITY)
    boot = bench.boot()
    boot.updater.bind(lambda: True, lambda: CHECK_IDENTITY)
    bench.run(boot.updater, lambda: not boot.trial)
    assert boot.counter_floor == 3


def test_a_trial_takes_no_update(bench):
    install(bench, NEW)
    boot = bench.boot()
    assert not boot.updater.begin(500) and boot.status()["update"] == "busy"


def test_a_trial_that_rots_is_not_started(bench):
    install(bench, NEW)
    bench.silicon.rot(SLOT_B[0] + SECTOR + 5, 0)
    boot = bench.boot()
    assert runs(boot, OLD) and boot.status()["update"] == "rolled-back"


# -- damage -----------------------------------------------------------------------------------------------------------


def test_a_damaged_slot_makes_place_for_the_other_if_the_floor_lets_it(bench):
    same = make_image(2, b"the same counter")
    assert runs(bench.live(same), same)
    bench.silicon.rot(SLOT_B[0] + 100, 3)
    assert runs(bench.again().boot(), OLD)


def test_an_older_image_in_the_other_slot_stays_down(bench):
    bench.live(NEW)
    bench.silicon.rot(SLOT_B[0] + SECTOR, 3)
    boot = bench.again().boot()
    assert boot.slot == "golden" and boot.counter_floor == 3
    assert bench.send(boot.updater, OLD) == "downgrade"


def test_a_lost_floor_is_raised_again(bench):
    bench.live(NEW)
    bench.put("floor", b"\xff" * region("floor")[1])
    bench = bench.again()
    assert bench.boot().floor.value == 3
    bench.silicon.rot(SLOT_B[0] + SECTOR, 3)
    assert bench.again().boot().slot == "golden"  # and not OLD, whose counter is 2


@pytest.mark.parametrize("seed", range(3))
def test_garbage_over_all_that_can_be_written(bench, seed):
    rng = random.Random(seed)
    for name in ("journal", "slot_a", "slot_b"):
        bench.put(name, rng.randbytes(region(name)[1]))
    boot = bench.again().boot()
    assert boot.slot == "golden" and boot.fault is None and boot.identity.serial == SERIAL
    bench = bench.again()
    assert runs(bench.live(NEW), NEW) and runs(bench.again().boot(), NEW)


def test_a_lost_journal_puts_a_good_slot_on_trial_again(bench):
    bench.put("journal", b"\xff" * JOURNAL[1])
    bench = bench.again()
    boot = bench.boot()
    assert boot.trial and runs(boot, OLD)
    assert [bench.boot().slot for _ in range(2)] == ["a", "golden"]


@pytest.mark.parametrize("name", ["golden", "slot_a", "slot_b", "journal", "floor"])
def test_no_image_at_all_is_a_fault_and_no_crash(factory, name):
    bench = Bench(factory.fork(random.Random(1)))
    bench.put("golden", bytes(192))
    bench.put(name, b"F" * 4096)
    boot = bench.boot()
    assert boot.slot is None and boot.fault == "no image" and boot.identity.serial == SERIAL


def test_a_chip_that_is_lost_is_a_fault(bench):
    bench.nor.spi.write_readinto = lambda tx, rx: None
    boot = bench.boot()
    assert boot.fault == "flash lost" and boot.slot is None and boot.identity.serial is None
    assert bench.send(boot.updater, NEW) == "flash-failed"


def test_without_protection_there_is_a_fault_and_the_box_runs(bench):
    bench.silicon.store.status[1] = 1 | 0x40  # SRP1: nothing can be written for good
    bench = bench.again()
    bench.chip.status[1] = 0x41
    bench.nor.spi.write_readinto = _without_reset(bench.chip)
    boot = bench.boot()
    assert boot.fault == "not protected" and runs(boot, OLD)
    bench.misuse.clear()


def _without_reset(chip):
    def transfer(tx, rx):
        if tx[0] not in (0x66, 0x99):
            chip.transfer(tx, rx)

    return transfer


@given(
    st.sampled_from(["journal", "floor", "slot_a"]), st.integers(0, SECTOR * 3 - 64), st.binary(min_size=1, max_size=64)
)
@settings(max_examples=100, deadline=None)
def test_rot_anywhere_leaves_a_box(name, offset, octets):
    bench = rotted(name, offset, octets)
    boot = bench.boot()
    assert boot.slot and boot.identity.serial == SERIAL
    assert runs(bench.live(NEW), NEW)


def rotted(name, offset, octets):
    bench = Bench(SILICON[0].fork(random.Random(1)))
    bench.put(name, octets, offset)
    return bench


SILICON = []


@pytest.fixture(autouse=True, scope="module")
def silicon(updated):
    SILICON[:] = [updated]


# -- power cuts -------------------------------------------------------------------------------------------------------


class Watch:
    """The invariants, looked at with each operation and each start of one box."""

    def __init__(self):
        self.floor = 0
        self.boots = 0

    def operations(self, bench):
        """I2: never below the limit. I3: nothing of a slot is erased before a record of this power session is done."""
        for i, (kind, address) in enumerate(bench.log):
            if kind == "status":
                continue
            assert address >= PROTECTED, (kind, hex(address))
            if kind == "erase" and (inside(address, SLOT_A) or inside(address, SLOT_B)):
                noted = [inside(a, JOURNAL) for k, a in bench.log[:i] if k == "program"]
                assert any(noted), bench.log[: i + 1]

    def start(self, boot):
        """I1: an image that verifies. I5: the floor. I6: the identity."""
        self.boots += 1
        assert boot.slot is not None and boot.fault is None
        assert (boot.identity.serial, boot.identity.number) == (SERIAL, NUMBER)
        assert runs(boot, OLD) or runs(boot, NEW)
        assert boot.counter_floor >= self.floor, (boot.counter_floor, self.floor)
        self.floor = boot.counter_floor


def history(silicon, crashes):
    """An update that is cut as `crashes` say, each (operation, outcome), the cuts of recovery included."""
    watch = Watch()
    for at, outcome in crashes:
        bench = Bench(silicon, cut_at=at, outcome=outcome)
        with suppress(Cut):
            bench.live(NEW, watch.start)
        watch.operations(bench)
        if bench.chip.powered:
            bench.chip.cut("after")
    # I8: with the power restored it is settled within three starts, without anybody's help.
    watch.boots = 0
    bench = Bench(silicon)
    boot = bench.live(None, watch.start)
    assert watch.boots <= 3 and not boot.trial and boot.journal.kind == 1
    assert runs(bench.live(NEW, watch.start), NEW)
    watch.operations(bench)
    assert not list(bench.misuse)


def operations_of_an_update(silicon):
    bench = Bench(silicon.fork(random.Random(0)))
    bench.live(NEW)
    return bench.operations


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_the_update_is_cut_at_every_operation(updated, outcome):
    total = operations_of_an_update(updated)
    assert total > 10
    for at in range(1, total + 1):
        history(updated.fork(random.Random(at)), [(at, outcome)])


def test_a_trial_is_cut_at_every_start(bench):
    """Nobody confirms: the power goes with each start; it ends with the old image."""
    install(bench, NEW)
    starts = []
    for _ in range(4):
        bench = bench.again()
        starts.append(bench.boot().slot)
    assert starts == ["b", "b", "a", "a"]


@given(
    st.lists(st.tuples(st.integers(1, 24), st.sampled_from(OUTCOMES)), min_size=2, max_size=5),
    st.integers(0, 2**32),
)
@settings(max_examples=150, deadline=None)
def test_the_update_is_cut_again_and_again(crashes, seed):
    history(SILICON[0].fork(random.Random(seed)), crashes)
