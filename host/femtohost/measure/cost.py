"""Cost of echo cancellers: processor time a sample, measured in turns so that a busy machine is unfair to none."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from statistics import median

from femtohost.canceller import KERNELS, EchoCanceller
from femtohost.measure.compare import convergence
from femtohost.measure.peers import Missing

TAPS = (64, 128, 256, 512, 1024)
QUICK_TAPS = (128, 1024)
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


def cost(peers, taps=TAPS, repetitions=7, seconds=2.0, progress=lambda: None):
    """{name: {taps: ns a sample}}: the median of the repetitions, the binding's calls included (see Peer.note)."""
    scene = convergence("d2")
    n = round(seconds * 8000) // 320 * 320
    signals = scene.rin[:n], scene.sin[:n]
    states = [(entry, length, _started(entry, length)) for entry in contenders(peers) for length in taps]
    states = [(entry, length, canceller) for entry, length, canceller in states if canceller]
    times = {(entry.name, length): [] for entry, length, _ in states}
    for _ in range(repetitions):
        for entry, length, canceller in states:
            times[entry.name, length].append(_time(canceller, entry.block, *signals) / n)
        progress()
    figures = {}
    for (name, length), measured in times.items():
        figures.setdefault(name, {})[length] = round(median(measured), 1)
    return figures


def call_overhead_us(figures):
    """Microseconds that a `process` of 80 samples takes over the native call, at the shortest tail measured."""
    taps = min(figures[BLOCKS])
    native = min(figures[f"femtojack, {kernel}"][taps] for kernel in KERNELS)
    return round((figures[BLOCKS][taps] - native) * BLOCK / 1000, 2)


def _started(entry, taps):
    try:
        return entry.start(taps)
    except Missing:
        return None


def _time(canceller, block, rin, sin):
    """Nanoseconds of processor time, without those of the binding where the canceller can tell them apart."""
    spent = _clocked(canceller.process, block, rin, sin)
    return spent - _clocked(canceller.idle, block, rin, sin) if hasattr(canceller, "idle") else spent


def _clocked(process, block, rin, sin):
    size = block or len(rin)
    cuts = [(rin[i : i + size], sin[i : i + size]) for i in range(0, len(rin), size)]
    begin = time.process_time_ns()
    for pair in cuts:
        process(*pair)
    return time.process_time_ns() - begin
