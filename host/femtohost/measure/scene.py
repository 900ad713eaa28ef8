"""One run of a canceller: what goes in at its three ends, and how it is played."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from femtohost.measure import g168


@dataclass(frozen=True, eq=False)
class Scene:
    """Signals of one length, 8 kHz, int16 units.

    `rin` (int16) has been through mu-law; `echo` is what the path makes of it and `sgen` the near end, both float64;
    `sin` (int16) is their sum through mu-law. `frozen`: (start, end) samples in which adaptation is inhibited.
    """

    rin: np.ndarray
    echo: np.ndarray
    sgen: np.ndarray
    sin: np.ndarray
    frozen: tuple = ()


def make_scene(rin, paths, sgen=None, frozen=()):
    """The scene of a far-end signal, of near-end `sgen` (None: silence) and of echo paths.

    paths: [(first sample, impulse response or None)]: each holds until the next, None is an open path.
    """
    rin = g168.companded(rin)
    sgen = np.zeros(len(rin)) if sgen is None else np.asarray(sgen, float)
    echo = _echo(rin, paths)
    return Scene(rin, echo, sgen, g168.companded(echo + sgen), tuple(frozen))


def _echo(rin, paths):
    out = np.zeros(len(rin))
    ends = [start for start, _ in paths[1:]] + [len(rin)]
    for (start, path), end in zip(paths, ends, strict=True):
        if path is not None:
            before = max(0, start - len(path))  # what is still on its way when the path comes in
            out[start:end] = g168.echo(path, rin[before:end])[start - before :]
    return out


def play(scene, canceller):
    """Sout (int16) of a canceller with `process` and `freeze`, as EchoCanceller."""
    edges = sorted({0, len(scene.rin), *(edge for span in scene.frozen for edge in span)})
    pieces = []
    for start, end in pairwise(edges):
        canceller.freeze(any(first <= start < last for first, last in scene.frozen))
        pieces.append(canceller.process(scene.rin[start:end], scene.sin[start:end]))
    return np.concatenate(pieces)
