"""Whole images for boards with RP2040 and RP2350: MicroPython 1.25 and femtojack's native code, from Debian's packages.

Without the network chip's driver, which Debian does not have: a Pico W takes the official image and the native module.
"""

import os
import shutil
import subprocess
import time
from pathlib import Path

from femtohost.desk.manifest import read_manifest
from femtohost.errors import UserError
from femtohost.toolchain import cache, compilers, names, sources

PACKAGES = ("pico-sdk-source", "tinyusb-source", "picotool", "pioasm")
LIBRARIES = ("libc6", "libgcc-s1", "libstdc++6", "libusb-1.0-0", "libudev1", "libcap2")  # of the two programs
PROGRAMS = {
    "arm-none-eabi-gcc": "gcc-arm-none-eabi libnewlib-arm-none-eabi libstdc++-arm-none-eabi-newlib",
    "cmake": "cmake",
    "make": "make",
    "gcc": "gcc",
}
BUILDABLE = ("RPI_PICO", "RPI_PICO2")
_JOBS = 2


def build(board, tell=lambda text: None, frozen=None):
    """The path of firmware.uf2 for `board` (BoardInfo), built once for each content of the sources.

    `tell` gets a line when a build begins and one when it ends. frozen: {module's path: source file} to have in the
    image too; the names of all that the board runs are in it always (femtohost.toolchain.names). UserError: the
    packages do not allow it.
    """
    if board.board not in BUILDABLE:
        raise UserError(f"{board.name}: no image can be built from packages; flash the official one, then deploy")
    versions = _versions()
    micropython = sources.micropython_source()
    parts = sources.debian_files(*PACKAGES, *LIBRARIES)
    mbedtls = sources.debian_source("mbedtls")
    base = cache.digest(str(micropython), str(parts), str(mbedtls), versions)
    modules = {name: path.read_bytes() for name, path in (frozen or {}).items()}
    modules[names.MODULE] = names.module(read_manifest(board.folder / "manifest.py").values()).encode()
    own = [*_own_sources(), *sorted(board.folder.glob("mpconfigboard.*"))]
    key = cache.digest(base, *own, *modules, *modules.values())
    work = cache.folder() / "work" / f"{board.board}-{base}"

    def make(path):
        tell(f"building MicroPython for {board.board}: minutes, once for each content of native/ ...")
        began = time.monotonic()
        _lay_out(work, micropython, parts, mbedtls)
        _update_own(work, board, modules)
        path.mkdir()
        for name in _compile(work, board.board):
            shutil.copyfile(name, path / name.name)
        tell(f"built in {time.monotonic() - began:.0f} s")

    with cache.alone(work):
        return cache.kept(f"images/{board.board}-{key}", make) / "firmware.uf2"


def _versions():
    for program, package in PROGRAMS.items():
        if shutil.which(program) is None:
            raise UserError(f"{program} not found: apt-get install {package}")
    command = ["arm-none-eabi-gcc", "--version"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def _own_sources():
    folder = compilers.tree() / "native"
    return [*sorted(folder.glob("*.[ch]")), folder / "usermod"]


def _lay_out(work, micropython, parts, mbedtls):
    """A copy of MicroPython's tree in which the parts stand where its build looks for them; kept for the next build."""
    tree = work / "micropython"
    if (work / "complete").exists():
        return
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    shutil.copytree(micropython, tree, symlinks=True)
    for name, place in (
        ("pico-sdk", parts / "usr/src/pico-sdk"),
        ("tinyusb", parts / "usr/src/tinyusb"),
        ("mbedtls", mbedtls),
    ):
        library = tree / "lib" / name
        if library.is_dir() and not library.is_symlink():
            library.rmdir()
        library.symlink_to(place)
    (work / "lib").mkdir()
    (work / "lib" / "README.md").write_text("MicroPython's library is not needed, but looked for.\n")
    for name in ("picotool", "pioasm"):
        _wrap_program(work, parts, name)
    _run(["make", "-C", tree / "mpy-cross", f"-j{_JOBS}"])
    (work / "complete").touch()


def _wrap_program(work, parts, name):
    """A program of Debian 13 that runs here with the libraries it was built for, and its description for cmake."""
    libraries = next(parts.rglob("ld-linux-*.so.*")).resolve().parent
    loader = next(libraries.glob("ld-linux-*.so.*"))
    root = work / "programs"
    script = root / "usr/bin" / name
    script.parent.mkdir(parents=True, exist_ok=True)
    script.write_text(f'#!/bin/sh\nexec {loader} --library-path {libraries} {parts}/usr/bin/{name} "$@"\n')
    script.chmod(0o755)
    shutil.copytree(parts / "usr/lib/cmake" / name, root / "usr/lib/cmake" / name, dirs_exist_ok=True)
    if (parts / "usr/share" / name).is_dir():
        shutil.copytree(parts / "usr/share" / name, root / "usr/share" / name, dirs_exist_ok=True)


def _update_own(work, board, modules):
    """Our code and board files, beside the tree: only what changed is touched, and only that is compiled again."""
    folder = compilers.tree() / "native"
    wanted = {work / "native" / path.relative_to(folder): path.read_bytes() for path in _files(_own_sources())}
    stock = work / "micropython" / "ports/rp2/boards" / board.board
    files = *board.folder.glob("mpconfigboard.*"), stock / "pins.csv"
    wanted |= {work / "board" / path.name: path.read_bytes() for path in files}
    wanted |= {work / "frozen" / name: source for name, source in modules.items()}
    for place in [file for name in ("native", "board", "frozen") for file in (work / name).rglob("*")]:
        if place.is_file() and place not in wanted:
            place.unlink()
    for place, data in wanted.items():
        _renew(place, data)
    _renew(work / "manifest.py", b'freeze("$(PORT_DIR)/modules")\nfreeze("frozen")\n')


def _renew(place, data):
    if not place.exists() or place.read_bytes() != data:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)


def _files(paths):
    for path in paths:
        yield from (p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]


def _compile(work, name):
    """The paths of firmware.uf2 and firmware.elf."""
    tree, build = work / "micropython", work / "build"
    cmake = work / "programs/usr/lib/cmake"
    variables = {
        "MICROPY_BOARD": name,
        "MICROPY_BOARD_DIR": work / "board",
        "MICROPY_FROZEN_MANIFEST": work / "manifest.py",
        "MICROPY_LIB_DIR": work / "lib",
        "USER_C_MODULES": work / "native/usermod/micropython.cmake",
        "picotool_DIR": cmake / "picotool",
        "pioasm_DIR": cmake / "pioasm",
    }
    _run(["cmake", "-S", tree / "ports/rp2", "-B", build, *(f"-D{name}={value}" for name, value in variables.items())])
    (build / "frozen_content.c").unlink(missing_ok=True)  # MicroPython does not see that other modules are wanted
    _run(["make", "-C", build, f"-j{_JOBS}"])
    return build / "firmware.uf2", build / "firmware.elf"


def _run(command):
    environment = {
        name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "CFLAGS", "MAKELEVEL")
    }
    words = [str(word) for word in command]
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        said = (done.stdout + done.stderr).splitlines()
        errors = [line for line in said if "rror:" in line] or said[-1:] or [f"{words[0]} failed"]
        raise UserError(f"{Path(words[0]).name}: {errors[0].strip()}")
