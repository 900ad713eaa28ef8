"""Exchanges between the firmware's LAPDm and libosmocore's, as many as wanted: figures, or where it went wrong.

    .venv/bin/python tests/peers/bench_lapdm.py [--exchanges 100000] [--seed 1]

One JSON object. Of 100 blocks, ten are lost, ten come twice and ten late.
"""

import argparse
import json
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

from lapdm_channel import Harm
from test_libosmocore import exchange

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--exchanges", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    begin = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        result = exchange(Path(folder), options.exchanges, options.seed, Harm(loss=0.1, twice=0.1, late=0.1))
    print(json.dumps(asdict(result) | {"seconds": round(time.monotonic() - begin, 1)}))
