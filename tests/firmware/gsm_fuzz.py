"""Mutated frames for the cell: `python tests/firmware/gsm_fuzz.py FRAMES [SEED]`; small runs in test_gsm_fuzz.py.

Phones register, call and text on a few channels, and every block they send may be changed on the way; other blocks
and messages are invented. Nothing raises, one well-behaved phone has its call all the time, and when the air is quiet
again every channel is free.
"""

import random
import sys

from gsm_cell_bench import (
    Bench,
    Phone,
    Store,
    detach,
    location_update,
    mobile_identity,
    paging_response,
    service_request,
)

GOOD = "262019876543210"  # few changes do not lead to it
KEYED = "001010000000005"
TRIPLET = bytes(range(16)) + bytes(4) + bytes(8)
MESSAGES = [
    bytes.fromhex(octets)
    for octets in (
        "034504036002805e038120a1150101", "8302", "83083201", "0503", "030f", "032502e090", "83072a", "0337", "0559",
        "0559090300000000000001f0", "055400000000", "055c15", "051b", "0532", "053105", "0629", "062900", "062f6f",
        "0632", "06321709033500000000000710f1", "061703335900", "0616", "0617", "06170ae03c01", "0615", "0634", "0612",
        "090120002a00048121436517012a04812143f5", "0904", "891002", "1b7b1c0da10b020101020105",
    )
]  # fmt: skip


def mutated(octets, rng):
    """`octets` with up to three changes: a bit, an octet, or a cut."""
    octets = bytearray(octets)
    for _ in range(rng.randrange(4)):
        if not octets:
            break
        at = rng.randrange(len(octets))
        kind = rng.randrange(4)
        if kind == 0:
            octets[at] ^= 1 << rng.randrange(8)
        elif kind == 1:
            octets[at] = rng.randrange(256)
        elif kind == 2:
            del octets[at:]
        else:
            octets.insert(at, rng.randrange(256))
    return bytes(octets)


class Mutant(Phone):
    """A phone that says what it likes; `rate` is how many of its blocks are changed."""

    def __init__(self, bench, imsi, rate):
        super().__init__(bench, imsi)
        self.rate = rate
        self.left = 0
        if imsi == KEYED:
            self.answers[b"\x05\x12"] = b"\x05\x54" + bytes(4)
            self.answers[b"\x06\x35"] = b"\x06\x32\x17\x09" + mobile_identity(3, "3500000000000777")

    def begin(self, rng):
        openings = (
            location_update(self.imsi, rng.randrange(4)),
            location_update(tmsi=self.tmsi or rng.randbytes(4), lai="00f1100001"),
            service_request(self.tmsi, rng.choice((1, 2, 4, 8, 11)), self.imsi),
            paging_response(self.tmsi, self.imsi),
            detach(self.imsi, self.tmsi),
            b"\x05\x28\x07\x03\x33\x1f\x00\x05\xf4\1\2\3\4",
            rng.randbytes(rng.randrange(21)),
        )
        opening = rng.choice(openings)
        if rng.random() < self.rate:
            opening = mutated(opening, rng)
        self.left = rng.randrange(200, 3000)
        self.access(rng.randrange(256), opening[:20], fn=self.bench.elapsed % 2715648)

    def up(self, link):
        rng = self.bench.random
        if link == 0 and rng.random() < 0.03:
            self.say(mutated(rng.choice(MESSAGES), rng) or b"\5", rng.choice((0, 0, 3)))
        if rng.random() < 0.01:
            self.station(rng.choice((0, 3))).establish()
        block = super().up(link)
        if rng.random() >= self.rate:
            return block
        if block is None or rng.random() < 0.2:
            return rng.randbytes(23)
        octets = bytearray(block)
        for _ in range(rng.randrange(1, 4)):
            octets[rng.randrange(min(10, len(octets)))] ^= 1 << rng.randrange(8)
        return bytes(octets)


