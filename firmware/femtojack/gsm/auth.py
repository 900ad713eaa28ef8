"""Authentication of phones by triplets that the host has made (COMP128v1, Milenage or any other A3/A8).

`board.store` holds under "gsm-auth-IMSI" any number of triplets: RAND (16 octets), SRES (4), Kc (8). The secret key
itself never comes into the box. They are used in turn, from a random one on, and then again.
"""

from micropython import const

_TRIPLET = const(28)
_RAND = const(16)
_SRES = const(20)


class Triplet:
    """A challenge, the answer that is right, and the key that comes with it."""

    def __init__(self, octets):
        self.rand, self.sres, self.key = octets[:_RAND], octets[_RAND:_SRES], octets[_SRES:]


class Triplets:
    """Those of all subscribers."""

    def __init__(self, store, entropy):
        self._store = store
        self._next = {}  # by IMSI
        self._entropy = entropy

    def take(self, imsi):
        """The next triplet for this IMSI; None if the host has made none."""
        octets = self._store.get("gsm-auth-" + imsi) if self._store and imsi else None
        count = len(octets) // _TRIPLET if octets else 0
        if not count:
            return None
        at = self._next.get(imsi)
        if at is None:
            first = bytearray(1)
            self._entropy(first)
            at = first[0]
        at %= count
        self._next[imsi] = at + 1
        return Triplet(octets[at * _TRIPLET : (at + 1) * _TRIPLET])
