"""The pytest fixtures of femtojack: `box`, a powered box in virtual time.

A test that fails keeps its trace, wavs and seed, and prints the command that runs it again.
"""

import re
import zlib
from pathlib import Path

import pytest


def pytest_addoption(parser):
    group = parser.getgroup("femtojack")
    places = "cpython, micropython[:240k]; for tests/targets also qemu, pico, serial:PORT"
    group.addoption("--target", default="cpython", help=f"where the firmware runs: {places}")
    group.addoption("--seed", type=int, default=None, help="seed of every `box`; by default from the test's name")
    group.addoption("--failures", default="failures", help="folder for what failed tests leave")


def pytest_configure(config):
    config.addinivalue_line("markers", "box(config, **options): arguments of the test's Emulator")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.when == "call":
        item.stash[_OUTCOME] = report
    return report


_OUTCOME = pytest.StashKey()


@pytest.fixture
def make_box(request):
    """`make_box(config, **options) -> Emulator` for tests that want several, or their own arguments."""
    from femtohost.emulator import Emulator
    from femtohost.taps import CallTaps

    made = []

    def make(config=None, **options):
        seed = request.config.getoption("--seed")
        options.setdefault("seed", zlib.crc32(request.node.nodeid.encode()) if seed is None else seed)
        options.setdefault("target", request.config.getoption("--target"))
        box = Emulator(config=config, **options)
        made.append((box, CallTaps(box)))
        return box

    yield make
    report = request.node.stash.get(_OUTCOME, None)
    for i, (box, taps) in enumerate(made):
        if report is not None and report.failed:
            folder = Path(request.config.getoption("--failures")) / f"{_file_name(request.node.nodeid)}-{i}"
            report.sections.append(("femtojack", keep(box, taps, folder)))
        box.close()


@pytest.fixture
def box(request, make_box):
    """A powered box. `@pytest.mark.box({"line": {"country": "uk"}}, loss=0.1)` gives it arguments."""
    marker = request.node.get_closest_marker("box")
    return make_box(*marker.args, **marker.kwargs) if marker else make_box()


def keep(box, taps, folder):
    """Save what there is of a failed run; returns what to tell."""
    from femtohost import audio

    folder.mkdir(parents=True, exist_ok=True)
    box.recorder.save(folder / "trace.jsonl")
    for name, samples in taps.signals().items():
        audio.save(folder / f"{name}.wav", samples)
    misuse = "".join(f"\nmisuse: {m}" for m in box.misuse)
    facts = f"seed {box.seeds.seed}, virtual time {box.time_s:.3f} s"
    return f"{facts}{misuse}\nreplay: femtojack replay {folder}/trace.jsonl"


def _file_name(nodeid):
    return re.sub(r"[^\w.-]+", "-", nodeid.split("/")[-1])[:120]
