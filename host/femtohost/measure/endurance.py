"""A long run in wall-clock mode: two boxes, a call between them or none, and what it does to lag, memory and RTP."""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from femtohost.control import to_text
from femtohost.running import RunningBox
from femtohost.speech import speech_like

SAMPLE_S = 1.0
LOAD = "import os\nparent = os.getppid()\nwhile os.getppid() == parent: pass"  # it ends with us, even if we are killed
SETTLED_S = 10.0  # what caches and pools take at the start is not growth


def bench_run(seconds, in_call, busy, progress=lambda done, of: None):
    """Run two boxes for `seconds`; `in_call`: with a call up; `busy`: so many processes beside that only compute.

    Returns a dict: lag_ms (median and worst of the samples, and the last), memory growth in octets after the first
    10 s, RTP frames received, lost, late and underruns of each side, events that ran more than 20 ms late; and
    `load`, the median of the machine's load average (1 min): how busy it was, whoever made it so.
    """
    load = [subprocess.Popen([sys.executable, "-c", LOAD]) for _ in range(busy)]
    with tempfile.TemporaryDirectory() as folder:
        boxes = _boxes(Path(folder), in_call)
        try:
            samples, load_average = _watch(boxes, seconds, progress)
            boxes_figures = [_figures(s) for s in samples]
            return {"seconds": seconds, "in_call": in_call, "busy": busy, "load": load_average, "boxes": boxes_figures}
        finally:
            for process in [*load, *boxes]:
                process.kill()


def _boxes(folder, in_call):
    callee = RunningBox(folder / "callee")
    caller = RunningBox(folder / "caller", f'[sip]\nserver = "{callee.ready["addresses"]["sip"]}"\n')
    boxes = (caller, callee)
    for box in boxes:
        box.event("line", state="on-hook")
    if in_call:
        caller.ctl("off-hook")
        caller.ctl("dial", digits="100#")
        callee.event("line", state="ringing")
        callee.ctl("off-hook")
        for i, box in enumerate(boxes):
            box.event("call", state="talking")
            box.ctl("execute", source=_talk(i))
    return boxes


def _talk(seed):
    """Source that makes the telephone talk for ever."""
    import numpy as np

    pcm = to_text(speech_like(20, np.random.default_rng(seed)))
    return f"from femtohost.control import from_text; box.phone.talk(from_text('{pcm}'))"


def _watch(boxes, seconds, progress):
    """[(status, memory)] of each box, once a second, and the median load average meanwhile."""
    samples, loads = [[] for _ in boxes], []
    begin = time.monotonic()
    while (passed := time.monotonic() - begin) < seconds:
        progress(passed, seconds)
        loads.append(os.getloadavg()[0])
        for box, seen in zip(boxes, samples, strict=True):
            seen.append((box.ctl("status"), box.memory()))
        time.sleep(SAMPLE_S)
    return samples, statistics.median(loads)


def _figures(samples):
    lags = sorted(status["lag_ms"] for status, _ in samples)
    settled = [memory for _, memory in samples[round(SETTLED_S / SAMPLE_S) :]] or [samples[-1][1]]
    last = samples[-1][0]
    return {
        "lag_ms": {"median": lags[len(lags) // 2], "worst": last["worst_lag_ms"], "last": last["lag_ms"]},
        "late_events": last["late_events"],
        "memory_growth": settled[-1] - settled[0],
        "rtp": last["rtp"],
        "misuse": last["misuse"],
    }
