"""What the firmware takes of a Pico: heap after boot and in a call, from .mpy files and from ROMFS, and flash.

Measured in the emulated Pico on a real image, with the firmware of boards/rp2_pico.
"""

import ast
import contextlib
import io
import tempfile
from pathlib import Path

from femtohost.desk import deploy
from femtohost.desk.build import build, write
from femtohost.desk.catalog import find
from femtohost.desk.link import Link

HEAP_SHARE = 0.45  # of the Pico's free heap, after boot and in a call
BOARD = "rp2_pico"
STORAGE = 1408 * 1024  # of the file system, at the end of flash (MicroPython's RPI_PICO)
ROMFS = 192 * 1024  # before it: boards/rp2_pico/mpconfigboard.h
_RUN_S = 120

def script(path):
    """What measures the firmware that is found at `path` on the board."""
    text = (Path(__file__).parent / "on_board" / "budget.py").read_text(encoding="utf-8")
    return f"PARAMETERS = {{'path': {path!r}}}\n{text}"


def budget(tell=lambda text: None, progress=None):
    """A dict: passed, limit_share, files and octets of the firmware, and for "files" and "romfs" free (octets of heap
    before), booted and talking (octets taken)."""
    from femtohost.targets.pico import Pico
    from femtohost.toolchain import rp2

    board = find(BOARD)
    image = rp2.build(board, tell)
    bundle = build(board, native=False)
    with tempfile.TemporaryDirectory() as folder:
        flash = Path(folder) / "flash.bin"
        flash.write_bytes(with_romfs(image.read_bytes(), bundle, Path(folder)))
        with Pico(image, flash) as pico:
            heap = {"romfs": _measure(pico, "/rom")}
            with Link(pico.port) as link:
                slot = deploy.deploy(link, bundle, progress=progress)["slot"]
            heap["files"] = _measure(pico, slot)
    passed = all(max(way["booted"], way["talking"]) <= HEAP_SHARE * way["free"] for way in heap.values())
    return {
        "passed": passed,
        "limit_share": HEAP_SHARE,
        "files": len(bundle.files),
        "octets": bundle.size,
        "heap": heap,
    }


def with_romfs(uf2, bundle, folder):
    """The flash of a Pico with the image `uf2` and `bundle` in its ROMFS partition."""
    from mpremote.romfs import make_romfs

    from femtohost.targets.pico import FLASH_SIZE, flash_of

    write(bundle, folder)
    with contextlib.redirect_stdout(io.StringIO()):  # it tells every file
        romfs = make_romfs(str(folder / "slot"), mpy_cross=None)
    if len(romfs) > ROMFS:
        raise ValueError(f"{len(romfs)} octets do not fit into the partition of {ROMFS}")
    at = FLASH_SIZE - STORAGE - ROMFS
    flash = flash_of(uf2)
    return flash[:at] + romfs + flash[at + len(romfs) :]


def rows(result):
    """(what, is, limit, verdict) for each line of a table."""
    yield ("firmware, .mpy", f"{result['octets']} octets in {result['files']} files", "", "")
    for way, heap in result["heap"].items():
        limit = result["limit_share"] * heap["free"]
        for moment in ("booted", "talking"):
            share = heap[moment] / heap["free"]
            verdict = "good" if heap[moment] <= limit else "TOO MUCH"
            name = {"booted": "after boot", "talking": "in a call"}[moment]
            yield (f"heap, {way}, {name}", f"{heap[moment]} of {heap['free']} ({share:.1%})", f"{limit:.0f}", verdict)


def _measure(pico, path):
    with Link(pico.port) as link:
        said = link.run(MEASURE.format(path=path), _RUN_S).splitlines()[-1]
    free, booted, talking, running = ast.literal_eval(said)
    if not running:
        raise ValueError("the call that comes back did not run")
    return {"free": free, "booted": booted, "talking": talking}
