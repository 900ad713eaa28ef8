"""Power cuts everywhere: each operation of an update or a repair, each way to leave it, and again while it recovers.

A history is a series of cuts, and what became of the box after the last one. Histories share their beginnings: the
flash is copied at each operation, and what changes afterwards is all that a copy costs. Signatures are verified as
ever; results are remembered by content (femtohost.crypto).
"""

import random
from collections import Counter
from dataclasses import dataclass, field

from femtohost.clock import Clock
from femtohost.flash.scenarios import IDENTITY, NEW, OLD, scenario
from femtohost.flash.sessions import IDENTITY_LOST, NOT_BOOTING, Recovery, Session, interrupted, recover
from femtohost.misuse import MisuseLog
from femtohost.models.nor import W25Q128
from femtohost.models.nor_silicon import AFTER, BEFORE, OUTCOMES, Operation, Silicon
from femtohost.models.nor_stray import run_wild
from femtojack.flash.floor import Floor
from femtojack.flash.layout import COPIES, region

STRAY = "stray"  # the firmware runs wild at that operation, and then the power goes
MODES = (*OUTCOMES, STRAY)
AIMS = (*COPIES, region("boot")[0], region("golden")[0])  # what it strikes at least once
DEFINITE = (BEFORE, AFTER)  # one seed says all
MOST_FAILURES = 20  # that are kept with their history


@dataclass(frozen=True)
class Cut:
    """One cut: the number of the operation in its power session, how it was left, the seed of that."""

    operation: int
    mode: str
    seed: int

    def __str__(self):
        return f"{self.operation}:{self.mode}:{self.seed}"


@dataclass(frozen=True)
class Snapshot:
    """A box as an operation begins: the number of the operation in its power session, and the chip's `settings`."""

    number: int
    silicon: Silicon
    operation: Operation
    settings: tuple

    @classmethod
    def of(cls, number, flash, session, operation):
        return cls(number, flash.silicon.fork(None), operation, session.chip.settings)


@dataclass
class Tally:
    """What became of some histories. `outcomes`: how often the box ran which version in the end."""

    histories: int = 0
    identity_lost: int = 0
    not_booting: int = 0
    broken: int = 0
    max_boots: int = 0
    outcomes: Counter = field(default_factory=Counter)
    failures: list = field(default_factory=list)

    def count(self, cuts, verdict, boots):
        """One more: `verdict` is the version that runs, or begins with "!" and says what is wrong."""
        self.histories += 1
        self.max_boots = max(self.max_boots, boots)
        self.outcomes[verdict] += 1
        if verdict.startswith("!"):
            self.identity_lost += verdict == "!" + IDENTITY_LOST
            self.not_booting += verdict == "!" + NOT_BOOTING
            self.broken += 1
            if len(self.failures) < MOST_FAILURES:
                self.failures.append({"cuts": [str(cut) for cut in cuts], "what": verdict[1:]})

    def add(self, other):
        """Those of another Tally as well."""
        self.histories += other.histories
        self.identity_lost += other.identity_lost
        self.not_booting += other.not_booting
        self.broken += other.broken
        self.max_boots = max(self.max_boots, other.max_boots)
        self.outcomes += other.outcomes
        self.failures = (self.failures + other.failures)[:MOST_FAILURES]

    def as_dict(self):
        return {
            "histories": self.histories, "identity_lost": self.identity_lost, "not_booting": self.not_booting,
            "broken": self.broken, "max_boots": self.max_boots, "outcomes": dict(sorted(self.outcomes.items())),
            "failures": self.failures,
        }  # fmt: skip

    @classmethod
    def from_dict(cls, facts):
        return cls(**facts | {"outcomes": Counter(facts["outcomes"])})


class Sweep:
    """All histories of one scenario with slots of `slot_kib`, up to `depth` cuts each; `seeds` for what is random.

    `at` needs nothing of other operations' histories: parts of a sweep can be made anywhere, in any order.
    """

    def __init__(self, name, slot_kib, modes=MODES, depth=1, seeds=1):
        self.scenario = scenario(name, slot_kib)
        self.modes, self.depth, self.seeds = tuple(modes), depth, seeds
        self._first = None

    @property
    def first(self):
        """A Snapshot of every operation, when power never fails: to the end of the trial."""
        if self._first is None:
            flash = self.scenario.fork(self.scenario.flash.silicon.fork(random.Random(0)))
            self._first, observe = _watched(flash)
            if Session(flash, observe).run(self.scenario.file):
                recover(flash, IDENTITY, observe)
        return self._first

    def at(self, number):
        """{mode: Tally} of the histories whose first cut is at operation `number` of the first power session."""
        tallies = {}
        for mode in self.modes:
            tallies[mode] = Tally()
            for seed in range(1 if mode in DEFINITE else self.seeds):
                self._cut(tallies[mode], (), self.first[number], Cut(number, mode, seed), self.depth - 1)
        return tallies

    def _cut(self, tally, before, snapshot, cut, more):
        """One cut, and what follows from it; `more` cuts may still come."""
        cuts = (*before, cut)
        flash = self.scenario.fork(_left(snapshot, cut))
        following, observe = _watched(flash) if more else (None, None)
        recovery = _recover(flash, observe, cuts)
        tally.count(cuts, verdict(self.scenario, flash, cuts, recovery), recovery.boots)
        if more and not recovery.broken:
            for each in following:
                for mode in self.modes:
                    for seed in range(1 if mode in DEFINITE else self.seeds):
                        self._cut(tally, cuts, each, Cut(each.number, mode, seed), more - 1)


