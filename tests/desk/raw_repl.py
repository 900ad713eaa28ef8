"""A board's prompt in an interpreter on the host: MicroPython's raw REPL on stdin and stdout, over littlefs in a file.

Arguments: the file with the flash; the number of block writes after which the power is cut (0: never); octets of the
ROMFS partition at the end of the flash (0: none). What is written after the cut is lost, and the prompt ends. At its
end it tells stderr how many writes there were.
"""

import io
import os
import sys

import vfs

BLOCK, COUNT = 4096, 256  # of the file system
WINDOW = 32768


class Flash:
    """NOR flash in a file: erase sets, programming clears."""

    def __init__(self, path, cut):
        self.file = open(path, "r+b")  # noqa: SIM115 (open for ever)
        self.cut = cut
        self.writes = 0

    def _alive(self):
        self.writes += 1
        return not self.cut or self.writes <= self.cut

    def readblocks(self, n, buf, offset=0):
        self.file.seek(n * BLOCK + offset)
        self.file.readinto(buf)

    def writeblocks(self, n, buf, offset=0):
        if self._alive():
            self.file.seek(n * BLOCK + offset)
            self.file.write(buf)
            self.file.flush()

    def ioctl(self, op, arg):
        if op == 4:
            return COUNT
        if op == 5:
            return BLOCK
        if op == 6 and self._alive():
            self.file.seek(arg * BLOCK)
            self.file.write(b"\xff" * BLOCK)
            self.file.flush()
        return 0


class Partition(bytearray):
    """The ROMFS partition, as rp2's: a block device that can be read as memory."""

    def begin(self, flash):
        self.flash = flash
        flash.readblocks(COUNT, self)
        return self

    def ioctl(self, op, arg):
        if op == 6:
            self.flash.ioctl(op, COUNT + arg)
            return self.program(arg, b"\xff" * BLOCK, 0)
        return self.flash.ioctl(op, arg)

    def writeblocks(self, n, buf, offset=0):
        self.flash.writeblocks(COUNT + n, buf, offset)
        self.program(n, buf, offset)

    def program(self, n, buf, offset):
        at = n * BLOCK + offset
        self[at : at + len(buf)] = buf
        return 0


class Vfs:
    """The module vfs of a port that has a partition for ROMFS."""

    mount, VfsRom = vfs.mount, vfs.VfsRom

    def __init__(self, partition):
        self.partition = partition

    def rom_ioctl(self, op, number):
        return self.partition


class Prompt:
    def __init__(self, flash):
        self.flash = flash
        self.names = {"print": self.print, "__name__": "__main__"}

    def print(self, *words, end="\n", **_):
        self.send((" ".join(str(word) for word in words) + end).encode())

    def send(self, octets):
        sys.stdout.buffer.write(octets)

    def receive(self, n):
        return sys.stdin.buffer.read(n)

    def serve(self):
        text = b""
        while True:
            octet = self.receive(1)
            if not octet:
                return
            if octet == b"\x01":
                self.greet()
            elif octet == b"\x04" and not text:
                self.send(b"OK\r\nMPY: soft reboot\r\n")
                self.names = {"print": self.print, "__name__": "__main__"}
                self.greet()
            elif octet == b"\x04":
                self.send(b"OK")
                self.run(text)
                text = b""
            elif octet == b"\x05":
                self.receive(2)
                self.run(self.paste())
            elif octet >= b" " or octet == b"\n":
                text += octet

    def greet(self):
        self.send(b"raw REPL; CTRL-B to exit\r\n>")

    def paste(self):
        """A command in raw-paste mode."""
        self.send(b"R\x01" + WINDOW.to_bytes(2, "little") + b"\x01")
        text, left = bytearray(), WINDOW
        while True:
            octet = self.receive(1)
            if octet == b"\x04":
                self.send(b"\x04")
                return bytes(text)
            text += octet
            left -= 1
            if left == 0:
                left = WINDOW
                self.send(b"\x01")

    def run(self, text):
        error = io.StringIO()
        try:
            exec(text.decode(), self.names)
        except Exception as problem:
            sys.print_exception(problem, error)
        if self.flash.cut and self.flash.writes > self.flash.cut:
            sys.exit()
        self.send(b"\x04" + error.getvalue().encode() + b"\x04>")


def main(path, cut, rom):
    flash = Flash(path, cut)
    try:
        system = vfs.VfsLfs2(flash)
    except OSError:
        vfs.VfsLfs2.mkfs(flash)
        system = vfs.VfsLfs2(flash)
    vfs.mount(system, "/")
    os.chdir("/")
    sys.path[:] = [""]
    if rom:
        sys.modules["vfs"] = Vfs(Partition(rom).begin(flash))
    flash.writes = 0
    try:
        Prompt(flash).serve()
    finally:
        sys.stderr.write(f"{flash.writes}\n")


main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
