"""Any CBW, any CDB, any order: Bulk-Only Transport keeps its word, beside a small model of it."""

import contextlib

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from usb_stand_in import Blocks, Disc, Nak, Stall, make_device

BLOCKS = 40
IMAGE = bytes((i >> 11) * 7 + i & 0xFF for i in range(2048 * BLOCKS))
OPCODES = (
    0x00, 0x03, 0x12, 0x1A, 0x1B, 0x1E, 0x23, 0x25, 0x28, 0x2A, 0x2B, 0x42, 0x43, 0x46, 0x4A, 0x51, 0x52, 0x5A, 0xA0,
    0xA8, 0xBB, 0xBD, 0xBE,
)  # fmt: skip

READS = (0x28, 0xA8)

octets = st.integers(0, 255)
lengths = st.one_of(
    st.sampled_from([0, 1, 8, 13, 36, 63, 64, 65, 255, 512, 2048, 4096, 6144, 8192, 122880, 0xFFFFFFFF]),
    st.integers(0, 10000),
)


@st.composite
def cdbs(draw):
    """Commands that are known more often than not; the rest of the octets mostly zero."""
    opcode = draw(st.one_of(st.sampled_from(OPCODES), octets))
    rest = draw(st.lists(st.one_of(st.just(0), st.sampled_from([1, 2, 3, 4, 16, 64, 255]), octets), max_size=15))
    return bytes([opcode, *rest])


@st.composite
def reads(draw):
    block, count = draw(st.integers(0, BLOCKS + 2)), draw(st.integers(0, 12))
    if draw(st.booleans()):
        return b"\x28\0" + block.to_bytes(4, "big") + b"\0" + count.to_bytes(2, "big") + b"\0"
    return b"\xa8\0" + block.to_bytes(4, "big") + count.to_bytes(4, "big") + b"\0\0"


@st.composite
def commands(draw):
    """(CDB, length, inward, LUN); more often than not a length that fits, inward, to the drive that there is."""
    cdb = draw(st.one_of(cdbs(), reads()))
    fits = 2048 * min(read_range(cdb)[1], 60) if cdb[0] in READS else 255
    length = draw(st.one_of(st.just(fits), lengths))
    return cdb, length, draw(st.sampled_from([True, True, True, False])), draw(st.sampled_from([0] * 9 + [1, 15]))


def read_range(cdb):
    """(block, count) of a READ."""
    block = int.from_bytes(cdb[2:6], "big")
    return block, int.from_bytes(cdb[7:9] if cdb[0] == 0x28 else cdb[6:10], "big")


class BulkOnly(RuleBasedStateMachine):
    """`dirty`: the host has broken the order of things, and knows it; `halted`: an invalid CBW was taken."""

    def __init__(self):
        super().__init__()
        self.blocks = Blocks(IMAGE)
        self.usb, self.device = make_device(self.blocks)
        self.disc = Disc(self.usb)
        self.dirty = self.halted = False

    @precondition(lambda self: not self.dirty)
    @rule(asked=st.lists(commands(), min_size=1, max_size=12))
    def command(self, asked):
        for each in asked:
            self._command(*each)

    def _command(self, cdb, length, inward, lun):
        data, stalled, residue, status = self.disc.command(cdb, length, inward, lun)
        assert status in (0, 1, 2)
        assert len(data) <= length
        assert residue == length - len(data)
        assert stalled == (residue > 0 and len(data) % 64 == 0)
        if status == 2:
            assert not data
        if data and cdb[0] in READS:
            block, count = read_range(cdb)
            assert data == IMAGE[2048 * block : 2048 * block + len(data)]
            assert (status == 0) == (len(data) == 2048 * count)

    @precondition(lambda self: not self.dirty)
    @rule(block=st.integers(0, BLOCKS - 1), count=st.integers(1, 9))
    def read_well(self, block, count):
        """What a driver does: until the unit attention has been told, once more."""
        count = min(count, BLOCKS - block)
        cdb = b"\x28\0" + block.to_bytes(4, "big") + b"\0" + count.to_bytes(2, "big") + b"\0"
        for _ in range(2):
            data, _, residue, status = self.disc.command(cdb, 2048 * count)
            if status == 0:
                assert (data, residue) == (IMAGE[2048 * block :][: 2048 * count], 0)
                return
        assert self.disc.sense() == 0x023A00 and not self.device.drive.present

    @precondition(lambda self: not self.dirty)
    @rule(data=st.one_of(st.binary(max_size=64), st.binary(min_size=31, max_size=31), st.just(bytes(512))))
    def nonsense(self, data):
        with contextlib.suppress(Stall):
            self.usb.bulk_out(self.disc.OUT, data)
        self.dirty = self.halted = True

    @precondition(lambda self: not self.dirty)
    @rule(cdb=st.one_of(cdbs(), reads()), length=lengths, inward=st.booleans(), fetched=st.integers(1, 80))
    def abandon(self, cdb, length, inward, fetched):
        self.usb.bulk_out(self.disc.OUT, self.disc.cbw(cdb, length, inward))
        with contextlib.suppress(Stall, Nak):
            self.usb.bulk_in(self.disc.IN, 64 * fetched)
        self.dirty = True

    @rule(ep=st.sampled_from([0x81, 0x02, 0x85]), halt=st.booleans())
    def features(self, ep, halt):
        if halt:
            self.usb.control(0x02, 3, 0, ep)
            self.dirty = True
        self.usb.clear_halt(ep)

    @precondition(lambda self: self.halted)
    @rule()
    def stays_halted(self):
        for ep in (self.disc.IN, self.disc.OUT):
            assert self.usb.stall(ep)

    @rule(
        kind=octets, request_=octets, value=st.integers(0, 0xFFFF), index=st.sampled_from([0, 1, 2, 0x81, 0xFFFF]),
        data=st.binary(max_size=64),
    )  # fmt: skip
    def control(self, kind, request_, value, index, data):
        if kind & 0x60 == 0x20 or kind == 0x81:  # what the stack passes on
            resets = (kind, request_, value, index, data) == (0x21, 0xFF, 0, 0, b"")
            with contextlib.suppress(Stall):
                self.usb.control(kind, request_, value, index, data=data)
            if resets:
                self.dirty, self.halted = True, False

    @rule(bus=st.booleans())
    def recover(self, bus):
        if bus:
            self.usb.attach()
        else:
            self.disc.recover()
        self.dirty = self.halted = False

    @precondition(lambda self: not self.dirty)
    @rule(there=st.booleans(), broken=st.booleans())
    def change_medium(self, there, broken):
        self.blocks.image = IMAGE if there else b""
        self.blocks.broken = broken
        self.usb.step()
        self.blocks.broken = False

    @invariant()
    def transfers_are_small(self):
        assert self.usb.largest <= 4096


BulkOnly.TestCase.settings = settings(max_examples=80, stateful_step_count=20, deadline=None)
TestBulkOnly = BulkOnly.TestCase
