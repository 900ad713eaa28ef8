"""The sweep of power cuts: what it finds in the firmware, and that it finds what is wrong."""

import json

import pytest

from femtohost.errors import UserError
from femtohost.flash import powercut, powercut_map, powercut_run, scenarios, wear
from femtohost.flash.powercut import MODES, STRAY, Sweep, Tally, Walk
from femtohost.flash.powercut_run import Options, run
from femtohost.models.nor_silicon import AFTER, LATE
from femtojack.flash import boot, identity, nor
from femtojack.flash.journal import Journal
from femtojack.flash.layout import region

SLOT = 8  # KiB, for what must be quick


@pytest.fixture
def fresh():
    """No scenario that was made with other firmware."""
    scenarios.scenario.cache_clear()
    yield
    scenarios.scenario.cache_clear()


def swept(sweep, numbers=None):
    """A Tally of the histories whose first cut is at one of the operations `numbers`; all by default."""
    total = Tally()
    for number in range(len(sweep.first)) if numbers is None else numbers:
        for tally in sweep.at(number).values():
            total.add(tally)
    return total


@pytest.mark.parametrize("name", scenarios.SCENARIOS)
def test_one_cut_anywhere(name):
    total = swept(Sweep(name, SLOT, seeds=2))
    assert total.broken == 0, total.failures
    assert total.max_boots <= 3
    assert total.histories == len(Sweep(name, SLOT).first) * (2 + 4 * 2)
    assert name == "identity" or {"2", "3"} <= set(total.outcomes)


def test_two_cuts_where_the_journal_is_written():
    sweep = Sweep("update", SLOT, depth=2)
    total = swept(sweep, in_region(sweep, "journal"))
    assert total.broken == 0, total.failures


def test_two_cuts_in_the_repair_of_the_identity():
    total = swept(Sweep("identity", SLOT, depth=2))
    assert total.broken == 0, total.failures
    assert total.histories > 300


def test_sampled_histories():
    walk, total = Walk("update", SLOT, depth=5), Tally()
    for seed in range(60):
        total.add(walk.history(seed))
    assert total.broken == 0, total.failures
    assert total.histories == 60


def test_histories_are_made_again_by_their_seed():
    walk = Walk("update", SLOT, depth=4)
    assert walk.history(7).as_dict() == walk.history(7).as_dict()
    sweep = Sweep("update", SLOT, seeds=2)
    one = {mode: tally.as_dict() for mode, tally in sweep.at(5).items()}
    assert one == {mode: tally.as_dict() for mode, tally in Sweep("update", SLOT, seeds=2).at(5).items()}


# -- what it must find


def in_region(sweep, name):
    start, size = region(name)
    return [each.number for each in sweep.first if start <= each.operation.address < start + size]


class TwoSectors(Journal):
    """A journal as most have it: the other one of two sectors is erased for the next record."""

    def _turn(self):
        if self.kind is None:
            return (yield from self._begin_anew())
        return (yield from self._clear(1 - self._sector, self._sector))


def test_it_finds_that_two_sectors_are_too_few(monkeypatch, fresh):
    monkeypatch.setattr(boot, "Journal", TwoSectors)
    sweep = Sweep("update", SLOT, modes=(LATE, AFTER), depth=2, seeds=4)
    total = swept(sweep, in_region(sweep, "journal"))
    assert "journal lost" in {failure["what"] for failure in total.failures}


def test_it_finds_that_the_chip_protects_nothing(monkeypatch, fresh):
    monkeypatch.setattr(nor, "_WANTED", ((0x00, 0xFC), (0x00, 0x43), (0x00, 0x04)))
    total = swept(Sweep("update", SLOT, modes=(STRAY,)))
    assert total.broken
    assert total.not_booting or total.identity_lost


def repaired(seeds=4):
    """What becomes of the identity when the firmware runs wild while it is repaired."""
    return swept(Sweep("identity", SLOT, modes=(STRAY,), seeds=seeds))


def test_it_finds_that_the_copies_of_the_identity_lie_together(monkeypatch, fresh):
    """As they once did: all three between 4 and 8 MiB, which BP=101 opens."""
    together = (0x7D0000, 0x7E0000, 0x7F0000)
    for module in (nor, identity, scenarios, powercut):
        monkeypatch.setattr(module, "COPIES", together)
    monkeypatch.setattr(powercut, "AIMS", together)
    monkeypatch.setattr(nor, "_COPY_0_OPEN", nor._COPIES_OPEN)
    monkeypatch.setattr(identity.Identity, "_may_open", lambda self, i: True)
    assert repaired().identity_lost


def test_it_finds_that_all_is_open_while_a_copy_is_written(monkeypatch, fresh):
    monkeypatch.setattr(nor, "_COPIES_OPEN", b"\x80\x00")
    assert repaired().not_booting


def test_it_finds_that_the_boot_code_is_open(monkeypatch, fresh):
    monkeypatch.setattr(nor, "_COPY_0_OPEN", b"\xa4\x40")  # CMP, TB, BP=001: the first 256 KiB
    assert any("protected" in failure["what"] for failure in repaired().failures)


