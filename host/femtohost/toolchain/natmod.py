"""The native module `femtovoice` for a board's architecture: femtovoice.mpy, loaded by the official images."""

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

from femtohost.errors import UserError
from femtohost.toolchain import cache, sources

# architecture: compiler, Debian package
COMPILERS = {
    "armv6m": ("arm-none-eabi-gcc", "gcc-arm-none-eabi libnewlib-arm-none-eabi"),
    "armv7m": ("arm-none-eabi-gcc", "gcc-arm-none-eabi libnewlib-arm-none-eabi"),
    "armv7emsp": ("arm-none-eabi-gcc", "gcc-arm-none-eabi libnewlib-arm-none-eabi"),
    "x64": ("gcc", "gcc"),
}
NAME = "femtovoice.mpy"


def native():
    """The folder of the C core and its glues, from an editable installation or a source tree."""
    folder = Path(__file__).parents[3] / "native"
    if not (folder / "natmod" / "Makefile").is_file():
        raise UserError(f"{folder}: no C sources there; native modules are built from a source tree of femtojack")
    return folder


def build(march):
    """The path of femtovoice.mpy for one of COMPILERS, built once for each content of the sources."""
    if march not in COMPILERS:
        raise UserError(f"no native module for {march!r}: must be one of {', '.join(COMPILERS)}")
    version = _compiler_version(march)
    micropython = sources.micropython_source()
    key = cache.digest(*_sources(), micropython / "py" / "dynruntime.mk", micropython / "tools" / "mpy_ld.py", version)
    return cache.kept(f"natmod/{march}-{key}", lambda path: _make(path, march, micropython)) / NAME


def _sources():
    """Every file that the module is made of."""
    folder = native()
    return [*sorted(folder.glob("*.[ch]")), *sorted((folder / "natmod").glob("*"))]


def _compiler_version(march):
    compiler, packages = COMPILERS[march]
    for program, package in ((compiler, packages), ("make", "make")):
        if shutil.which(program) is None:
            raise UserError(f"{program} not found: apt-get install {package}")
    for module in ("elftools", "ar"):
        if importlib.util.find_spec(module) is None:
            raise UserError(f"Python module {module} is not installed: pip install 'femtojack[boards]'")
    return subprocess.run([compiler, "--version"], capture_output=True, text=True, check=True).stdout


def _make(path, march, micropython):
    """Build in a copy of the sources: MicroPython's makefile writes beside them."""
    path.mkdir()
    work = path / "work"
    folder = native()
    for file in _sources():
        copy = work / file.relative_to(folder)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(file.read_bytes())
    variables = {"MPY_DIR": micropython, "ARCH": march, "PYTHON": sys.executable}
    command = ["make", "-C", work / "natmod", *(f"{name}={value}" for name, value in variables.items())]
    environment = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "CFLAGS")}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        said = [line for line in (done.stdout + done.stderr).splitlines() if "rror" in line]
        raise UserError(f"native module for {march}: {said[0] if said else 'make failed'}")
    (work / "natmod" / NAME).rename(path / NAME)
    shutil.rmtree(work)
