"""Other echo cancellers, each behind the same call, so that they can be measured beside this one.

A canceller is an object with `process(rin, sin) -> sout`: int16 arrays of one length, 8 kHz, a multiple of its frame.
"""

from collections.abc import Callable
from dataclasses import dataclass


class Missing(Exception):
    """A canceller that is not installed; the text is what the system said."""


@dataclass(frozen=True)
class Peer:
    """One canceller to compare: `start(taps)` makes it anew, or raises Missing.

    frame: samples it takes at a time. get: the command that installs it. note: what a reader of its figures should
    know. timed: False if its time would say nothing.
    """

    name: str
    start: Callable
    frame: int = 1
    get: str = ""
    note: str = ""
    timed: bool = True


def shared_library(ffi, name):
    """The shared library `name`, opened by cffi; Missing if the machine has none."""
    try:
        return ffi.dlopen(name)
    except OSError as error:
        raise Missing(str(error)) from None


def all_peers():
    """Every canceller there is a binding for, this one first; installed or not."""
    from femtohost.measure.peers import cmsisdsp, nlms, ours, spandsp, speexdsp, webrtc

    return (ours.PLAIN, ours.WITH_NLP, spandsp.PEER, speexdsp.PEER, webrtc.PEER, cmsisdsp.PEER, nlms.PEER)
