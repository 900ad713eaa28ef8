"""What goes onto a board: every module of its manifest compiled, the native code, and the starter.

A Bundle is all of it in memory; nothing is written unless it is asked for.
"""

import hashlib
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from femtohost.desk.catalog import boards_folder
from femtohost.desk.manifest import read_manifest
from femtohost.toolchain import mpy, natmod

STARTER = "common/starter.py"  # becomes /main.py


@dataclass(frozen=True)
class Bundle:
    """board: BoardInfo; files: {path in the slot: octets}, sorted; starter: octets of /main.py."""

    board: object
    files: dict
    starter: bytes

    @property
    def size(self):
        return sum(map(len, self.files.values()))

    def digest(self):
        """SHA-256 over names and contents, hex."""
        total = hashlib.sha256()
        for name, data in self.files.items():
            total.update(f"{name} {len(data)}\n".encode() + data)
        return total.hexdigest()

    def romfs(self):
        """The files as an image of MicroPython's ROMFS."""
        from mpremote.romfs import VfsRomWriter

        writer = VfsRomWriter()
        _pack(writer, {tuple(name.split("/")): data for name, data in self.files.items()})
        return bytes(writer.finalise())


def _pack(writer, files):
    """`files`: {path as a tuple: octets}, one folder after another."""
    for name in sorted({path[0] for path in files}):
        inside = {path[1:]: data for path, data in files.items() if path[0] == name}
        if () in inside:
            writer.mkfile(name, inside[()])
        else:
            writer.opendir(name)
            _pack(writer, inside)
            writer.closedir()


def build(board, native=True, progress=None):
    """The Bundle of `board` (BoardInfo). native: build the native module too; else the image has it.

    progress(done, of) counts files. UserError: a file does not compile, or a tool is missing.
    """
    sources = read_manifest(board.folder / "manifest.py")
    files = {}
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out.mpy"
        for i, (name, source) in enumerate(sources.items()):
            mpy.compile_file(source, out, board.arch)
            files[Path(name).with_suffix(".mpy").as_posix()] = out.read_bytes()
            if progress:
                progress(i + 1, len(sources) + native)
    if native:
        files[natmod.NAME] = native_module(board.arch)
    return Bundle(board, dict(sorted(files.items())), (boards_folder() / STARTER).read_bytes())


def native_module(arch):
    """Octets of the native module for one core."""
    return natmod.build(arch).read_bytes()


def write(bundle, folder):
    """The bundle as files: slot/..., and main.py."""
    slot = folder / "slot"
    if slot.exists():
        shutil.rmtree(slot)
    for name, data in bundle.files.items():
        path = slot / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    (folder / "main.py").write_bytes(bundle.starter)
