"""A dedicated channel between two LAPDm ends that loses, repeats and delays blocks, and the exchanges on it."""

import random
from dataclasses import dataclass

MULTIFRAME_MS = 235  # 51 TDMA frames: an SDCCH/8 has one block each way
T200_MS = 2500  # longer than any answer takes, late as it may be: LAPDm trusts that nothing overtakes a SABM
SAPIS = 0, 3
SESSION = 20  # exchanges before the channel is given up
PATIENCE = 400  # multiframes that an exchange may take
FATAL = {0x01, 0x07}  # T200 has expired N200 times, sequence error: TS 48.058 9.3.22
LENGTHS = (7, range(1, 21)), (2, range(21, 61)), (1, range(61, 201))  # weight, octets: N201 is 20


@dataclass
class Harm:
    """Probabilities for a block."""

    loss: float = 0.0
    twice: float = 0.0
    late: float = 0.0  # it comes after the one behind it


class Way:
    """One direction of the channel."""

    def __init__(self, rng, harm):
        self._rng = rng
        self._harm = harm
        self._held = None

    def carry(self, block):
        """The blocks that come where `block`, or None, went out."""
        held, self._held = self._held, None
        if block is None or self._rng.random() < self._harm.loss:
            now = []
        elif self._rng.random() < self._harm.late:
            now, self._held = [], block
        else:
            now = [block] * (1 + (self._rng.random() < self._harm.twice))
        return now + ([held] if held else [])


@dataclass
class Result:
    exchanges: int = 0
    multiframes: int = 0
    sessions: int = 0
    broken: int = 0  # sessions that the phone gave up


class Broken(Exception):
    """The phone's LAPDm told its layer 3 of an error after which that leaves the channel (TS 44.018 3.4.13.2)."""


class Exchanges:
    """Messages of random lengths both ways on both SAPIs between `phone` and `network`.

    Each session is a channel of its own: the phone establishes SAPI 0 with contention resolution, either end
    establishes SAPI 3, both send, and either end releases. Everything arrives, once and in order; in a session that
    the phone breaks, all up to there.
    """

    def __init__(self, phone, network, seed, harm):
        self._rng = random.Random(seed)
        self._ends = {"phone": phone, "network": network}
        self._phone, self._network = phone, network
        self._harm = harm
        self.result = Result()

    def run(self, count):
        while self.result.exchanges < count:
            try:
                self._session(min(SESSION, count - self.result.exchanges))
            except Broken:
                self.result.broken += 1
                for name in self._ends:
                    for sapi, messages in self._delivered(name).items():
                        assert messages == self._sent_to(name)[sapi][: len(messages)]
        return self.result

    def _session(self, count):
        for end in self._ends.values():
            end.reset()
        self._up, self._down = Way(self._rng, self._harm), Way(self._rng, self._harm)
        self._sent = {(name, sapi): [] for name in self._ends for sapi in SAPIS}
        self.result.sessions += 1
        info = self._rng.randbytes(self._rng.randint(1, 20))
        self._phone.establish(0, info)
        self._until(lambda: self._is_up("phone", 0) and self._is_up("network", 0))
        assert ("up", 0, info) in self._network.heard
        self._establish_3()
        for _ in range(count):
            self._exchange()
        self._until(self._all_delivered)
        self.result.exchanges += count
        self._release()

    def _establish_3(self):
        name = self._rng.choice(list(self._ends))
        self._ends[name].open(3, self._message(name, 3))
        self._until(lambda: self._is_up("phone", 3) and self._is_up("network", 3))

    def _message(self, name, sapi):
        """One that `name` is to send."""
        (lengths,) = self._rng.choices([one for _, one in LENGTHS], [weight for weight, _ in LENGTHS])
        message = self._rng.randbytes(self._rng.choice(lengths))
        self._sent[name, sapi].append(message)
        return message

    def _exchange(self):
        """Somebody sends; the other may still be busy with what came before."""
        name, sapi = self._rng.choice(list(self._sent))
        self._ends[name].send(sapi, self._message(name, sapi))
        most = self._rng.randint(0, 3)
        self._until(lambda: self._outstanding() <= most)

    def _release(self):
        sapi, name = self._rng.choice(SAPIS), self._rng.choice(list(self._ends))
        self._ends[name].release(sapi)
        self._until(lambda: all(("down", sapi) in end.heard for end in self._ends.values()))
        for name in self._ends:
            assert self._delivered(name) == self._sent_to(name)

    def _is_up(self, name, sapi):
        return any(what[:2] == ("up", sapi) for what in self._ends[name].heard)

    def _delivered(self, name):
        return {sapi: [what[2] for what in self._ends[name].heard if what[:2] == ("data", sapi)] for sapi in SAPIS}

    def _sent_to(self, name):
        (other,) = set(self._ends) - {name}
        return {sapi: self._sent[other, sapi] for sapi in SAPIS}

    def _outstanding(self):
        there = sum(len(messages) for name in self._ends for messages in self._delivered(name).values())
        return sum(map(len, self._sent.values())) - there

    def _all_delivered(self):
        return all(self._delivered(name) == self._sent_to(name) for name in self._ends)

    def _until(self, condition):
        for _ in range(PATIENCE):
            if condition():
                return
            self._multiframe()
            if any(cause in FATAL for _, cause in self._phone.errors):
                raise Broken
        raise AssertionError(f"not within {PATIENCE} multiframes: {self._ends}")

    def _multiframe(self):
        self.result.multiframes += 1
        for sender, way, receiver in (
            (self._network, self._down, self._phone), (self._phone, self._up, self._network)
        ):  # fmt: skip
            for block in way.carry(sender.block()):
                receiver.receive(block)
            for end in self._ends.values():
                end.wait(MULTIFRAME_MS // 2)
