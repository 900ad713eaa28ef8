"""C compilers for the architectures that we build for, and what to install where one is missing."""

import importlib.util
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from femtohost.errors import UserError


@dataclass(frozen=True)
class Core:
    """One architecture: the processor that stands for it, its compiler and how to get that, its options."""

    name: str
    compiler: str
    remedy: str
    options: tuple = ()


_ARM = ("arm-none-eabi-gcc", "apt-get install gcc-arm-none-eabi libnewlib-arm-none-eabi")
CORES = {
    "armv6m": Core("Cortex-M0+", *_ARM, ("-mthumb", "-mcpu=cortex-m0plus")),
    "armv7m": Core("Cortex-M3", *_ARM, ("-mthumb", "-mcpu=cortex-m3")),
    "armv7emsp": Core("Cortex-M4", *_ARM, ("-mthumb", "-mcpu=cortex-m4", "-mfpu=fpv4-sp-d16", "-mfloat-abi=hard")),
    "xtensawin": Core("ESP32-S3", "xtensa-esp32-elf-gcc", "install ESP-IDF and run its export.sh"),
    "x64": Core("x86-64", "gcc", "apt-get install gcc"),
}
SPEED = ("-O2", "-fno-tree-loop-distribute-patterns")  # as native/natmod and native/usermod build the core


def core(march):
    """The Core of an architecture whose compiler is here; UserError if it is not, or there is no such one."""
    if march not in CORES:
        raise UserError(f"no native code for {march!r}: must be one of {', '.join(CORES)}")
    need_program(CORES[march].compiler, CORES[march].remedy)
    return CORES[march]


def version(march):
    """What the compiler says it is: a part of the name under which its work is kept."""
    return subprocess.run([core(march).compiler, "--version"], capture_output=True, text=True, check=True).stdout


def need_program(program, remedy):
    """The path of a program, or a UserError that says how to get it."""
    path = shutil.which(program)
    if path is None:
        raise UserError(f"{program} not found: {remedy}")
    return path


def need_module(module):
    """A Python module of the extra `boards`."""
    if importlib.util.find_spec(module) is None:
        raise UserError(f"Python module {module} is not installed: pip install 'femtojack[boards]'")


def run(command, what):
    """Run a compiler or make; a UserError with its first error if it fails."""
    environment = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MFLAGS", "CFLAGS")}
    command = [str(word) for word in command]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False, env=environment)
    if done.returncode:
        said = [line for line in (done.stdout + done.stderr).splitlines() if "rror:" in line]
        raise UserError(f"{what}: {said[0] if said else f'{command[0]} failed'}")


def tree():
    """The source tree of femtojack; UserError if this is an installation without one."""
    folder = Path(__file__).parents[3]
    if not (folder / "native" / "natmod" / "Makefile").is_file():
        raise UserError(f"{folder}: no C sources there; native code is built from a source tree of femtojack")
    return folder


def copy_files(files, folder, target):
    """Copy files of `folder` to the same places below `target`: makefiles write beside their sources."""
    for file in files:
        copy = target / file.relative_to(folder)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(file.read_bytes())
