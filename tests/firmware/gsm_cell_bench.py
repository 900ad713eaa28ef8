"""A baseband and phones for tests of the GSM firmware: no radio, no frame structure, only what the mailbox says.

`Bench` runs a Cell in its own time: every `STEP` ms, and on each channel a block down and a block up at its period.
The phone has its own small data link, so that what the firmware sends is read by other eyes.
"""

import random

import femtohost  # noqa: F401  (MicroPython's modules, for the firmware)
from femtojack.config import validate
from femtojack.gsm.cell import Cell

STEP = 20  # ms
SDCCH_PERIOD = 240  # ms, about 51 frames
FACCH_PERIOD = 20
SACCH_PERIOD = 480
TICKS = 1 << 30
IMSI = "001010000000001"
FILL = bytes.fromhex("030301") + b"\x2b" * 20


class Store:
    def __init__(self):
        self.values = {}

    def get(self, key):
        return self.values.get(key)

    def put(self, key, data):
        self.values[key] = bytes(data)


class Baseband:
    """board.l1: answers ACT.req and DEACT.req, and keeps everything else in `sent` as (type, chan, link, fn, payload).

    `mute`: message types that it does not answer; `room`: how many messages it takes before its queue is full."""

    def __init__(self):
        self.queue = []
        self.sent = []
        self.written = []
        self.mute = set()
        self.room = 1 << 60
        self.active = {}  # chan_nr -> speech mode
        self.on_block = None

    @property
    def irq(self):
        return self

    def value(self):
        return int(bool(self.queue))

    def read(self, register):
        return 0x4731 if register == 0 else 0

    def write(self, register, value):
        self.written.append((register, value))

    def up(self, kind, chan, payload=b"", link=0, fn=0):
        self.queue.append(bytes((kind, chan, link, len(payload))) + fn.to_bytes(4, "big") + bytes(payload))

    def recv_into(self, buf):
        if not self.queue:
            return 0
        message = self.queue.pop(0)
        buf[: len(message)] = message
        return len(message)

    def send(self, buf, n):
        if self.room <= 0:
            return False
        self.room -= 1
        kind, chan, link, size = buf[0], buf[1], buf[2], buf[3]
        assert n == 8 + size <= 64
        payload = bytes(buf[8:n])
        self.sent.append((kind, chan, link, int.from_bytes(buf[4:8], "big"), payload))
        if kind in self.mute:
            return True
        if kind == 0x43:
            assert chan not in self.active
            self.active[chan] = False
            self.up(0x07, chan, b"\0")
        elif kind == 0x44:
            self.active.pop(chan, None)
            self.up(0x08, chan)
        elif kind == 0x45:
            self.active[chan] = payload[0] == 1
        elif self.on_block:
            self.on_block(kind, chan, link, payload)
        return True


