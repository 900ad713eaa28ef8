"""Traffic of phones at a box in virtual time, with Wireshark and pycrate looking on: figures, and what they say.

    .venv/bin/python tests/peers/bench_um.py [--minutes 60] [--phones 7] [--seed 1]

One JSON object: what was done how often, frames and layer 3 messages on Um, kinds of messages, complaints.
"""

import argparse
import json
import tempfile
from pathlib import Path

import um_oracle
from test_um import watched_traffic


def figures(options):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "um.pcapng"
        traffic = watched_traffic(path, options.minutes * 60, options.phones, options.seed)
        messages = um_oracle.layer3(path)
        return {
            "done": traffic.done,
            "frames": sum(1 for _ in um_oracle.frames(path)),
            "messages": len(messages),
            "different": len(set(messages)),
            "pycrate": um_oracle.pycrate_complaints(path),
            "wireshark": um_oracle.wireshark_complaints(path),
        }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--phones", type=int, default=7)
    parser.add_argument("--seed", type=int, default=1)
    print(json.dumps(figures(parser.parse_args())))
