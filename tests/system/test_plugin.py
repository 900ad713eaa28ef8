"""What a failed test leaves behind."""

import os
import re
import subprocess
import sys

from femtohost.replay import replay

FAILING = """
def test_fails(box):
    box.run_until(lambda: box.state("fxs") == "ON_HOOK", timeout_s=5)
    box.phone.off_hook()
    box.run_until(lambda: box.phone.hears("busy"), timeout_s=2)
"""


def test_a_failed_test_keeps_its_run_and_says_how_to_repeat_it(tmp_path):
    (tmp_path / "test_it.py").write_text(FAILING)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_it.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1
    assert "VirtualTimeout: not within 2 s of virtual time; last:" in done.stdout
    assert re.search(r"^seed \d+, virtual time 3\.\d+ s$", done.stdout, re.M)
    [trace] = re.findall(r"^replay: femtojack replay (.*)$", done.stdout, re.M)
    folder = os.path.dirname(trace)
    assert sorted(os.listdir(tmp_path / folder)) == ["rin.wav", "rout.wav", "sin.wav", "sout.wav", "trace.jsonl"]
    _, difference = replay(tmp_path / trace)
    assert difference is None
