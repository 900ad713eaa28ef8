"""Where the firmware runs: in this process, or in a MicroPython interpreter behind a pipe. The models are the same.

A target is a text: "cpython", "micropython", or "micropython:240k" for an interpreter with a heap of that size.
"""

import re

from femtohost.errors import UserError

TARGETS = ("cpython", "micropython")


def start(target, board, on_close):
    """The App on `board` (femtohost.board), powered on: femtojack.app's, or one that looks like it from outside.

    What has to be called when the power goes is appended to the list `on_close`. UserError: no such target, or no
    interpreter here. BoardLost: it did not come up.
    """
    name, heap = parse(target)
    if name == "cpython":
        from femtojack.app import App

        return App(board)
    from femtohost.targets.pipe import RemoteApp

    app = RemoteApp(board, heap)
    on_close.append(app.close)
    return app


def parse(target):
    """(one of TARGETS, octets of heap or None) of a target's text; UserError if it is none."""
    name, colon, size = target.partition(":")
    if name not in TARGETS or (colon and (name == "cpython" or not re.fullmatch(r"[1-9]\d{0,6}k", size))):
        raise UserError(f"target {target}: there are cpython, micropython, and micropython:240k (its heap)")
    return name, int(size[:-1]) * 1024 if colon else None
