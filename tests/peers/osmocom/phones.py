"""Emulated phones on the network's virtual Um, in wall-clock time."""

import contextlib

import numpy as np
from osmocom.um import Air as Um
from osmocom.um import Frame
from programs import PATIENCE

from femtohost.clock import Clock
from femtohost.models.gsm_air import Air, AirFrame
from femtohost.peers.gsm_phone import GsmPhone
from femtohost.wallclock import WallClock


class Phones:
    """Any number of femtohost.peers.gsm_phone, until `close`; they live while `until` waits."""

    def __init__(self, network, seed=1):
        with network.namespace:
            self._um = Um()
        self._clock, self._wall = Clock(), WallClock()
        self._rng = np.random.default_rng(seed)
        self._air = Air(self._clock, self._rng)
        self._air.taps.append(self._said)
        self._wall.follow(self._clock)
        self._wall.watch(self._um.socket, self._hear)
        self.all = []

    def add(self, imsi, **options):
        """One more, switched on; `options` of GsmPhone."""
        phone = GsmPhone(self._clock, self._air, self._rng, imsi, **options)
        phone.power_on()
        self.all.append(phone)
        return phone

    def until(self, condition, seconds=PATIENCE):
        """Let them live until `condition()`; AssertionError after `seconds`."""
        assert self._wall.run_until(condition, seconds), f"not within {seconds:g} s"

    def live(self, seconds):
        self._wall.run_until(lambda: False, seconds)

    def close(self):
        self._um.close()

    def _hear(self):
        with contextlib.suppress(BlockingIOError):
            for frame in self._um.frames():
                place = frame.arfcn, False, frame.tn, frame.fn, frame.channel, frame.subslot
                self._air.downlink(AirFrame(*place, frame.payload))

    def _said(self, frame):
        if frame.uplink:
            self._um.send(Frame(*frame))
