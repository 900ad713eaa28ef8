"""The firmware's LAPDm against libosmocore's on a channel that loses, repeats and delays blocks.

More than these tests do: bench_lapdm.py.
"""

import pytest
from lapdm_channel import SAPIS, T200_MS, Exchanges, Harm
from libosmocore import lapdm

import femtohost  # noqa: F401  (MicroPython's module, for the firmware)
from femtojack.gsm.lapdm import Link
from femtojack.ticks import ticks_add

BLOCK = 23
N201, N200 = 20, 23  # TS 44.006 5.8: of an SDCCH
BEGIN = 2**30 - 5000  # ticks wrap soon


class Box:
    """The links of one SDCCH as the firmware has them: an end as libosmocore.lapdm.End is one."""

    def __init__(self):
        self.heard = []
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


def exchange(folder, count, seed, harm):
    """So many exchanges between a phone of libosmocore's and the box."""
    phone = lapdm.End(lapdm.build(folder), "ms", "SDCCH", T200_MS)
    try:
        return Exchanges(phone, Box(), seed, harm).run(count)
    finally:
        phone.stop()


@pytest.mark.parametrize(
    "harm",
    [Harm(), Harm(loss=0.1), Harm(twice=0.1), Harm(late=0.1), Harm(loss=0.1, twice=0.1, late=0.1)],
    ids=["clean", "loss", "twice", "late", "all"],
)
def test_everything_arrives_once_and_in_order(tmp_path, harm):
    if reason := lapdm.why_not():
        pytest.skip(reason)
    result = exchange(tmp_path, 500, 1, harm)
    assert not result.broken or harm.late
