"""The doctor: what is found, and what it says of what is not."""

import json
import os

from femtohost.canceller import KERNELS


def test_what_is_there_and_what_is_missing(run, tmp_path, monkeypatch):
    there = tmp_path / "bin"
    there.mkdir()
    program = there / "tshark"
    program.write_text("#!/bin/sh\necho TShark 9.8.7\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{there}:{os.defpath}")
    monkeypatch.setattr(
        "femtohost.doctor.PROGRAMS", (("tshark", "reads", "tshark"), ("no-such", "is not", "some-package"))
    )
    code, out, _ = run("doctor", "--json")
    findings = {finding["name"]: finding for finding in json.loads(out)["findings"]}
    assert code == 0
    assert findings["tshark"]["found"] == "TShark 9.8.7"
    assert findings["no-such"]["found"] is None
    assert findings["no-such"]["command"] == "apt-get install some-package"
    assert findings["canceller kernels"]["found"] == ", ".join(KERNELS)


def test_for_people(run, monkeypatch):
    monkeypatch.setattr("femtohost.doctor.PROGRAMS", (("no-such", "is not", "some-package"),))
    code, out, _ = run("doctor")
    assert code == 0
    assert "lacks" in out
    assert "some-package" in out
