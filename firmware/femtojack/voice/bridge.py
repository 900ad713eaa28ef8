"""The bridge: two legs that hear each other, a block of 10 ms at a time.

A leg has `get() -> array('h') of BLOCK samples, or None for silence`, valid until the next, and `put(pcm)`. Legs: the
telephone on its line (femtojack.voice.path), an RTP session (femtojack.voice.media), a PC's sound card
(femtojack.usb.uac).
"""

from array import array

from femtojack.board import BLOCK


class Bridge:
    """Room for two legs. Nothing is allocated per block."""

    def __init__(self):
        self._silence = array("h", bytes(2 * BLOCK))
        self._one = self._other = None

    def join(self, one, other):
        """From now on `one` and `other` hear each other, and nobody else."""
        self._one, self._other = one, other

    def part(self):
        self._one = self._other = None

    def block(self):
        """Carry one block each way; called at the pace of the PCM port."""
        if self._one:
            there, back = self._one.get(), self._other.get()
            self._other.put(there or self._silence)
            self._one.put(back or self._silence)
