"""An image of MicroPython 1.25 for QEMU's Cortex-M3 board mps2-an385, with `femtovoice` and the firmware in it."""

import shutil

from femtohost.toolchain import cache, compilers, mpy, sources

MARCH = "armv7m"
BOARD = "MPS2_AN385"
HEAP = 256 * 1024  # octets, for the whole App with a cell; a Pico 2 has twice that


def build():
    """The path of firmware.elf, built once for each content of its sources."""
    compiler = compilers.version(MARCH)
    compilers.need_program("make", "apt-get install make")
    micropython = sources.micropython_source()
    port = micropython / "ports" / "qemu"
    key = cache.digest(*_files(), micropython / "py" / "mpconfig.h", port, compiler, str(HEAP))
    return cache.kept(f"qemu/{BOARD}-{key}", lambda path: _make(path, micropython)) / "firmware.elf"


def _files():
    """Every file of ours that the image is made of."""
    tree = compilers.tree()
    native = tree / "native"
    return [
        *sorted(native.glob("*.[ch]")),
        *sorted((native / "usermod" / "femtovoice").glob("*")),
        *sorted((tree / "boards" / "qemu_mps2" / "port").glob("*")),
        *sorted((tree / "firmware" / "femtojack").rglob("*.py")),
    ]


def _make(path, micropython):
    path.mkdir()
    work = path / "work"
    compilers.copy_files(_files(), compilers.tree(), work)
    modules = work / "native" / "usermod"
    (work / "boards" / "qemu_mps2" / "port").rename(modules / "port")
    manifest = work / "manifest.py"
    manifest.write_text(f'package("femtojack", base_path="{work}/firmware")\n')
    libraries = work / "libraries"
    libraries.mkdir()
    (libraries / "README.md").write_text("No libraries are used.\n")  # the makefile asks for the file
    variables = {
        "BOARD": BOARD,
        "BUILD": work / "build",
        "USER_C_MODULES": modules,
        "FROZEN_MANIFEST": manifest,
        "MPY_LIB_DIR": libraries,
        "MPY_LIB_SUBMODULE_DIR": libraries,
        "MICROPY_MPYCROSS": mpy.compiler(),
        "MICROPY_PY_BTREE": 0,
        "MICROPY_HEAP_SIZE": HEAP,
        "CFLAGS_EXTRA": f"-DMP_CONFIGFILE='\"{modules}/port/mpconfig.h\"'",
    }
    arguments = [f"{name}={value}" for name, value in variables.items()]
    compilers.run(["make", "-C", micropython / "ports" / "qemu", "-j2", *arguments], "image for QEMU")
    (work / "build" / "firmware.elf").rename(path / "firmware.elf")
    shutil.rmtree(work)
