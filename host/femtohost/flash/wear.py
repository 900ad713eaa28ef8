"""Years in the life of a flash: updates, and power cuts, some of which come in the midst of one."""

import random

from femtohost.flash import image
from femtohost.flash.look import erases
from femtohost.flash.scenarios import IDENTITY, NEW, scenario, signing_key
from femtohost.flash.sessions import PowerCut, Session, recover
from femtohost.models.nor_silicon import OUTCOMES, RATED_CYCLES

SLOT_KIB = 16  # a slot is erased as a whole, so its size changes nothing


class Life:
    """One box. `updates` were confirmed, `interrupted` were cut."""

    def __init__(self, seed):
        self._rng = random.Random(seed)
        self._box = scenario("update", SLOT_KIB)
        self.flash = self._box.fork(self._box.flash.silicon.fork(random.Random(seed)))
        self._counter = int(NEW)
        self._operations = self._count()
        self.updates = self.interrupted = 0

    def _count(self):
        """Operations of an update."""
        seen = []
        flash = self._box.fork(self.flash.silicon.fork(random.Random(0)))
        Session(flash, lambda session, operation: seen.append(operation)).run(self._box.file)
        return len(seen)

    def _file(self):
        payload = self._rng.randbytes(SLOT_KIB * 1024 - 4096)
        board, revision = self.flash.hardware
        return image.sign(image.assemble(payload, board, str(self._counter), self._counter, revision), signing_key())

    def _come_up(self):
        recovery = recover(self.flash, IDENTITY)
        if recovery.broken:
            raise AssertionError(f"{recovery.broken}, after {self.updates} updates and {self.interrupted} cut ones")

    def update(self):
        """One that comes through."""
        Session(self.flash).run(self._file())
        self._come_up()
        self._counter += 1
        self.updates += 1

    def cut(self, unlucky):
        """The power goes and comes again; with `unlucky` in the midst of an update."""
        if unlucky:
            self.interrupted += 1
            self._interrupt()
        self._come_up()

    def _interrupt(self):
        at, outcome = self._rng.randrange(self._operations), self._rng.choice(OUTCOMES)

        def fail(session, operation):
            if session.operations > at:
                session.chip.cut(outcome)
                raise PowerCut

        try:
            Session(self.flash, fail).run(self._file())
        except PowerCut:
            return


def measure(years, updates_a_year, cuts, unlucky, seed=1, progress=lambda done, of: None):
    """{"erases": {region: of its busiest sector}, "rated", "updates", "cuts", "interrupted"}.

    AssertionError: the box did not survive it.
    """
    life, rng, updates = Life(seed), random.Random(seed), round(years * updates_a_year)
    events = [True] * updates + [False] * cuts
    rng.shuffle(events)
    for number, is_update in enumerate(events):
        if is_update:
            life.update()
        else:
            life.cut(rng.random() < unlucky)
        progress(number + 1, len(events))
    return {
        "erases": erases(life.flash.silicon.store), "rated": RATED_CYCLES, "updates": life.updates, "cuts": cuts,
        "interrupted": life.interrupted,
    }  # fmt: skip
