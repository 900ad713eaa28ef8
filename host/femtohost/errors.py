"""Exit codes, and the errors that are a person's to mend."""

GOOD = 0
CHECK_FAILED = 1
USAGE = 2
MISUSE = 3
TIMED_OUT = 4
BOARD_LOST = 5
INTERRUPTED = 130


class UserError(ValueError):
    """Something that a person gave is wrong; the text is one line: what, where, and what would be right."""


class BoardLost(RuntimeError):
    """What runs the firmware is gone; the text says why, with the firmware's last words and the last trace lines."""


class VirtualTimeout(AssertionError):
    """A condition did not come true within its virtual time; the text ends with the last trace lines."""
