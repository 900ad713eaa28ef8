"""How the box does on a Linux machine, and whether that is good enough.

    .venv/bin/python tests/peers/bench_linux.py [--seconds 600] [--attachments 10]

One JSON object: seconds from `usbip attach` to all drivers bound, control round trips, the disc's speed, and sound of
8 kHz both ways in loopback for so long: xruns, frames a second by the guest's clock, signal to noise. `missed` names
what is not as it has to be, and then the exit code is 1.
"""

import argparse
import json
import statistics
import sys
import tempfile
from pathlib import Path

import numpy as np
from linux_usb import image
from linux_usb.fixtures import usb_port
from linux_usb.machine import Guest
from programs import realtime
from test_linux_sound import RATE_ERROR, SNR_DB, snr_db, stream
from tone_figures import tone

from femtohost.audio import RATE
from femtohost.iso import build
from femtohost.running import RunningBox

DISC_OCTETS = 32 << 20
TRIPS = 500
ATTACH_S = 1.0


def attachments(linux, box, count):
    """[s] of as many; the last stays."""
    times = []
    for _ in range(count):
        if times:
            linux.detach()
        times.append(linux.attach(usb_port(box))[0])
    return sorted(times)


def sound(linux, box, seconds):
    """Loopback for so long."""
    box.ctl("loopback", on=True)
    played = tone(997, seconds, peak=30000)
    complaints, speeds, heard = stream(linux, played)
    snr = snr_db(played, heard)
    return {
        "seconds": seconds,
        "xruns": len(complaints),
        "snr_db": round(snr, 1) if np.isfinite(snr) else None,
        "equal": snr == np.inf,
        "playback_hz": round(speeds["p"], 2),
        "capture_hz": round(speeds["c"], 2),
    }


def missed(figures):
    """Names of what is not as it has to be."""
    sound = figures["sound"]
    good = {
        "attach_s": figures["attach_s"]["worst"] <= ATTACH_S,
        "disc": figures["disc_equal"],
        "xruns": sound["xruns"] == 0,
        "rate": all(abs(sound[kind] / RATE - 1) <= RATE_ERROR for kind in ("playback_hz", "capture_hz")),
        "snr_db": sound["equal"] or (sound["snr_db"] or 0) >= SNR_DB,
        "misuse": figures["misuse"] == [],
    }
    return [name for name, held in good.items() if not held]


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
            figures = sound(linux, box, seconds)
        return {
            "attach_s": {"median": round(statistics.median(times), 3), "worst": round(times[-1], 3)},
            "control_us": {"median": round(trips[TRIPS // 2] * 1e6), "p99": round(trips[TRIPS * 99 // 100] * 1e6)},
            "disc_mb_s": round(octets / 1e6 / took, 1),
            "disc_equal": digest == disc.sha256,
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
        figures = measure(Path(folder), arguments.seconds, arguments.attachments)
    figures["missed"] = missed(figures)
    print(json.dumps(figures))
    return 1 if figures["missed"] else 0


if __name__ == "__main__":
    sys.exit(main())
