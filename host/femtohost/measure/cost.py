"""Cost of echo cancellers: processor time a sample, measured in turns so that a busy machine is unfair to none."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from math import inf

from femtohost.audio import RATE
from femtohost.canceller import KERNELS, EchoCanceller
from femtohost.measure.compare import convergence
from femtohost.measure.peers import Missing

TAPS = (64, 128, 256, 512, 1024)
QUICK_TAPS = (128, 1024)
PIECE = 3200  # samples that each takes at a time, 0.4 s: a multiple of all frames
BLOCK = 80  # samples of a block of the PCM port, 10 ms
BLOCKS = "femtojack, process() of 80 samples"


@dataclass(frozen=True)
class Contender:
    """What is timed under one name: all samples in one call, or in blocks of `block`."""

    name: str
    start: Callable
    block: int | None = None


def contenders(peers):
    """This canceller with each kernel and block by block, and the peers that can be timed."""
    for kernel in KERNELS:
        yield Contender(f"femtojack, {kernel}", partial(EchoCanceller, kernel=kernel))
    yield Contender(BLOCKS, EchoCanceller, BLOCK)
    yield from (Contender(peer.name, peer.start) for peer in peers if peer.timed and peer.name != "femtojack")


def cost(peers, taps=TAPS, repetitions=9, seconds=2.0, progress=lambda: None):
    """{name: {taps: ns a sample}}, the binding's calls included (see Peer.note).

    Whatever else the machine does only adds: of each piece of the signal the least time of all repetitions counts. And
    all take one piece before any takes the next, so that what they are compared by was measured within milliseconds.
    """
    pieces = _pieces(seconds)
    started = {length: [(entry, _started(entry, length)) for entry in contenders(peers)] for length in taps}
    least = {}
    for _ in range(repetitions):
        for length, entries in started.items():
            for number, piece in enumerate(pieces):
                for entry, canceller in entries:
                    for sign, process in _timed(canceller):
                        key = entry.name, length, sign, number
                        least[key] = min(least.get(key, inf), _clocked(process, entry.block, *piece))
        progress()
    figures = {}
    for (name, length, sign, _), spent in least.items():
        of_name = figures.setdefault(name, {})
        of_name[length] = of_name.get(length, 0) + sign * spent / (PIECE * len(pieces))
    return {name: {length: round(ns, 1) for length, ns in of_name.items()} for name, of_name in figures.items()}


def to_fastest_peer(figures):
    """{kernel: {taps: this canceller's time over that of the fastest peer}}; empty without peers."""
    ours = {f"femtojack, {kernel}": kernel for kernel in KERNELS}
    peers = [of_name for name, of_name in figures.items() if name not in ours and name != BLOCKS]
    return {
        ours[name]: {length: round(ns / min(peer[length] for peer in peers), 3) for length, ns in of_name.items()}
        for name, of_name in figures.items()
        if name in ours and peers
    }


def call_overhead_us(figures):
    """Microseconds that a `process` of 80 samples takes over the native call, at the shortest tail measured."""
    taps = min(figures[BLOCKS])
    native = min(figures[f"femtojack, {kernel}"][taps] for kernel in KERNELS)
    return round((figures[BLOCKS][taps] - native) * BLOCK / 1000, 2)


def _pieces(seconds):
    """(Rin, Sin) of a converging echo path, in pieces."""
    scene = convergence("d2")
    starts = range(0, round(seconds * RATE) // PIECE * PIECE, PIECE)
    return [(scene.rin[i : i + PIECE], scene.sin[i : i + PIECE]) for i in starts]


def _started(entry, taps):
    try:
        return entry.start(taps)
    except Missing:
        return None


def _timed(canceller):
    """What to time: (1, its process), and (-1, its binding alone) where the two can be told apart; nothing of None."""
    parts = (1, "process"), (-1, "idle")
    return [(sign, getattr(canceller, name)) for sign, name in parts if hasattr(canceller, name)]


def _clocked(process, block, rin, sin):
    """Nanoseconds of processor time."""
    size = block or len(rin)
    cuts = [(rin[i : i + size], sin[i : i + size]) for i in range(0, len(rin), size)]
    begin = time.process_time_ns()
    for pair in cuts:
        process(*pair)
    return time.process_time_ns() - begin
