"""How soon an honest client is served after a hostile one, beside a call.

    .venv/bin/python tests/run/bench_hostile.py [--rounds 20] [--seed 1]

One JSON object: seconds from the end of each attack until the device is attached and its disc answers, the memory that
the box has taken, and the call's state. `missed` names what is not as it has to be, and then the exit code is 1.
"""

import argparse
import json
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path

from test_run_usbip import ATTACKS, MEMORY, attach, attack, call, make_disc, port

from femtohost.running import RunningBox

SERVED_S = 1.0


def serve_after(box, octets):
    """[s] until an honest client has what it wants."""
    attack(port(box), octets)
    begin = time.monotonic()
    attach(box).detach()
    return time.monotonic() - begin


def measure(start, iso, rounds, seed):
    box, rng = call(start, iso), random.Random(seed)
    before = box.memory()
    times = [serve_after(box, each(rng)) for _ in range(rounds) for each in ATTACKS]
    status = box.ctl("status")
    figures = {
        "attacks": len(times),
        "served_s": {"median": round(statistics.median(times), 3), "worst": round(max(times), 3)},
        "memory_mb": round((box.memory() - before) / 1e6, 1),
        "call": status["call"],
        "misuse": status["misuse"],
    }
    good = {
        "served_s": max(times) <= SERVED_S,
        "memory_mb": box.memory() - before < MEMORY,
        "call": status["call"] == "talking",
        "misuse": status["misuse"] == [],
    }
    return figures | {"missed": [name for name, held in good.items() if not held]}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=20, help="of every attack")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    boxes = []
    with tempfile.TemporaryDirectory() as folder:

        def start(config="", *words, name="box"):
            boxes.append(RunningBox(Path(folder) / name, config, *words))
            return boxes[-1]

        try:
            make_disc(Path(folder) / "disc.iso")
            figures = measure(start, Path(folder) / "disc.iso", arguments.rounds, arguments.seed)
        finally:
            for box in boxes:
                box.kill()
    print(json.dumps(figures))
    return 1 if figures["missed"] else 0


if __name__ == "__main__":
    sys.exit(main())
