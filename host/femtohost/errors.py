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


class VirtualTimeout(AssertionError):
    """A condition did not come true within its virtual time; the text ends with the last trace lines."""
