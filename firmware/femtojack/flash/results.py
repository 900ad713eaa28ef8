"""What becomes of an update: a code, which the journal and the USB report carry, and its name."""

from micropython import const

NONE = const(0)
RECEIVING = const(1)
TRIAL = const(2)  # installed; the next start is on trial, or this one is
CONFIRMED = const(3)
ROLLED_BACK = const(4)  # it did not come up
INTERRUPTED = const(5)  # power or sender went away
NOT_AN_IMAGE = const(6)
WRONG_BOARD = const(7)
WRONG_REVISION = const(8)
WRONG_KEY = const(9)
BAD_SIGNATURE = const(10)
DOWNGRADE = const(11)  # its security counter is below the floor
REPLAY = const(12)  # it is the image that runs
TRUNCATED = const(13)
OVERSIZE = const(14)  # of the slot, or more than the manifest says
BAD_HASH = const(15)
FLASH_FAILED = const(16)
BUSY = const(17)  # a call, another update, or an image on trial
SELF_TEST_FAILED = const(18)

NAMES = (
    "none", "receiving", "trial", "confirmed", "rolled-back", "interrupted", "not-an-image", "wrong-board",
    "wrong-revision", "wrong-key", "bad-signature", "downgrade", "replay", "truncated", "oversize", "bad-hash",
    "flash-failed", "busy", "self-test-failed",
)  # fmt: skip


def name(code):
    return NAMES[code] if code < len(NAMES) else "unknown"