class Station:
    """A phone's data link of one SAPI, TS 44.006 without its errors: what is not answered is repeated."""

    def __init__(self, sapi, n201, patience):
        self.sapi, self.n201, self.patience = sapi, n201, patience
        self.up = False
        self.queue = []  # (message, segments left)
        self.received = []
        self.vs = self.vr = 0
        self.waiting = None  # frame that waits for its answer, and blocks since it was sent
        self.since = 0
        self.replies = []
        self.partial = b""
        self.failed = False

    def frame(self, command, control, info=b"", more=0, pad=b"\x2b"):
        address = self.sapi << 2 | (0 if command else 2) | 1
        head = bytes((address, control, len(info) << 2 | more << 1 | 1))
        return (head + info + pad * 23)[: 3 + self.n201]

    def establish(self, info=b""):
        self.info = info
        self.waiting, self.since = self.frame(True, 0x3F, info), self.patience

    def release(self):
        self.waiting, self.since = self.frame(True, 0x53), self.patience

    def say(self, message):
        n = self.n201
        parts = [message[i : i + n] for i in range(0, len(message), n)]
        self.queue += [(part, part is not parts[-1]) for part in parts]

    def next(self):
        """The next block up, or None."""
        if self.replies:
            return self.replies.pop(0)
        if self.waiting is None and self.up and self.queue:
            part, more = self.queue[0]
            self.waiting, self.since = self.frame(True, self.vr << 5 | self.vs << 1, part, more), self.patience
        if self.waiting is not None:
            self.since += 1
            if self.since > self.patience:
                self.since = 0
                if not self.waiting[1] & 1:  # N(R) as it is now
                    poll = self.waiting[1] & 0x10
                    self.waiting = bytes((self.waiting[0], self.vr << 5 | poll | self.vs << 1)) + self.waiting[2:]
                frame = self.waiting
                if not frame[1] & 1:
                    self.waiting = frame[:1] + bytes((frame[1] | 0x10,)) + frame[2:]
                return frame
        return None

    def heard(self, frame):
        address, control, length = frame[0], frame[1], frame[2]
        info = frame[3 : 3 + (length >> 2)]
        command = bool(address & 2)
        final = control & 0x10
        if control & 0xEF == 0x63 and not command:
            if self.waiting and self.waiting[1] == 0x53:
                self.up, self.waiting = False, None
                self.queue.clear()
            elif self.waiting and self.waiting[1] == 0x3F:
                if info == self.info:
                    self.up, self.waiting, self.vs, self.vr = True, None, 0, 0
                else:
                    self.failed, self.waiting = True, None  # another phone's, TS 44.006 5.4.1.4
        elif control & 0xEF == 0x0F:
            self.up, self.waiting = False, None
        elif control & 0xEF == 0x2F and command:
            self.up, self.vs, self.vr = True, 0, 0
            self.replies.append(self.frame(False, 0x63 | final))
        elif control & 0xEF == 0x43 and command:
            self.replies.append(self.frame(False, 0x63 | final))
            self.up, self.waiting = False, None
        elif not control & 1:
            self.acknowledged(control >> 5)
            if control >> 1 & 7 == self.vr:
                self.vr = self.vr + 1 & 7
                self.partial += info
                if not length & 2:
                    self.received.append(self.partial)
                    self.partial = b""
            self.replies.append(self.frame(False, 0x01 | final | self.vr << 5))
        elif control & 3 == 1:
            self.acknowledged(control >> 5)
            if command and final:
                self.replies.append(self.frame(False, 0x11 | self.vr << 5))

    def acknowledged(self, nr):
        if self.waiting and not self.waiting[1] & 1 and nr == self.vs + 1 & 7:
            self.vs, self.waiting = nr, None
            self.queue.pop(0)


class Phone:
    """A phone on its channel. `heard` is what it was told (SAPI, message); `answers` maps the first two octets of a
    message to what it says then (bytes), or a callable (phone, message)."""

    def __init__(self, bench, imsi=IMSI):
        self.bench, self.imsi = bench, imsi
        self.chan = None
        self.old = None
        self.heard = []
        self.sacch = []
        self.voice = []
        self.tmsi = self.rejected = None
        self.reports = True  # measurement reports on the SACCH
        self.answers = {
            b"\x05\x18": answer_identity,
            b"\x06\x0d": leave,
            b"\x06\x2e": move,
            b"\x05\x02": take_tmsi,
            b"\x05\x1a": take_tmsi,
        }

    def access(self, ra, info, fn=100, patience=3):
        """A burst on the RACH, and `info` in the SABM of the channel that it is given. Its own answer counts only."""
        self.ra, self.fn, self.info, self.patience = ra, fn, info, patience
        self.rejected = None
        self.vanish()
        self.bench.phones.append(self)
        self.bench.l1.up(0x03, 0x88, bytes((ra, 2)), fn=fn)

    def granted(self, block):
        t1, t2, t3 = self.fn // 1326 % 32, self.fn % 26, self.fn % 51
        reference = bytes((self.ra, t1 << 3 | t3 >> 3, (t3 & 7) << 5 | t2))
        if self.chan is not None or self.rejected is not None:
            return
        if block[1:3] == b"\x06\x3f" and block[7:10] == reference:
            self.tune(block[4])
            self.station(0).establish(self.info)
        elif block[1:3] == b"\x06\x3a":
            for i in range(4, 20, 4):
                if block[i : i + 3] == reference:
                    self.rejected = block[i + 3]

    def tune(self, chan):
        self.chan = chan
        self.stations = {0: Station(0, 20, self.patience), 3: Station(3, 18 if chan < 0x10 else 20, self.patience)}

    def station(self, sapi):
        return self.stations[sapi]

    def say(self, message, sapi=0):
        self.station(sapi).say(message)

    def down(self, link, block):
        if link == 0x40:
            self.sacch.append(block)
            block = block[2:]
        if block[:3] == FILL[:3]:
            return
        station = self.stations.get(block[0] >> 2 & 7)
        if station is None or block[1] == 0x03:
            return
        station.heard(block)
        while station.received:
            message = station.received.pop(0)
            self.heard.append((station.sapi, message))
            answer = self.answers.get(message[:2])
            if callable(answer):
                answer(self, message)
            elif answer is not None:
                self.say(answer, station.sapi)

    def up(self, link):
        """The block for the next uplink opportunity, or None."""
        if link == 0x40:
            frame = self.stations[3].next() if self.chan < 0x10 else None
            if frame is None and self.reports:
                frame = bytes.fromhex("010349 0615 9e1e32 0000") + bytes(11)
            return frame and bytes((14, 0)) + frame[:21]
        frame = self.stations[0].next()
        if frame is None and self.chan >= 0x10:
            frame = self.stations[3].next()
        return frame

    @property
    def told(self):
        """Every message of SAPI 0 as hex."""
        return [message.hex() for sapi, message in self.heard if sapi == 0]

    def vanish(self):
        """It goes where no radio goes."""
        self.chan = None
        if self in self.bench.phones:
            self.bench.phones.remove(self)


