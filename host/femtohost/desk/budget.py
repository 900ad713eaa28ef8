"""What the firmware may take, measured without a board: heap of a Pico, instructions of the canceller.

The heap is that of the emulated Pico on a real image, with every part that a Pico can have, for three ways to keep
code: in the file system, in ROMFS, and frozen into the image. Updates use ROMFS (boards/README.md tells why): it is
the one that must hold. The instructions are counted by QEMU.
"""

import ast

from femtohost.desk import deploy, slots
from femtohost.desk.build import build
from femtohost.desk.catalog import boards_folder, find
from femtohost.desk.link import Link
from femtohost.desk.manifest import read_manifest

HEAP_SHARE = 0.45  # of the Pico's free heap, after boot and in a call
BOARD = "rp2_pico"
USED = "romfs"  # by updates
WAYS = {"files": "code in files", "romfs": "code in ROMFS", "frozen": "code in image"}
_RUN_S = 600  # of silence, on a machine that does other things too


def budget(tell=lambda text: None, progress=None):
    """A dict: passed; heap (see `heap`); canceller: femtohost.measure.arm.budget's rows."""
    from femtohost.measure import arm

    memory = heap(tell, progress)
    canceller = arm.budget()
    passed = memory["passed"] and all(row.get("good") for row in canceller)
    return {"passed": passed, "heap": memory, "canceller": canceller}


def heap(tell=lambda text: None, progress=None):
    """A dict: passed; free: octets at the prompt; limit; modules, octets: of the firmware; taken: for each of WAYS
    booted and talking (octets), steps (blocks of the call in which nothing was allocated). UserError: no tools."""
    from femtohost.toolchain import rp2

    board = find(BOARD)
    sources = read_manifest(board.folder / "manifest.py")
    del sources["main.py"]  # a frozen one would start by itself
    images = rp2.build(board, tell), rp2.build(board, tell, sources)
    bundle = build(board, native=False)
    free, taken = _deployed(images[0], bundle, progress)
    taken["frozen"] = _frozen(images[1])
    limit = int(HEAP_SHARE * free)
    passed = max(taken[USED]["booted"], taken[USED]["talking"]) <= limit
    facts = {"free": free, "limit": limit, "modules": len(bundle.files), "octets": bundle.size}
    return {"passed": passed, **facts, "taken": taken}


def measure(link, path):
    """{booted, talking, steps} of the firmware found at `path` on the board at `link`. UserError: MemoryError there."""
    text = (boards_folder() / "scripts" / "budget.py").read_text(encoding="utf-8")
    said = link.run(f"PARAMETERS = {{'path': {path!r}}}\n{text}", _RUN_S).splitlines()[-1]
    return dict(zip(("booted", "talking", "steps"), ast.literal_eval(said), strict=True))


def rows(result):
    """(what, is, limit, verdict) for each line of a table."""
    memory = result["heap"]
    yield ("firmware, .mpy", f"{memory['octets']} octets in {memory['modules']} files", "", "")
    yield ("heap, free at the prompt", str(memory["free"]), "", "")
    for way, text in WAYS.items():
        for moment, name in (("booted", "after boot"), ("talking", "in a call")):
            taken = memory["taken"][way][moment]
            judged = way == USED
            verdict = ("good" if taken <= memory["limit"] else "TOO MUCH") if judged else "not used"
            share = f"{taken} ({taken / memory['free']:.1%})"
            yield (f"heap, {text}, {name}", share, str(memory["limit"]) if judged else "", verdict)
    steps = memory["taken"][USED]["steps"]
    yield ("voice path, heap locked", f"{steps} blocks of 10 ms", "no allocation", "good")
    for row in result["canceller"]:
        limit = f"{row['limit_mhz']} MHz" if row["limit_mhz"] else ""
        is_ = row.get("missing") or f"{row['mhz']} MHz, {row['instructions']} a sample"
        verdict = "not measured" if "missing" in row else "good" if row["good"] else "TOO MUCH"
        yield (f"instructions, {row['core']}", is_, limit, verdict)


def _deployed(image, bundle, progress):
    """(free heap, {way: what it took}) of ROMFS and of the file system."""
    from femtohost.targets.pico import Pico

    with Pico(image) as pico:
        with Link(pico.port) as link:
            slot = deploy.deploy(link, bundle, progress=progress)["slot"]
            other = slots.SLOTS[slot == slots.SLOTS[0]]
            slots.FolderSlots(link).write(other, bundle, progress)
        with Link(pico.port) as link:
            free = link.facts.heap
            files = measure(link, other)
        with Link(pico.port) as link:
            link.run(slots.ENTER)
            return free, {"files": files, "romfs": measure(link, slot)}


def _frozen(image):
    from femtohost.targets.pico import Pico

    with Pico(image) as pico, Link(pico.port) as link:
        return measure(link, ".frozen")