def verdict(box, flash, cuts, recovery):
    """What became of the box of a Scenario after `cuts`, as Tally.count wants it."""
    if recovery.broken:
        return "!" + recovery.broken
    if not box.is_untouched(flash.silicon):
        return "!what is protected has changed"
    if _wild(cuts):
        return recovery.version  # it may have lost both slots, and the floor
    if recovery.version not in ((OLD, NEW) if box.file else (OLD,)):
        return f"!runs {recovery.version}"
    floor = Floor(Session(flash).driver())
    floor.load()
    return recovery.version if floor.value >= int(OLD) else f"!the floor fell to {floor.value}"


def _watched(flash):
    """A list and an observer that puts a Snapshot of every operation into it."""
    seen = []

    def observe(session, operation):
        seen.append(Snapshot.of(len(seen), flash, session, operation))

    return seen, observe


def _left(snapshot, cut):
    """A copy of the silicon as `cut` left it in the midst of the operation.

    A wild firmware finds the chip as it is then, with what is open for that operation.
    """
    if cut.mode != STRAY:
        return interrupted(snapshot.silicon, snapshot.operation, cut.mode, _seed(cut))
    copy = snapshot.silicon.fork(random.Random(_seed(cut)))
    clock = Clock()
    chip = W25Q128(clock, MisuseLog(clock), copy)
    chip.resume(snapshot.settings)
    run_wild(chip, copy.rng, AIMS)
    return copy


def _seed(cut):
    return cut.operation * 1009 + cut.seed


def _wild(cuts):
    return any(cut.mode == STRAY for cut in cuts)


def _recover(flash, observe, cuts):
    try:
        return recover(flash, IDENTITY, observe, may_lose_journal=_wild(cuts))
    except Exception as error:  # a crash of the firmware is a verdict
        return _crash(error)


def _crash(error):
    return Recovery(1, None, None, f"crash: {type(error).__name__}: {error}")


class Walk:
    """Sampled histories of up to `depth` cuts: random operations of random power sessions, with updates sent again."""

    def __init__(self, name, slot_kib, modes=MODES, depth=3):
        self.scenario = scenario(name, slot_kib)
        self.modes, self.depth = tuple(modes), depth
        self._first = Sweep(name, slot_kib).first

    def history(self, seed):
        """A Tally of one history."""
        rng, cuts, tally = random.Random(seed), [], Tally()
        snapshot = rng.choice(self._first)
        while True:
            cuts.append(Cut(snapshot.number, rng.choice(self.modes), seed))
            flash = self.scenario.fork(_left(snapshot, cuts[-1]))
            last = len(cuts) == self.depth or rng.random() < 1 / self.depth
            sample = Sample(flash, rng)
            sends = not last and rng.random() < 1 / 4
            recovery = self._session(flash, None if last else sample, cuts, sends)
            if last or recovery.broken or sample.snapshot is None:
                tally.count(cuts, verdict(self.scenario, flash, cuts, recovery), recovery.boots)
                return tally
            snapshot = sample.snapshot

    def _session(self, flash, observe, cuts, sends):
        """A power session that may get the update again, and all that follows from it."""
        if sends:
            try:
                Session(flash, observe).run(self.scenario.file)
            except Exception as error:
                return _crash(error)
        return _recover(flash, observe, cuts)


class Sample:
    """An observer that keeps one of the operations it sees, each with the same chance: `snapshot`, None before any."""

    def __init__(self, flash, rng):
        self._flash, self._rng = flash, rng
        self._seen = 0
        self.snapshot = None

    def __call__(self, session, operation):
        self._seen += 1
        if self._rng.random() * self._seen < 1:
            self.snapshot = Snapshot.of(self._seen - 1, self._flash, session, operation)
