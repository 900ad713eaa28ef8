"""LAPDm of the firmware and of the emulated phone against libosmocore's, on a channel that loses, repeats and delays.

More than these tests do: bench_lapdm.py.
"""

import pytest
from lapdm_channel import SAPIS, T200_MS, Exchanges, Harm
from libosmocore import lapdm

from femtohost.clock import MS, Clock
from femtohost.peers.gsm_lapdm import DataLink
from femtojack.gsm.lapdm import T200_EXPIRED, Link
from femtojack.ticks import ticks_add

BLOCK = 23
N201, N200 = 20, 23  # TS 44.006 5.8: of an SDCCH
TOO_MANY_REPETITIONS, SEQUENCE_ERROR = 0x01, 0x07  # TS 48.058 9.3.22
CAUSES = {"no answer": TOO_MANY_REPETITIONS, "sequence error": SEQUENCE_ERROR}  # of why the phone gives a link up
BEGIN = 2**30 - 5000  # ticks wrap soon


class Box:
    """The links of one SDCCH as the firmware has them: an end as libosmocore.lapdm.End is one."""

    def __init__(self):
        self.heard = []
        self.errors = []
        self._now = BEGIN
        self._links = {
            sapi: Link("lapdm", sapi, N201, T200_MS, N200, self, lambda point, data: None) for sapi in SAPIS
        }  # fmt: skip

    def established(self, link, info, now):
        self.heard.append(("up", link.sapi, bytes(info or b"")))

    def received(self, link, message, now):
        self.heard.append(("data", link.sapi, bytes(message)))

    def released(self, link, cause, now):
        self.heard.append(("down", link.sapi))
        if cause == T200_EXPIRED:
            self.errors.append((link.sapi, TOO_MANY_REPETITIONS))

    def open(self, sapi, message):
        self.send(sapi, message)

    def send(self, sapi, message):
        assert self._links[sapi].send(message, self._now)

    def release(self, sapi):
        self._links[sapi].release(self._now)

    def receive(self, block):
        self._links[block[0] >> 2 & 7].receive(memoryview(block), self._now)

    def block(self):
        out = bytearray(BLOCK)
        return bytes(out) if any(link.next(out, self._now) for link in self._links.values()) else None

    def wait(self, ms):
        self._now = ticks_add(self._now, ms)
        for link in self._links.values():
            link.step(self._now)

    def reset(self):
        for link in self._links.values():
            link.reset()
        self.heard.clear()
        self.errors.clear()


class Phone:
    """The links of one SDCCH as the emulated phone has them, likewise."""

    def __init__(self):
        self.heard = []
        self.errors = []
        self._clock = Clock()
        self._links = {
            sapi: DataLink(self._clock, self, sapi, n201=N201, n200=N200, t200=T200_MS / 1000) for sapi in SAPIS
        }  # fmt: skip

    def ready(self, link):
        pass  # it is asked in every block

    def established(self, link):
        self.heard.append(("up", link.sapi, b""))

    def received(self, link, message):
        self.heard.append(("data", link.sapi, message))

    def released(self, link, why):
        self.heard.append(("down", link.sapi))
        if cause := CAUSES.get(why):
            self.errors.append((link.sapi, cause))

    def establish(self, sapi, info=b""):
        self._links[sapi].establish(info)

    def open(self, sapi, message):
        self._links[sapi].establish()
        self._links[sapi].send(message)

    def send(self, sapi, message):
        self._links[sapi].send(message)

    def release(self, sapi):
        self._links[sapi].release()

    def receive(self, block):
        self._links[block[0] >> 2 & 7].receive(block)

    def block(self):
        return next(filter(None, (link.pull() for link in self._links.values())), None)

    def wait(self, ms):
        end = self._clock.now + ms * MS
        while (following := self._clock.next_time()) is not None and following <= end:
            self._clock.run_next()
        self._clock.advance(end)

    def reset(self):
        for link in self._links.values():
            link.abandon()
        self.heard.clear()
        self.errors.clear()


def exchange(folder, count, seed, harm, ours="box"):
    """So many exchanges between the box, or the phone, and libosmocore's other end."""
    theirs = lapdm.End(lapdm.build(folder), "ms" if ours == "box" else "bts", "SDCCH", T200_MS)
    phone, network = (theirs, Box()) if ours == "box" else (Phone(), theirs)
    try:
        return Exchanges(phone, network, seed, harm).run(count)
    finally:
        theirs.stop()


@pytest.mark.parametrize("ours", ["box", "phone"])
@pytest.mark.parametrize(
    "harm",
    [Harm(), Harm(loss=0.1), Harm(twice=0.1), Harm(late=0.1), Harm(loss=0.1, twice=0.1, late=0.1)],
    ids=["clean", "loss", "twice", "late", "all"],
)
def test_everything_arrives_once_and_in_order(tmp_path, harm, ours):
    if reason := lapdm.why_not():
        pytest.skip(reason)
    result = exchange(tmp_path, 500, 1, harm, ours)
    # An N(R) that is past breaks a link (5.7.4): of a frame that was overtaken, and of libosmocore's network also in
    # the REJ with which it answers a repetition, which it sends behind what it said later.
    assert not result.broken or harm.late or (harm.twice and ours == "phone")
