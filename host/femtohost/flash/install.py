"""An update file on its way into a box, by the same commands of the firmware as over USB (femtojack.usb.hid 5 to 8)."""

import struct

from femtohost.clock import MS
from femtohost.emulator import Emulator
from femtohost.flash.factory import FlashError

BEGIN, DATA, END = 5, 6, 7
PIECE = 58  # octets in a command
UNDER_WAY = ("receiving", "trial")
FEED = 2 * MS  # how long the box gets to make room
LOOK = 100 * MS  # while it restarts and tests itself
PATIENCE_S = 600


class Installer:
    """Gives `octets` to a box that runs, in its own time.

    `on_end(result)` is called once with the name of what became of it: "confirmed", or what refused or ended it.
    FlashError: the box has no flash.
    """

    def __init__(self, box, octets, on_end):
        self._box, self._octets, self._on_end = box, octets, on_end
        self._taken = 0
        if box.flash is None:
            raise FlashError("the box has no flash")
        if self._load(BEGIN, struct.pack("<I", len(octets))):
            self._feed()
        else:
            on_end(self._result())

    def _load(self, command, operand=b""):
        done = self._box.app.load(bytes((command,)) + operand, self._box.processor.ticks())
        self._box.processor.wake()
        return done

    def _result(self):
        return self._box.app.status()["flash"]["update"]

    def _feed(self):
        """As many octets as it takes now."""
        octets = self._octets
        while self._taken < len(octets):
            piece = octets[self._taken : self._taken + PIECE]
            if not self._load(DATA, struct.pack("<IB", self._taken, len(piece)) + piece):
                break
            self._taken += len(piece)
        if self._taken == len(octets):
            self._load(END)
            self._look()
        elif self._result() == UNDER_WAY[0]:
            self._box.clock.after(FEED, self._feed)
        else:
            self._on_end(self._result())

    def _look(self):
        result = self._result()
        if result in UNDER_WAY:
            self._box.clock.after(LOOK, self._look)
        else:
            self._on_end(result)


def install(flash, octets):
    """Power a box with `flash` on, in virtual time, and give it an update file.

    Returns {"result": as Installer, "slot": the slot that runs then, "version": of its image}.
    """
    ended = []
    with Emulator(flash=flash, keep_trace=False) as box:
        box.run_until(lambda: box.state("fxs") != "DOWN", timeout_s=PATIENCE_S)
        Installer(box, octets, ended.append)
        box.run_until(lambda: ended, timeout_s=PATIENCE_S)
        status = box.app.status()["flash"]
        box.run_for(1)  # what it still writes
    return {"result": ended[0], "slot": status["slot"], "version": status["version"]}
