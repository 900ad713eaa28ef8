"""MicroPython's `micropython` module for CPython: what the firmware uses of it, and no other shim exists."""

import sys


def const(value):
    """The value; a real MicroPython compiler folds it."""
    return value


def schedule(function, argument):
    """Run at once: in the emulator, callbacks come between two steps anyway."""
    function(argument)


def install():
    """Make `import micropython` find this module, before any firmware module is imported."""
    sys.modules.setdefault("micropython", sys.modules[__name__])
