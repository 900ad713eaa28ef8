"""The security counter below which no image is taken or started. It never falls."""

from struct import pack, unpack

from micropython import const

from femtojack.flash.journal import Log

_KIND = const(1)


class Floor(Log):
    """`value` after `load`; 0 on a chip that has none yet."""

    def __init__(self, nor):
        super().__init__(nor, "floor", b"FJF1")

    @property
    def value(self):
        return unpack("<I", self.payload[:4])[0] if self.kind == _KIND else 0

    def raise_to(self, counter):
        """Script: at least `counter` from now on. False: the chip does not hold it."""
        if counter <= self.value:
            return (yield from self.firm())
        return (yield from self.append(_KIND, pack("<I", counter) + bytes(12)))
