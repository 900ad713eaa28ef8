"""Two or more user agents in virtual milliseconds on a network that loses, repeats and delays; all seeded."""

import heapq
import random
from itertools import count

from femtojack.sip import sdp
from femtojack.sip.ua import UserAgent
from femtojack.ticks import ticks_diff

OFFER = sdp.offer(bytes((10, 0, 0, 1)), 16384)
ANSWER = sdp.offer(bytes((10, 0, 0, 2)), 16386)
LATE = (1 << 30) - 20000  # the counter wraps early in each run


def address(last, port=5060):
    return bytes((10, 0, 0, last)) + port.to_bytes(2, "big")


class Listener:
    """Events of one agent, recorded as (name, call, status); `on_incoming(call, now)` is what it does with a call."""

    def __init__(self, on_incoming=None):
        self.seen = []
        self.on_incoming = on_incoming or (lambda call, now: call.ring(now))

    def incoming(self, call, now):
        self.seen.append(("incoming", call, None))
        self.on_incoming(call, now)

    def ringing(self, call, now):
        self.seen.append(("ringing", call, None))

    def progress(self, call, now):
        self.seen.append(("progress", call, None))

    def answered(self, call, now):
        self.seen.append(("answered", call, None))

    def ended(self, call, status, now):
        self.seen.append(("ended", call, status))

    def registered(self, ok, status, now):
        self.seen.append(("registered", ok, status))

    def names(self):
        return [name for name, _, _ in self.seen]

    def calls(self):
        return [call for name, call, _ in self.seen if name == "incoming"]

    def statuses(self, name="ended"):
        return [status for seen, _, status in self.seen if seen == name]


class Bench:
    """`agents` by their address. A node is an agent or a function (data, source, now) for the other end by hand."""

    def __init__(self, seed=1, loss=0.0, repeat=0.0, delay=(1, 20)):
        self.rng = random.Random(seed)
        self.loss, self.repeat, self.delay = loss, repeat, delay
        self.now = 0  # ms since the start; agents see it offset and wrapped
        self.sent = []  # (ms, source, destination, octets)
        self.trace = []
        self._queue = []
        self._order = count()
        self.nodes = {}

    @property
    def ticks(self):
        return (self.now + LATE) & 0x3FFFFFFF

    def agent(self, last, listener, domain="10.0.0.2", user="100", server=None, password="secret", expires=300):
        own = address(last)
        rng = random.Random(last)

        def entropy(buf):
            buf[:] = rng.randbytes(len(buf))

        def send(data, n, addr):
            self.send(own, bytes(addr), bytes(data[:n]))

        config = {
            "user": user, "password": password, "domain": domain, "server": server,
            "local_ip": own[:4], "port": 5060, "expires": expires,
        }  # fmt: skip
        agent = UserAgent(config, send, entropy, listener, lambda point, data: self.trace.append((point, bytes(data))))
        self.nodes[own] = agent
        return agent

    def send(self, source, destination, data):
        self.sent.append((self.now, source, destination, data))
        for _ in range(2 if self.rng.random() < self.repeat else 1):
            if self.rng.random() >= self.loss:
                at = self.now + self.rng.randint(*self.delay)
                heapq.heappush(self._queue, (at, next(self._order), source, destination, data))

    def run(self, ms):
        """Let `ms` pass."""
        end = self.now + ms
        while True:
            due = [end + 1] + [item[0] for item in self._queue[:1]]
            for node in self.nodes.values():
                deadline = node.step(self.ticks) if hasattr(node, "step") else None
                if deadline is not None:
                    ahead = ticks_diff(deadline, self.ticks)
                    assert ahead > 0, "a deadline that is past"
                    due.append(self.now + ahead)
            due += [item[0] for item in self._queue[:1]]  # what the steps just sent
            if min(due) > end:
                self.now = end
                return
            self.now = min(due)
            while self._queue and self._queue[0][0] <= self.now:
                _, _, source, destination, data = heapq.heappop(self._queue)
                node = self.nodes.get(destination)
                if hasattr(node, "receive"):
                    node.receive(memoryview(data), bytearray(source), self.ticks)
                elif node:
                    node(data, source, self.ticks)

    def first_lines(self):
        return [data.split(b"\r\n")[0] for _, _, _, data in self.sent]

    def methods(self):
        """What was sent: method or status, in order."""
        return [line.split(b" ")[1 if line.startswith(b"SIP/") else 0].decode() for line in self.first_lines()]


def pair(on_incoming=None, **network):
    """(bench, caller, its listener, callee, its listener)."""
    bench = Bench(**network)
    caller_events, callee_events = Listener(), Listener(on_incoming)
    caller = bench.agent(1, caller_events)
    callee = bench.agent(2, callee_events, domain="10.0.0.1", user="200")
    return bench, caller, caller_events, callee, callee_events
