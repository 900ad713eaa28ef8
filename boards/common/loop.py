"""The loop of a board: a step at the deadline, at a PCM block, at a USB callback, and while the SLIC asserts its
interrupt."""

from time import ticks_ms

from machine import idle
from micropython import const

from femtojack.ticks import ticks_diff

_MASK = const(0x3FFFFFFF)  # ticks of the firmware: milliseconds modulo 2**30


def run(app, pcm, interrupt, usb=None):
    """Step `app` for ever. `pcm.due()` tells of a block, `usb.called()` of a callback since it was asked last; a
    datagram waits for the next block, 10 ms at most."""
    deadline = ticks_ms() & _MASK
    while True:
        now = ticks_ms() & _MASK
        if (
            pcm.due()
            or not interrupt.value()
            or (usb and usb.called())
            or (deadline is not None and ticks_diff(now, deadline) >= 0)
        ):
            deadline = app.step(now)
        else:
            idle()
