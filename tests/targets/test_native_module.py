"""The x64 native module in the interpreters of this machine: `pytest tests/targets --target micropython`, or qemu."""

import os
import subprocess

import pytest
from vectors import CASES, expected_digests, packed, script

from femtohost.errors import UserError
from femtohost.toolchain import natmod

FEW = [case for case in CASES if case.taps == 128]


@pytest.fixture(scope="session")
def module(pytestconfig):
    """The folder of femtovoice.mpy."""
    if pytestconfig.getoption("--target") == "cpython":
        pytest.skip("runs with --target micropython or qemu")
    try:
        return natmod.build("x64").parent
    except UserError as error:
        pytest.skip(str(error))


def run(program, module, text):
    environment = {**os.environ, "MICROPYPATH": str(module)}
    done = subprocess.run([program, "-c", text], capture_output=True, text=True, env=environment, timeout=600)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_native_module_gives_the_host_s_bits(micropython, module, tmp_path):
    data, table = packed(FEW)
    (tmp_path / "data").write_bytes(data)
    lines = run(micropython, module, script("vectors.py", cases=table, file=str(tmp_path / "data"), module=0))
    assert lines == list(expected_digests(FEW))


def test_what_does_not_fit_is_refused(micropython, module):
    lines = run(micropython, module, script("arguments.py"))
    assert lines[-1] == "done 64"
    assert not any(line.startswith("accepted") for line in lines) and len(lines) == 15
