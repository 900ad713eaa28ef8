"""The update of the firmware: takes an image, writes it to the slot that does not run, and has it tried.

Nothing is erased before the manifest is judged and the journal says UPDATING. The manifest is written last, the
journal says TRIAL only when the slot verifies, and the next start is the first of its attempts. A start on trial is
confirmed when what worked before the update works again for some seconds; else it is rolled back, as it is when its
attempts are used up.
"""

from micropython import const

from femtojack.flash import manifest, results
from femtojack.flash.journal import CONFIRMED, TRIAL, UPDATING
from femtojack.flash.layout import PAGE, SECTOR
from femtojack.flash.slots import A, B, refusal
from femtojack.ticks import Timer

IDLE = "IDLE"
RECEIVING = "RECEIVING"
TESTING = "TESTING"  # the image that runs is on trial
RESTARTING = "RESTARTING"
STATES = (IDLE, RECEIVING, TESTING, RESTARTING)

ATTEMPTS = const(2)  # starts on trial: the third start is the old image's
CHECK_LINE = const(1)  # the self-test wants what was good when the image was taken
CHECK_IDENTITY = const(2)

_BUFFER = const(1024)
_SILENCE_MS = const(60000)  # the sender went away
_TEST_MS = const(1000)  # between two looks of the self-test
_TESTS = const(5)  # good ones in a row
_TEST_MOST = const(60)  # looks
_RESTART_MS = const(500)  # for the sender to see the result
_WAIT = None  # what the script yields to wait for octets
_DONE = -1