def test_it_finds_that_the_registers_stay_unlocked_while_a_copy_is_written(monkeypatch, fresh):
    lock = nor.Nor._set_volatile

    def unlocked(self, registers):
        lock(self, registers)
        self._wp.value(1)

    monkeypatch.setattr(nor.Nor, "_set_volatile", unlocked)
    assert repaired().broken


def test_it_finds_that_a_copy_is_opened_when_the_others_are_read_by_luck(monkeypatch, fresh):
    monkeypatch.setattr(identity.Identity, "_may_open", lambda self, i: True)
    monkeypatch.setattr(identity.Identity, "_sealed", lambda self, copies, octets: copies)
    total = swept(Sweep("identity", SLOT, modes=(LATE, STRAY), depth=2, seeds=4), [1])  # copy 0 is programmed
    assert total.identity_lost


def test_nothing_is_open_while_the_slots_are_written():
    locked = b"\xb8\x00\x60", 0
    assert {each.settings for each in Sweep("update", SLOT).first} == {locked}


def test_one_copy_is_out_of_reach_while_another_is_written():
    """The ranges as flashrom lists them, without our model's arithmetic: (begin, end) of what is protected."""
    ranges = {b"\xe4\x40\x60": (0x001000, 0x1000000), b"\xb4\x00\x60": (0x000000, 0x400000)}
    for each in Sweep("identity", SLOT).first:
        registers, wp = each.settings
        begin, end = ranges[registers]
        assert wp == 0
        assert not begin <= each.operation.address < end
        assert any(begin <= copy < end for copy in identity.COPIES)
        assert all(begin <= region(name)[0] < end for name in ("boot", "golden"))


def test_it_finds_an_identity_that_is_defaulted(monkeypatch, fresh):
    load = boot.Identity.load

    def defaulting(self):
        load(self)
        if self.copies < 2:
            self.serial, self.number = "0123456E6680", "0000000000"

    monkeypatch.setattr(boot.Identity, "load", defaulting)
    assert swept(Sweep("identity", SLOT)).identity_lost


def test_it_finds_a_crash(monkeypatch, fresh):
    sweep = Sweep("update", SLOT)
    assert sweep.first
    monkeypatch.setattr(boot.Boot, "roll_back", lambda self, result: 1 // 0)
    assert any("ZeroDivisionError" in failure["what"] for failure in swept(sweep, range(3, 6)).failures)


# -- the command


def test_the_command(run, tmp_path):
    pytest.importorskip("matplotlib")
    code, out, _ = run("powercut", "--slot", SLOT, "--sample", 4, "--workers", 1, "--out", tmp_path / "out", "--json")
    facts = json.loads(out)
    assert code == 0
    assert {"histories", "identity_lost", "not_booting", "max_boots", "seconds"} <= set(facts)
    assert facts["histories"] == 2 * 4 * len(MODES)
    assert (tmp_path / "out" / "map.svg").read_text().startswith("<?xml")
    code, out, _ = run("powercut", "--slot", SLOT, "--sample", 4, "--workers", 1)
    assert "identity lost 0" in out and "marginal-late" in out


def test_workers_find_the_same(tmp_path):
    options = Options(slot=SLOT, sample=3)
    one, two = run(options), run(options, workers=2)
    for key in ("histories", "outcomes", "max_boots", "operations"):
        assert one[key] == two[key]


def test_it_goes_on_where_it_was_interrupted(tmp_path, monkeypatch):
    options = Options(slot=SLOT, sample=4)
    work, calls = powercut_run.work, []

    def counted(options, task):
        calls.append(task)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return work(options, task)

    monkeypatch.setattr(powercut_run, "work", counted)
    with pytest.raises(KeyboardInterrupt):
        run(options, folder=tmp_path)
    with (tmp_path / "done.jsonl").open("a") as file:
        file.write('{"task": ["cut"')
    result = run(options, folder=tmp_path)
    assert len(calls) == 3 + 6
    assert result["histories"] == 2 * 4 * len(MODES)
    with pytest.raises(UserError, match="other options"):
        run(Options(slot=SLOT, sample=5), folder=tmp_path)


@pytest.mark.parametrize("options", [{"modes": ("sideways",)}, {"depth": 0}, {"slot": 4}, {"slot": 5000}])
def test_options_that_are_wrong(options):
    with pytest.raises(UserError):
        Options(**options)


def test_marks():
    assert [powercut_map.mark(o) for o in ({"2": 3}, {"3": 1}, {"1": 1}, {"2": 1, "3": 1}, {"2": 9, "!x": 1})] == [
        ".", "#", "g", "+", "!"
    ]  # fmt: skip


# -- years


def test_a_month_of_bad_luck_wears_little():
    facts = wear.measure(years=0.2, updates_a_year=52, cuts=40, unlucky=0.5)
    assert facts["updates"] == 10 and facts["cuts"] == 40 and 10 < facts["interrupted"] < 30
    erases = facts["erases"]
    assert erases["golden"] == 0 and 1 <= erases["identity"] <= 3
    assert 5 <= erases["slot_a"] <= 60 and 5 <= erases["journal"] <= 60