def answer_identity(phone, message):
    if message[2] == 1:
        phone.say(b"\x05\x19" + lv(mobile_identity(1, phone.imsi)))
    else:
        phone.say(b"\x05\x59" + lv(mobile_identity(3, "3500000000000" + phone.imsi[-3:])))


def take_tmsi(phone, message):
    at = message.find(b"\x05\xf4")
    if at >= 0:
        phone.tmsi = message[at + 2 : at + 6]
        phone.say(b"\x05\x1b")


def leave(phone, message):
    phone.station(0).release()


def move(phone, message):
    """Assignment: to the new channel, and complete there."""
    phone.old = phone.chan, phone.stations
    phone.tune(message[2])
    phone.station(0).establish()
    phone.say(b"\x06\x29\x00")


def stay(phone, message):
    """Assignment: the new channel does not work; back on the old, and say so."""
    phone.station(0).establish()
    phone.station(0).queue.clear()
    phone.say(b"\x06\x2f\x6f")


def mobile_identity(kind, digits):
    odd = len(digits) % 2
    values = [int(d) for d in digits[1:]] + ([] if odd else [15])
    pairs = [values[i] | values[i + 1] << 4 for i in range(0, len(values), 2)]
    return bytes([int(digits[0]) << 4 | odd << 3 | kind, *pairs])


def lv(value):
    return bytes((len(value),)) + value


def location_update(imsi=IMSI, kind=0, tmsi=None, lai="00f110fffe", classmark=0x33):
    identity = b"\xf4" + tmsi if tmsi else mobile_identity(1, imsi)
    return bytes((0x05, 0x08, 0x70 | kind)) + bytes.fromhex(lai) + bytes((classmark,)) + lv(identity)


def service_request(tmsi=None, service=1, imsi=IMSI, classmark="33 1f 00"):
    identity = b"\xf4" + tmsi if tmsi else mobile_identity(1, imsi)
    return bytes((0x05, 0x24, 0x70 | service)) + lv(bytes.fromhex(classmark)) + lv(identity)


def paging_response(tmsi=None, imsi=IMSI):
    identity = b"\xf4" + tmsi if tmsi else mobile_identity(1, imsi)
    return bytes((0x06, 0x27, 0x07)) + lv(bytes.fromhex("331f00")) + lv(identity)


def detach(imsi=IMSI, tmsi=None):
    identity = b"\xf4" + tmsi if tmsi else mobile_identity(1, imsi)
    return b"\x05\x01\x33" + lv(identity)


