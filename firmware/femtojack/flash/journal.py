"""A log in three sectors that survives a power cut at any instant, twice and more in a row, with torn operations.

A record is 32 octets, numbers little-endian:
     0 4 magic          10 1 base: the sector where the record before this sector's first one stands
     4 4 generation     11 1 kind
     8 2 its index      12 16 payload
                        28 4 CRC-32 of all before
The newest record is the one of the greatest generation, and in it of the greatest index.

An operation that was cut may leave bits that read differently each time: its record may be seen by one boot and not by
the next. So the first append of a power session
- programs the newest record again in its place: the same octets, so nothing changes, but all of its bits are firm then;
- erases the one sector that is neither that record's own nor its base, and begins a generation there.
Nothing is ever written behind what an earlier session left, which might be a record that is not seen now; such a one is
always in the sector that is erased. No sector is erased before a record was firm in this session, and never the one
that a newest record could name as its base: at least one record is firm and readable at every instant.
"""

from binascii import crc32
from struct import pack, unpack

from micropython import const

from femtojack.flash.layout import SECTOR, region

RECORD = const(32)
PAYLOAD = const(16)
_SECTORS = const(3)
_RECORDS = const(128)  # a sector
_BODY = const(28)
_HEAD = "<4sIHBB"

CONFIRMED = const(1)  # kinds of the journal's records
UPDATING = const(2)
TRIAL = const(3)


def pack_record(magic, generation, index, base, kind, payload):
    body = pack(_HEAD, magic, generation, index, base, kind) + payload
    return body + pack("<I", crc32(body))


def parse_record(magic, octets, sector, index):
    """(generation, base, kind, payload) of what stands at `index` of `sector`; None if it is no record of there."""
    if len(octets) != RECORD:
        return None
    found, generation, own_index, base, kind = unpack(_HEAD, octets[:12])
    if found != magic or own_index != index or base >= _SECTORS or base == sector:
        return None
    if unpack("<I", octets[_BODY:])[0] != crc32(octets[:_BODY]):
        return None
    return generation, base, kind, octets[12:_BODY]


class Log:
    """The log in the region `name`. After `load`, `kind` and `payload` are those of the newest record, or None."""

    def __init__(self, nor, name, magic):
        self._nor = nor
        self._start = region(name)[0]
        self._magic = magic
        self._forget()

    def _forget(self):
        self.kind = self.payload = None
        self._generation = self._sector = self._base = self._index = 0  # of the newest record
        self._next = (0, 0, 0, 0)  # the same of the next record
        self._begun = False  # a sector, in this power session: `_next` is in it

    def load(self):
        """Find the newest record."""
        self._forget()
        content = bytearray(SECTOR)
        for sector in range(_SECTORS):
            self._nor.read(self._start + sector * SECTOR, content)
            for index in range(_RECORDS):
                at = index * RECORD
                if content[at] == self._magic[0]:
                    self._consider(bytes(content[at : at + RECORD]), sector, index)

    def _consider(self, octets, sector, index):
        record = parse_record(self._magic, octets, sector, index)
        if record and (self.kind is None or (record[0], index) > (self._generation, self._index)):
            self._generation, self._base, self.kind, self.payload = record
            self._sector, self._index = sector, index

    def append(self, kind, payload):
        """Script: a new newest record, read back. False: the sectors do not hold it; what was the newest still is."""
        if not self._begun and not (yield from self._turn()):
            return False
        while True:
            generation, sector, base, index = self._next
            if index == _RECORDS:
                if not (yield from self._turn()):
                    return False
                continue
            self._next = generation, sector, base, index + 1
            octets = pack_record(self._magic, generation, index, base, kind, payload)
            if (yield from self._nor.write(self._address(sector, index), octets)):
                self._generation, self._sector, self._base, self._index = generation, sector, base, index
                self.kind, self.payload = kind, payload
                return True

    def _address(self, sector, index):
        return self._start + sector * SECTOR + index * RECORD

    def _turn(self):
        """Script: begin a generation in the sector that is neither the newest record's nor its base."""
        if self.kind is None:
            return (yield from self._begin_anew())
        if self._begun and self._next[1] != self._sector:
            self._begun = False  # it took no record at all
            return False
        if not (yield from self.firm()):
            return False
        return (yield from self._clear(_SECTORS - self._sector - self._base, self._sector))

    def firm(self):
        """Script: program the newest record over itself: that it could be read may have been luck."""
        if self.kind is None:
            return True
        octets = pack_record(self._magic, self._generation, self._index, self._base, self.kind, self.payload)
        return (yield from self._nor.write(self._address(self._sector, self._index), octets))

    def _begin_anew(self):
        """Script: there is no record anywhere: the first sector that can be erased."""
        for sector in range(self._next[1] + 1 if self._begun else 0, _SECTORS):
            if (yield from self._clear(sector, (sector + 1) % _SECTORS)):
                return True
        return False

    def _clear(self, sector, base):
        address = self._address(sector, 0)
        yield from self._nor.erase(address)
        self._next = self._generation + 1, sector, base, 0
        self._begun = self._nor.is_blank(address)
        return self._begun


class Journal(Log):
    """What the box knows of its firmware slots: numbers as in femtojack.flash.slots.NAMES.

    active: the slot that is confirmed; target: the one that is written or tried; attempts: how often it may still be
    started; result: what became of the last update (femtojack.flash.results); checks: what its self-test asks for.
    """

    def __init__(self, nor):
        super().__init__(nor, "journal", b"FJJ1")
        self.active = self.target = self.attempts = self.result = self.checks = 0

    def load(self):
        super().load()
        if self.kind is not None:
            self._read_payload()

    def _read_payload(self):
        self.active, self.target, self.attempts, self.result, self.checks = self.payload[:5]

    def note(self, kind, active, target, attempts=0, result=0, checks=0):
        """Script: append that."""
        payload = bytes((active, target, attempts, result, checks)) + bytes(PAYLOAD - 5)
        done = yield from self.append(kind, payload)
        if done:
            self._read_payload()
        return done
