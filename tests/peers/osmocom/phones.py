"""Emulated phones on the network's virtual Um, in wall-clock time."""

import os

import numpy as np
from programs import PATIENCE, schedule

from femtohost.bridges.gsmtap import GsmtapBridge
from femtohost.clock import Clock
from femtohost.models.gsm_air import Air
from femtohost.peers.gsm_phone import GsmPhone
from femtohost.wallclock import WallClock


class Phones:
    """Any number of femtohost.peers.gsm_phone, until `close`; they live while `until` waits."""

    def __init__(self, network, seed=1):
        self._clock, self._wall = Clock(), WallClock()
        self._rng = np.random.default_rng(seed)
        self._air = Air(self._clock, self._rng)
        self._wall.follow(self._clock)
        with network.namespace:
            self._bridge = GsmtapBridge(self._wall.watch, self._wall.unwatch, cell=False)
        self._bridge.join(self._air)
        self.watch, self.unwatch = self._wall.watch, self._wall.unwatch
        self.all = []

    def add(self, imsi, **options):
        """One more, switched on; `options` of GsmPhone."""
        phone = GsmPhone(self._clock, self._air, self._rng, imsi, **options)
        phone.power_on()
        self.all.append(phone)
        return phone

    def until(self, condition, seconds=PATIENCE):
        """Let them live until `condition()`; AssertionError after `seconds`."""
        schedule(0, os.SCHED_RR, 1)
        try:
            assert self._wall.run_until(condition, seconds), f"not within {seconds:g} s"
        finally:
            schedule(0, os.SCHED_OTHER, 0)

    def close(self):
        self._bridge.close()
