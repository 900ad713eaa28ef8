"""Power sessions of a box that is nothing but its flash and the firmware that cares for it, in virtual time."""

import random
from dataclasses import dataclass

from femtohost.clock import MS
from femtohost.flash.factory import Jig
from femtojack.flash.boot import Boot
from femtojack.flash.update import IDLE, RECEIVING

CHUNK = 1024  # octets that the sender offers at a time


class PowerCut(BaseException):
    """The power failed; nothing in the firmware may catch it."""


class Restart(BaseException):
    """The firmware asked for a restart."""


class WatchedBoot(Boot):
    """`found` is the kind of the journal's newest record at power-on, None when there was none."""

    found = None

    def _choose(self):
        self.found = self.journal.kind
        super()._choose()


class Session(Jig):
    """One time under power. `flash` is femtohost.flash.memory.Flash; `on_operation(session, operation)` sees each
    program and erase as it begins, and may raise PowerCut once the operation has been left to `chip.cut`."""

    def __init__(self, flash, on_operation=None):
        super().__init__(flash)
        self.operations = 0
        self._on_operation = on_operation
        self._begun = None
        self.chip.on_operation.append(self._note)
        self.cs = self
        self.boot = None

    def _note(self, operation):
        self.operations += 1
        self._begun = operation

    def value(self, level):
        """The CS pin: what begins with its edge is seen right after it."""
        self.chip.cs(level)
        if self._begun is not None:
            begun, self._begun = self._begun, None
            if self._on_operation:
                self._on_operation(self, begun)

    @property
    def led(self):
        return None

    def reset(self):
        raise Restart

    def run(self, file=None):
        """Boot, take the update `file` if there is one, and go on until nothing is left to do.

        Returns whether the firmware asked for a restart. `boot` is the firmware's Boot.
        """
        self.boot = WatchedBoot(self)
        try:
            if file is not None:
                self._send(file)
            self._settle()
        except Restart:
            return True
        return False

    @property
    def _now(self):
        return self.clock.now // MS

    def _send(self, file):
        updater = self.boot.updater
        if not updater.begin(len(file)):
            return
        taken = 0
        while updater.state == RECEIVING:
            taken += updater.write(file[taken : taken + CHUNK])
            if taken == len(file):
                updater.end()
            self._step()

    def _settle(self):
        updater = self.boot.updater
        updater.step(self._now)
        while updater.state != IDLE or self.boot.trial:
            self._step()

    def _step(self):
        updater = self.boot.updater
        updater.step(self._now)
        deadline = updater.deadline
        self.wait_ms(1 if deadline is None else max(deadline - self._now, 0))


@dataclass
class Recovery:
    """How a box came up again: `boots` until it was settled, `version` that runs, `slot`; `broken`: why it did not."""

    boots: int
    version: str | None
    slot: str | None
    broken: str | None = None


MOST_BOOTS = 3


def recover(flash, identity, on_operation=None, may_lose_journal=False):
    """Power on, again and again, until nothing is left to do: a Recovery. `identity` is the (serial, number)."""
    session = None
    for boots in range(1, MOST_BOOTS + 1):
        session = Session(flash, on_operation)
        restart = session.run()
        boot = session.boot
        broken = _broken(session, identity, may_lose_journal)
        if broken or not restart:
            return Recovery(boots, boot.manifest and boot.manifest.version, boot.slot, broken)
    return Recovery(MOST_BOOTS + 1, boot.manifest.version, boot.slot, "too many boots")


def _broken(session, identity, may_lose_journal):
    """What is wrong with a box that has booted, or None."""
    boot = session.boot
    if boot.slot is None:
        return NOT_BOOTING
    if (boot.identity.serial, boot.identity.number) != identity:
        return IDENTITY_LOST
    if boot.found is None and not may_lose_journal:
        return "journal lost"
    if session.misuse:
        return f"misuse: {session.misuse[0]}"
    return boot.fault


NOT_BOOTING, IDENTITY_LOST = "not booting", "identity lost"


def interrupted(silicon, operation, outcome, seed):
    """A copy of `silicon` as a power cut in the midst of `operation`, its last one, left it."""
    copy = silicon.fork(random.Random(seed))
    copy.interrupt(operation, outcome)
    return copy
