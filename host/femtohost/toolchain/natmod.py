"""The native module `femtovoice` for a board's architecture: femtovoice.mpy, loaded by the official images."""

import shutil
import sys

from femtohost.toolchain import cache, compilers, sources

NAME = "femtovoice.mpy"


def build(march):
    """The path of femtovoice.mpy for one of compilers.CORES, built once for each content of its sources."""
    compiler = compilers.version(march)
    compilers.need_program("make", "apt-get install make")
    for module in ("elftools", "ar"):
        compilers.need_module(module)
    micropython = sources.micropython_source()
    made_with = (micropython / "py" / "dynruntime.mk", micropython / "tools" / "mpy_ld.py", compiler)
    key = cache.digest(*_files(), *made_with)
    return cache.kept(f"natmod/{march}-{key}", lambda path: _make(path, march, micropython)) / NAME


def _files():
    """Every file that the module is made of."""
    native = compilers.tree() / "native"
    return [*sorted(native.glob("*.[ch]")), *sorted((native / "natmod").glob("*"))]


def _make(path, march, micropython):
    path.mkdir()
    work = path / "work"
    compilers.copy_files(_files(), compilers.tree(), work)
    folder = work / "native" / "natmod"
    variables = (f"MPY_DIR={micropython}", f"ARCH={march}", f"PYTHON={sys.executable}")
    compilers.run(["make", "-C", folder, *variables], f"native module for {march}")
    (folder / NAME).rename(path / NAME)
    shutil.rmtree(work)