class Fuzz(Bench):
    """`frames` counts the blocks and messages that phones sent."""

    def __init__(self, seed, **settings):
        store = Store()
        store.put("gsm-auth-" + KEYED, TRIPLET)
        super().__init__(seed=seed, loss=0.02, store=store, cipher=3, **settings)
        self.frames = 0
        count_up = self.l1.up

        def up(kind, chan, payload=b"", link=0, fn=0):
            self.frames += kind in (2, 3)
            count_up(kind, chan, payload, link, fn)

        self.l1.up = up
        for user in self.users.values():
            user.received = self.react
        self.mutants = [Mutant(self, f"0010100000000{i:02}", self.random.choice((0.02, 0.1, 0.5))) for i in range(12)]

    def react(self, connection, message, now):
        """A user that does anything at any time."""
        rng = self.random
        if connection.subscriber.imsi == GOOD:
            return
        what = rng.randrange(6)
        if what == 0:
            connection.assign(now)
        elif what == 1:
            connection.release(now)
        elif what == 2:
            connection.send(bytes((message[0] ^ 0x80,)) + rng.randbytes(rng.randrange(60)), now, rng.choice((0, 3)))
        elif what == 3 and len(self.cell.subscribers) > 1:
            subscribers = [subscriber for subscriber in self.cell.subscribers if subscriber.imsi != GOOD]
            self.cell.connect(rng.choice(subscribers), self.users[rng.choice((3, 9))], now)

    def nonsense(self, spared):
        """Messages of the baseband that say nothing sensible."""
        rng = self.random
        for mutant in self.mutants:
            if mutant.rate == 0.5 and mutant.chan in self.l1.active:
                for _ in range(2):  # a channel full of strangers
                    block = bytearray((mutant.up(0) or rng.randbytes(23)).ljust(23, b"\x2b"))
                    block[0] = rng.choice((1, 3, 13, 15, block[0]))
                    self.l1.up(0x02, mutant.chan, block[:23], rng.choice((0, 0, 0, 0x40)))
        if rng.random() < 0.02:
            payload = rng.randbytes(rng.randrange(40))
            chan = rng.choice((0x20, 0x28, 0x41, 0x49, 0x0B, 0x0C, rng.randrange(256)))
            if chan == spared:
                return
            self.l1.up(rng.choice((0, 2, 4, 5, 6, 9, 0x30)), chan, payload, rng.choice((0, 0x40, 0x80)))
        if rng.random() < 0.002:
            self.l1.queue.append(rng.randbytes(rng.randrange(1, 8)))

    def good_call(self):
        """A phone that does as it should, in a call with its traffic channel; (phone, connection)."""
        phone = self.phone(GOOD)
        for message in (lambda: location_update(GOOD), lambda: service_request(phone.tmsi)):
            phone.vanish()
            phone.access(0xE0, message(), fn=777)
            self.run(8000)
        phone.say(bytes.fromhex("034504036002805e038120a1150101"))
        connection = next(c for c in self.users[3].connections if c.subscriber.imsi == GOOD)
        connection.assign(self.now)
        self.run(2000)
        assert phone.chan < 0x10 and connection.speech
        return phone, connection

    def fuzz(self, frames):
        """Until so many frames were sent."""
        phone, connection = self.good_call()
        end = self.frames + frames
        while self.frames < end:
            for mutant in self.mutants:
                mutant.left -= 20
                if mutant.left <= 0:
                    mutant.vanish()
                    mutant.heard.clear()
                    mutant.sacch.clear()
                    mutant.rejected = None
                    mutant.begin(self.random)
            self.nonsense(phone.chan)
            self.run(20)
            self.forget()
            assert connection.session, "the good call was lost"
        self.settle(phone, connection)

    def forget(self):
        """Keep the bench small."""
        for kept in (self.l1.sent, self.grants, self.pages, self.points):
            kept.clear()
        for user in self.users.values():
            user.events.clear()
            user.connections.clear()

    def settle(self, phone, connection):
        """Quiet: the good phone still talks, is let go, and all channels are free."""
        for mutant in self.mutants:
            mutant.vanish()
        heard = []
        connection.user.received = lambda connection, message, now: heard.append(bytes(message))
        phone.say(bytes.fromhex("0337") + b"\x2c\x31")
        self.run(2000)
        assert heard == [b"\x03\x37\x2c\x31"]
        connection.release(self.now)
        self.run(70000)
        assert self.cell.idle and self.cell.sessions == [], [channel.state for channel in self.cell.channels]
        assert self.cell.connect and not self.cell._waiting


if __name__ == "__main__":
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else random.randrange(1 << 30)
    left, run = int(sys.argv[1]), 0
    while left > 0:
        fuzz = Fuzz(seed + run, combined=bool(run % 2))
        fuzz.fuzz(min(left, 50000))
        left, run = left - fuzz.frames, run + 1
        print(f"seed {seed + run - 1}: {fuzz.frames} frames, all channels free; {left} left", flush=True)
