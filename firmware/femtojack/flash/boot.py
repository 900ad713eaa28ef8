"""Power-on: which slot's firmware runs, and what is set right before it does.

The journal names the slot. A slot runs only if it verifies: manifest, signature, payload, board, and the floor of the
security counter. The attempts of a trial are counted down before it starts; with none left, or after an update that
was cut, the confirmed slot runs again. When it does not verify, the other does, and the golden image last.
"""

from femtojack.flash import results, slots
from femtojack.flash.floor import Floor
from femtojack.flash.identity import Identity
from femtojack.flash.journal import CONFIRMED, TRIAL, UPDATING, Journal
from femtojack.flash.nor import Nor
from femtojack.flash.slots import GOLDEN, A, B, Slot
from femtojack.flash.update import ATTEMPTS, Updater


class Boot:
    """What power-on found on `board` (femtojack.board, with a `nor`). Waits with board.wait_ms.

    `slot`: "a", "b" or "golden"; None when no image verifies. `number` is its number (femtojack.flash.slots), GOLDEN
    for none; `manifest` is the image's. `trial`: it is on trial. `fault`: None, or what is wrong, in a word or two.
    `identity`, `updater` and `slots` are there in any case.
    """

    def __init__(self, board):
        self._board = board
        self.nor = nor = Nor(board.nor, board.wait_ms)
        self.identity, self.journal, self.floor = Identity(nor), Journal(nor), Floor(nor)
        self.slots = [Slot(nor, number, board.nor.slot_size) for number in range(3)]
        self.number, self.manifest, self.trial = GOLDEN, None, False
        self.fault = self._start() if nor.begin() else "flash lost"
        self.updater = Updater(self, board)
        board.trace("flash.slot", (self.slot or "none").encode())
        if self.fault:
            board.trace("flash.fault", self.fault.encode())

    @property
    def slot(self):
        return slots.name(self.number) if self.manifest else None

    @property
    def counter_floor(self):
        """Images below this are refused: the floor, and what has been confirmed and runs."""
        running = self.manifest.counter if self.manifest and not self.trial else 0
        return max(self.floor.value, running)

    def status(self):
        """slot, version, serial, number, copies (good ones of the identity), update (the name of a result), taken
        (octets of it), trial and fault."""
        return {
            "slot": self.slot,
            "version": self.manifest.version if self.manifest else None,
            "serial": self.identity.serial,
            "number": self.identity.number,
            "copies": self.identity.copies,
            "taken": self.updater.taken,
            "update": results.name(self.updater.result),
            "trial": self.trial,
            "fault": self.fault,
        }

    # -- the choice ---------------------------------------------------------------------------------------------------

    def _start(self):
        """All of power-on with a chip that answers. Returns a fault or None."""
        self.identity.load()
        self.journal.load()
        self.floor.load()
        self._choose()
        if not self.manifest:
            return "no image"
        if self.identity.serial is None:
            return "no identity"
        return None if self.nor.protected else "not protected"

    @property
    def chosen(self):
        """What a board keeps for the App where boot code chooses: femtojack.board, `chosen`."""
        return self.number, self.trial

    def _choose(self):
        journal = self.journal
        chosen = getattr(self._board, "chosen", None)
        if chosen:
            self.number, self.trial = chosen
            self.manifest = self.slots[self.number].manifest()
            return
        if journal.kind == UPDATING:
            self.nor.run(self.roll_back(results.INTERRUPTED))
        elif journal.kind == TRIAL:
            if self._try(journal.target, journal.attempts, journal.checks):
                return
            self.nor.run(self.roll_back(results.ROLLED_BACK))
        elif journal.kind != CONFIRMED and self._try_any():
            return
        self._run_confirmed()

    def _try(self, target, attempts, checks):
        """Start `target` on trial if an attempt is left, it verifies, and the journal has counted the attempt."""
        if not attempts or not GOLDEN < target < len(self.slots) or not self._verifies(target):
            return False
        note = self.journal.note(TRIAL, self.journal.active, target, attempts - 1, results.TRIAL, checks)
        self.trial = self.nor.run(note)
        return self.trial

    def _try_any(self):
        """The journal is lost: what a slot holds may once have failed, so it is on trial again; the newest first."""
        return any(self._try(number, ATTEMPTS, 0) for number in self._by_counter())

    def _run_confirmed(self):
        """The confirmed slot, else the other, else the golden image."""
        active = self.journal.active
        for number in (active, A + B - active, GOLDEN) if active != GOLDEN else (GOLDEN, A, B):
            if self._verifies(number):
                break
        if self.number == active != GOLDEN and self.manifest.counter > self.floor.value:
            # Power failed between the confirmation and this, or the floor was lost.
            self.nor.run(self.floor.raise_to(self.manifest.counter))

    def _by_counter(self):
        """Numbers of the slots with an image, the one of the greater security counter first."""
        found = [(each.manifest(), each.number) for each in self.slots[1:]]
        return [number for _, number in sorted([(m.counter, number) for m, number in found if m], reverse=True)]

    def _verifies(self, number):
        self.manifest = self.nor.run(self.slots[number].verify(self._board, self.floor.value))
        self.number = number if self.manifest else GOLDEN
        return self.manifest is not None

    # -- ends of a trial; scripts -------------------------------------------------------------------------------------

    def roll_back(self, result):
        """Script: the next start is the confirmed slot's."""
        return (yield from self.journal.note(CONFIRMED, self.journal.active, self.journal.target, 0, result))

    def confirm(self):
        """Script: the image on trial is the confirmed one, and no older one is taken any more."""
        if not (yield from self.journal.note(CONFIRMED, self.number, self.journal.active, 0, results.CONFIRMED)):
            return False
        self.trial = False
        yield from self.floor.raise_to(self.manifest.counter)  # if it fails, `counter_floor` still knows
        return True