class User:
    """Notes all it hears in `events` as (name, what)."""

    def __init__(self):
        self.events = []
        self.connections = []
        self.updates = []

    def _note(self, name, connection, what=None):
        self.events.append((name, what) if what is not None else (name,))
        if connection not in self.connections:
            self.connections.append(connection)

    def opened(self, connection, now):
        self._note("opened", connection)

    def connected(self, connection, now):
        self._note("connected", connection)

    def received(self, connection, message, now):
        self._note("received", connection, bytes(message).hex())

    def assigned(self, connection, now):
        self._note("assigned", connection)

    def assignment_failed(self, connection, cause, now):
        self._note("assignment_failed", connection, cause)

    def lost(self, connection, cause, now):
        self._note("lost", connection, cause)

    def registered(self, subscriber, now):
        self.updates.append(subscriber.imsi)

    @property
    def names(self):
        return [event[0] for event in self.events]


class Bench:
    """A cell, its baseband and phones. `loss(link)` is the probability that a block is lost."""

    def __init__(self, seed=1, loss=0.0, store=None, begin=TICKS - 5000, **settings):
        self.random = random.Random(seed)
        self.l1 = Baseband()
        self.l1.on_block = self._block
        self.store = store or Store()
        self.points = []
        self.trace = lambda point, data: self.points.append((point, bytes(data)))
        self.phones = []
        self.loss = loss
        self.clock = begin
        self.elapsed = 0
        self.grants = []
        self.pages = []
        self.config = validate({"gsm": {"enabled": True, **settings}})["gsm"]
        self.cell = Cell(self, self.config)
        self.users = {pd: User() for pd in (3, 9, 11)}
        self.cell.users.update(self.users)
        self.cell.step(self.now)

    @property
    def now(self):
        return self.clock % TICKS

    def entropy(self, buf):
        for i in range(len(buf)):
            buf[i] = self.random.randrange(256)

    def lost(self):
        return self.random.random() < self.loss

    def _block(self, kind, chan, link, payload):
        if kind != 0x41:
            for phone in self.phones if kind == 0x42 else ():
                if phone.chan == chan:
                    phone.voice.append(payload)
        elif chan == 0x90:
            (self.pages if link else self.grants).append(payload)
            for phone in list(self.phones):
                if not self.lost():
                    phone.granted(payload)
        else:
            assert len(payload) == 23
            for phone in list(self.phones):
                if phone.chan == chan and not self.lost():
                    phone.down(link, payload)

    def run(self, ms):
        for _ in range(ms // STEP):
            self.elapsed += STEP
            self.clock += STEP
            self._uplink()
            self._ready_to_send()
            for _ in range(50):
                self.cell.step(self.now)
                if not self.l1.queue:
                    break

    def _due(self, chan, period):
        return (self.elapsed // STEP + chan) % (period // STEP) == 0

    def _uplink(self):
        for phone in list(self.phones):
            if phone.chan is None or phone.chan not in self.l1.active:
                continue
            for link, period in ((0, FACCH_PERIOD if phone.chan < 0x10 else SDCCH_PERIOD), (0x40, SACCH_PERIOD)):
                if self._due(phone.chan, period):
                    block = phone.up(link)
                    if block is not None and not self.lost():
                        self.l1.up(0x02, phone.chan, (block + b"\x2b" * 23)[:23], link)

    def _ready_to_send(self):
        for chan in list(self.l1.active):
            if self._due(chan, FACCH_PERIOD if chan < 0x10 else SDCCH_PERIOD):
                self.l1.up(0x01, chan, fn=self.elapsed)
            if self._due(chan, SACCH_PERIOD):
                self.l1.up(0x01, chan, link=0x40, fn=self.elapsed)

    def phone(self, imsi=IMSI):
        return Phone(self, imsi)

    def registered(self, imsi=IMSI):
        """A phone that has registered, away from its channel again."""
        phone = self.phone(imsi)
        phone.access(0x0E, location_update(imsi))
        self.run(8000)
        assert self.cell.subscribers.find(imsi=imsi).registered and self.cell.idle, phone.told
        phone.vanish()
        phone.heard.clear()
        return phone

    def timers(self):
        return [data.decode() for point, data in self.points if point == "gsm.timer"]