class Updater:
    """One update at a time, for any transport: `begin`, `write` until all is taken, `end`; `result` says what became.

    `boot` is femtojack.flash.boot.Boot.
    """

    def __init__(self, boot, board):
        self._boot, self._board = boot, board
        self._journal = boot.journal
        self._trace = board.trace
        self._quiet = self._good = None
        self.result = boot.journal.result
        self.state = IDLE
        self._buffer = bytearray(_BUFFER)
        self._view = memoryview(self._buffer)
        self._filled = self.taken = self._total = 0
        self._ended = False
        self._script = None
        self._wants = 0  # octets that the script waits for
        self._timer = Timer()
        self._silence = Timer()

    def bind(self, quiet, good):
        """`quiet()`: whether an update, or a restart for it, disturbs nobody. `good()`: CHECK_... of what works now."""
        self._quiet, self._good = quiet, good

    @property
    def _disturbs(self):
        return self._quiet is not None and not self._quiet()

    @property
    def _works(self):
        return self._good() if self._good else 0

    # -- what a transport calls ---------------------------------------------------------------------------------------

    def begin(self, total):
        """An update file of `total` octets comes. False: not now, or it is none; `result` says why."""
        if self.state == RECEIVING:
            return False
        if self.state != IDLE or self._boot.trial or self._disturbs:
            return self._conclude(results.BUSY)
        if total < manifest.SIZE:
            return self._conclude(results.TRUNCATED)
        self._filled = self.taken = 0
        self._total, self._ended = total, False
        self.result = results.RECEIVING
        self._go(RECEIVING)
        self._script = self._update()
        self._wants = 0
        self._silence.stop()
        return True

    @property
    def room(self):
        """Octets that `write` takes now."""
        return _BUFFER - self._filled if self.state == RECEIVING and not self._ended else 0

    def write(self, octets):
        """Take the next octets of the file, as many as there is room for now. Returns how many."""
        n = min(len(octets), self.room)
        self._view[self._filled : self._filled + n] = octets[:n]
        self._filled += n
        self.taken += n
        self._silence.stop()
        return n

    def end(self):
        """That was all of it. False: nothing is being received."""
        self._ended = True
        return self.state == RECEIVING

    def abort(self):
        """The sender gives up. False: nothing is being received."""
        if self.state == RECEIVING:
            self._total = -1
        return self.end()

    # -- time ---------------------------------------------------------------------------------------------------------

    def step(self, now):
        """Go on with what is due."""
        if self._boot.trial and self.state == IDLE:
            self._begin_test()
        if self._silence.due(now):
            self.abort()
        if self._timer.due(now) or self._may_go_on:
            self._resume(now)
        if self._waits and not self._silence.running:
            self._silence.start(now, _SILENCE_MS)

    @property
    def deadline(self):
        return self._timer.deadline if self._timer.running else self._silence.deadline

    @property
    def _waits(self):
        """The script waits for octets that are not there."""
        return self._wants > self._filled and not self._ended

    @property
    def _may_go_on(self):
        return self._script is not None and not self._timer.running and not self._waits

    def _resume(self, now):
        ms = next(self._script, _DONE) if self._script else _DONE
        if ms == _DONE:
            self._script = None
        elif ms != _WAIT:
            self._timer.start(now, ms)

    def _go(self, state):
        self.state = state
        self._trace("flash.update", state.encode())

    def _conclude(self, result):
        """An end: True for a result that is no refusal."""
        self.result = result
        self._trace("flash.result", results.name(result).encode())
        return result == results.TRIAL

    # -- receiving ----------------------------------------------------------------------------------------------------

    def _update(self):
        """Script: all of an update."""
        boot = self._boot
        target = boot.slots[B if boot.number == A else A]
        octets = yield from self._take(manifest.SIZE)
        found = manifest.parse(octets) if octets else None
        running = boot.manifest
        code = self._missing() if octets is None else self._refusal(found, running, target)
        if not code and not (yield from self._note(UPDATING, target, results.RECEIVING)):
            code = results.FLASH_FAILED
        if not code:
            code = yield from self._install(target, found)
            if code == results.TRIAL:
                noted = yield from self._note(TRIAL, target, code)
                code = code if noted else results.FLASH_FAILED
            if code != results.TRIAL:
                yield from self._note(CONFIRMED, target, code)
        self._silence.stop()
        if self._conclude(code):
            yield from self._restart()
        else:
            self._go(IDLE)

    def _refusal(self, found, running, target):
        return refusal(found, self._board, running, self._boot.counter_floor, target.room, self._total)

    def _missing(self):
        """Why octets are missing."""
        return results.INTERRUPTED if self._total < 0 else results.TRUNCATED

    def _note(self, kind, target, result):
        """Script: into the journal. The slot that runs is the one to return to."""
        trial = kind == TRIAL
        return (
            yield from self._journal.note(
                kind, self._boot.number, target.number, ATTEMPTS if trial else 0, result, self._works if trial else 0
            )
        )

    def _install(self, slot, found):
        """Script: manifest `found` and the payload that comes into `slot`. Returns a result."""
        nor = self._boot.nor
        # The first sector goes first: from here on there is no image, whatever the rest holds.
        if not (yield from nor.erase(slot.start)):
            return results.FLASH_FAILED
        for at in range(0, found.size, PAGE):
            if at % SECTOR == 0 and not (yield from nor.erase(slot.payload + at)):
                return results.FLASH_FAILED
            page = yield from self._take(min(PAGE, found.size - at))
            if page is None:
                return self._missing()
            if not (yield from nor.write(slot.payload + at, page)):
                return results.FLASH_FAILED
        if (yield from slot.digest(found.size)) != found.sha256:
            return results.BAD_HASH
        if not (yield from nor.write(slot.start, found.octets)):
            return results.FLASH_FAILED
        good = yield from slot.verify(self._board, self._boot.counter_floor)
        return results.TRIAL if good else results.FLASH_FAILED

    def _take(self, n):
        """Script: the next `n` octets; None when they do not come."""
        self._wants = n
        if self._filled < n and not self._ended:
            yield _WAIT
        self._wants = 0
        if self._filled < n or self._total < 0:
            return None
        octets = bytes(self._view[:n])
        self._filled -= n
        self._buffer[: self._filled] = self._buffer[n : n + self._filled]
        return octets

    # -- trial --------------------------------------------------------------------------------------------------------

    def _begin_test(self):
        """The image that runs is on trial."""
        self._go(TESTING)
        self.result = results.TRIAL
        self._script = self._test()

    def _test(self):
        """Script: the self-test, then the end of the trial."""
        boot, checks = self._boot, self._journal.checks
        good = 0
        for _ in range(_TEST_MOST):
            good = good + 1 if checks & ~self._works == 0 else 0
            if good == _TESTS:
                break
            yield _TEST_MS
        if good == _TESTS and (yield from boot.confirm()):
            self._conclude(results.CONFIRMED)
            self._go(IDLE)
            return
        yield from boot.roll_back(results.SELF_TEST_FAILED)
        self._conclude(results.SELF_TEST_FAILED)
        yield from self._restart()

    def _restart(self):
        """Script: once nobody is in a call."""
        self._go(RESTARTING)
        yield _RESTART_MS
        while self._disturbs:
            yield _RESTART_MS
        self._board.reset()
