"""How fast the USB port of a running box is: a client over USB/IP, the firmware behind every octet."""

import os
import statistics
import struct
import tempfile
import time
from pathlib import Path

from femtohost.peers.usbip_client import UsbipClient
from femtohost.running import RunningBox

BLOCKS = 8192  # of the disc: 16 MiB
AT_ONCE = 60  # blocks of a READ(10): 120 KiB, the most that Linux asks for
READ_10 = 0x28
GET_CONFIGURATION = (0x80, 8)  # USB 2.0 9.4.2


def bench_usb(seconds, progress=lambda done, of: None):
    """Measure for about `seconds` each. Returns a dict: control_us (best, median, p99), read_kib, read_mb_s (10**6
    octets a second) and load, the machine's load average (1 min): how busy it was, whoever made it so."""
    with tempfile.TemporaryDirectory() as folder:
        box = RunningBox(Path(folder), "", "--iso", str(_image(Path(folder))), "--usbip", "127.0.0.1:0")
        try:
            host, port = box.ready["addresses"]["usbip"].split(":")
            box.until(lambda: box.ctl("status")["usb"]["connected"])
            client = UsbipClient(host, int(port))
            client.attach()
            client.enumerate()
            trips = _round_trips(client, seconds)
            progress(1, 2)
            rate = _read(client, seconds)
            client.detach()
        finally:
            box.kill()
    return {
        "control_us": {
            "best": round(trips[0], 1), "median": round(statistics.median(trips), 1),
            "p99": round(trips[len(trips) * 99 // 100], 1),
        },
        "read_kib": AT_ONCE * 2, "read_mb_s": round(rate, 2), "load": round(os.getloadavg()[0], 2),
    }  # fmt: skip


def _image(folder):
    """A disc of random blocks with the mark of a volume."""
    octets = bytearray(os.urandom(BLOCKS * 2048))
    octets[16 * 2048 + 1 : 16 * 2048 + 6] = b"CD001"
    (folder / "disc.iso").write_bytes(octets)
    return folder / "disc.iso"


def _round_trips(client, seconds):
    """Microseconds of each of many control requests, in order of size."""
    trips, end = [], time.perf_counter() + seconds
    while (begin := time.perf_counter()) < end:
        client.control(*GET_CONFIGURATION, length=1)
        trips.append((time.perf_counter() - begin) * 1e6)
    return sorted(trips)


def _read(client, seconds):
    """10**6 octets a second of reading the disc from its begin to its end, over and over."""
    while client.scsi(bytes(6)).status:
        pass  # the medium is new, which is told once
    octets, begin = 0, time.perf_counter()
    while (passed := time.perf_counter() - begin) < seconds:
        block = octets // 2048 % (BLOCKS - AT_ONCE)
        octets += len(client.scsi(struct.pack(">BBIBHB", READ_10, 0, block, 0, AT_ONCE, 0), AT_ONCE * 2048).data)
    return octets / passed / 1e6
