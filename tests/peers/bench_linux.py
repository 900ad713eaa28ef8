"""How the box does on a Linux machine: figures only, no verdict.

    .venv/bin/python tests/peers/bench_linux.py [--seconds 600] [--attachments 10]

One JSON object: seconds from `usbip attach` to all drivers bound, control round trips, the disc's speed, and sound of
8 kHz both ways in loopback for so long: xruns, frames a second by the guest's clock, signal to noise.
"""

import argparse
import json
import statistics
import tempfile
from pathlib import Path

from linux_usb import image
from linux_usb.fixtures import realtime, usb_port
from linux_usb.machine import Guest
from test_linux_sound import duplex, snr_db
from tone_figures import tone

from femtohost.iso import build
from femtohost.running import RunningBox

DISC_OCTETS = 32 << 20
TRIPS = 500


def attachments(linux, box, count):
    """[s] of as many; the last stays."""
    times = []
    for _ in range(count):
        if times:
            linux.detach()
        times.append(linux.attach(usb_port(box))[0])
    return sorted(times)


def sound(linux, box, seconds):
    """Loopback for so long; an xrun would be an AssertionError that shows it."""
    box.ctl("loopback", on=True)
    played = tone(997, seconds, peak=30000)
    speeds, heard = duplex(linux, played)
    snr = snr_db(played, heard)
    figures = {
        "seconds": seconds,
        "xruns": 0,
        "snr_db": None if snr == float("inf") else snr,
        "equal": snr == float("inf"),
    }
    return figures | {"playback_hz": round(speeds["p"], 2), "capture_hz": round(speeds["c"], 2)}


def measure(folder, seconds, count):
    (folder / "files").mkdir()
    (folder / "files" / "data").write_bytes(bytes(range(256)) * (DISC_OCTETS // 256))
    disc = build(folder / "files", folder / "disc.iso")
    box = RunningBox(folder / "box", "", "--usbip", "127.0.0.1:0", "--iso", disc.path)
    linux = Guest(folder)
    try:
        with realtime(linux.process, box.process):
            times = attachments(linux, box, count)
            linux.disc()
            trips = linux.round_trips(TRIPS)
            octets, digest, took = linux.hash_disc()
            assert digest == disc.sha256
            figures = sound(linux, box, seconds)
        return {
            "attach_s": {"median": round(statistics.median(times), 3), "worst": round(times[-1], 3)},
            "control_us": {"median": round(trips[TRIPS // 2] * 1e6), "p99": round(trips[TRIPS * 99 // 100] * 1e6)},
            "disc_mb_s": round(octets / 1e6 / took, 1),
            "sound": figures,
            "misuse": box.ctl("status")["misuse"],
        }
    finally:
        linux.stop()
        box.kill()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=10, help="of sound")
    parser.add_argument("--attachments", type=int, default=10)
    arguments = parser.parse_args()
    if command := image.missing():
        parser.error(f"no Linux guest: {command}")
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(measure(Path(folder), arguments.seconds, arguments.attachments)))


if __name__ == "__main__":
    main()
