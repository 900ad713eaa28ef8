"""One seed, many independent random streams."""

import zlib

import numpy as np


class Seeds:
    """Named streams of one seed; the same name gives the same stream, whatever else is drawn."""

    def __init__(self, seed):
        self.seed = seed

    def stream(self, name):
        """A numpy Generator of its own for `name`."""
        return np.random.default_rng([self.seed, zlib.crc32(name.encode())])
