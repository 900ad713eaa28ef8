"""A firmware that lies in a slot of the serial flash: the boot code's choice, and its files as a read-only mount.

A board with a `nor` has this and femtojack.flash in its own memory, where no update reaches, and starts with
`start(Board())`. What runs then comes from the slot: its App, which finds in `board.chosen` what was chosen.
"""

import io
import os
import sys

from micropython import const

from femtojack.flash.boot import Boot
from femtojack.flash.package import Package

_ENOENT = const(2)
_EROFS = const(30)
_IFDIR = const(0x4000)
_IFREG = const(0x8000)
MOUNT = "/slot"


class File(io.IOBase):
    """One file, open for reading."""

    def __init__(self, package, name):
        self._package, self._name, self._at = package, name, 0

    def readinto(self, buf):
        n = self._package.read(self._name, self._at, buf)
        self._at += n
        return n

    def ioctl(self, request, argument):
        return 0


class FileSystem:
    """A femtojack.flash.package.Package as os.mount takes it."""

    def __init__(self, package):
        self._package = package

    def mount(self, readonly, mkfs):
        pass

    def umount(self):
        pass

    def open(self, path, mode):
        name = path.lstrip("/")
        if name not in self._package.files:
            raise OSError(_ENOENT)
        if "w" in mode or "a" in mode or "+" in mode:
            raise OSError(_EROFS)
        return File(self._package, name)

    def stat(self, path):
        name = path.lstrip("/")
        if name in self._package.files:
            return (_IFREG, 0, 0, 0, 0, 0, self._package.files[name][1], 0, 0, 0)
        if not name or any(each.startswith(name + "/") for each in self._package.files):
            return (_IFDIR, 0, 0, 0, 0, 0, 0, 0, 0, 0)
        raise OSError(_ENOENT)


def start(board):
    """Choose a slot, and run its firmware for ever. Without one that can be run, the boot code's own."""
    boot = Boot(board)
    board.chosen = boot.chosen
    if boot.manifest:
        chosen = boot.slots[boot.number]
        os.mount(FileSystem(Package(boot.nor, chosen.payload, boot.manifest.size)), MOUNT)
        sys.path.insert(0, MOUNT)
        for name in [name for name in sys.modules if name.split(".")[0] == "femtojack"]:
            del sys.modules[name]  # the boot code's
    from femtojack.app import App

    board.run(App(board))
