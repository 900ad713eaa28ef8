"""LAPDm by hand-checked octets (TS 44.006), then two ends through loss, repetition and disorder, then nonsense."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from femtojack.gsm.lapdm import (
    BY_PEER,
    CONFIRMED,
    ESTABLISHED,
    ESTABLISHING,
    IDLE,
    MAX_MESSAGE,
    MAX_QUEUE,
    RECOVERY,
    REFUSED,
    RELEASING,
    T200_EXPIRED,
    Link,
    fill,
    is_unit_data,
    unit_data,
)

T200 = 500  # ms
N200 = 23
UPDATE = bytes.fromhex("05087000f110fffe33080910100000000010")


class Owner:
    def __init__(self):
        self.events = []

    def established(self, link, info, now):
        self.events.append(("established", None if info is None else bytes(info)))

    def received(self, link, message, now):
        self.events.append(("received", bytes(message)))

    def released(self, link, cause, now):
        self.events.append(("released", cause))

    @property
    def messages(self):
        return [what for name, what in self.events if name == "received"]


class Bench:
    """One link. `up` and `down` are frames as hex without padding."""

    def __init__(self, sapi=0, n201=20):
        self.owner = Owner()
        self.link = Link("test", sapi, n201, T200, N200, self.owner, lambda point, data: None)
        self.block = bytearray(n201 + 3)
        self.now = (1 << 30) - 700  # the counter wraps on the way

    def up(self, octets):
        frame = bytes.fromhex(octets)
        self.link.receive(memoryview(frame + b"\x2b" * (len(self.block) - len(frame))), self.now)
        return self

    def down(self):
        """The next frame without its padding; "" where there is none."""
        if not self.link.next(memoryview(self.block), self.now):
            return ""
        n = 3 + (self.block[2] >> 2)
        assert set(self.block[n:]) <= {0x2B}
        return bytes(self.block[:n]).hex()

    def send(self, message):
        return self.link.send(message, self.now)

    def wait(self, ms):
        self.now = (self.now + ms) % (1 << 30)
        self.link.step(self.now)

    def established(self):
        """A link that a phone has established, its UA sent."""
        self.up("013f01")
        assert self.down() == "017301"
        self.owner.events.clear()
        return self


def test_fill_frame():
    block = bytearray(23)
    fill(block)
    assert block == bytes.fromhex("030301") + b"\x2b" * 20


def test_unit_data():
    report = bytes.fromhex("010349") + bytes(range(18))
    assert unit_data(report) == bytes(range(18)) and is_unit_data(report)
    for bad in ("010301", "030349", "010341", "0103ff", "013f49", "01034b", "010348"):
        assert unit_data(bytes.fromhex(bad) + bytes(18 if bad != "010341" else 3)) is None


def test_contention_resolution():
    """5.4.1.4: the UA holds what the SABM held, again when asked again; another phone's SABM gets nothing."""
    bench = Bench().up("013f49" + UPDATE.hex())
    assert bench.owner.events == [("established", UPDATE)]
    assert bench.down() == "017349" + UPDATE.hex()
    assert bench.down() == ""
    assert bench.up("013f49" + UPDATE.hex()).down() == "017349" + UPDATE.hex()
    assert bench.up("013f49" + UPDATE.hex().replace("0010", "0020")).down() == ""
    assert len(bench.owner.events) == 1


def test_exchange_as_in_a_location_update():
    bench = Bench().up("013f49" + UPDATE.hex())
    bench.down()
    bench.send(bytes.fromhex("051803"))
    assert bench.down() == "03000d051803"
    bench.up("032101").up("0120310559090300000000000001f0")
    assert bench.owner.messages == [bytes.fromhex("0559090300000000000001f0")]
    assert bench.down() == "012101"
    bench.send(bytes.fromhex("050200f11000011705f47b9dc2cd"))
    assert bench.down() == "032239050200f11000011705f47b9dc2cd"
    bench.up("014209051b")
    bench.send(bytes.fromhex("060d00"))
    assert bench.down() == "03440d060d00"  # N(R) in it: no RR of its own
    bench.up("036101").up("015301")
    assert bench.down() == "017301"
    assert bench.owner.events[-1] == ("released", BY_PEER) and bench.link.state == IDLE


def test_segments():
    """5.8.5: 50 octets are 20, 20 and 10; M says that more comes."""
    bench = Bench().established()
    message = bytes(range(50))
    bench.send(message)
    bench.send(b"\x05\x21")
    assert bench.down() == "030053" + message[:20].hex()
    assert bench.down() == ""  # k = 1
    assert bench.up("032101").down() == "030253" + message[20:40].hex()
    assert bench.up("034101").down() == "030429" + message[40:].hex()
    assert bench.up("036101").down() == "0306090521"


def test_segments_up():
    bench = Bench().established()
    message = bytes(range(50))
    bench.up("010053" + message[:20].hex()).up("010253" + message[20:40].hex())
    assert bench.owner.messages == []
    bench.up("010429" + message[40:].hex())
    assert bench.owner.messages == [message]


def test_message_too_long_is_dropped_whole():
    bench = Bench().established()
    for i in range(13):
        bench.up(f"01{i % 8 << 1:02x}53" + "55" * 20)
        bench.down()
    bench.up(f"01{13 % 8 << 1:02x}0533")
    assert bench.owner.messages == [] and bench.link.errors == 1
    bench.up(f"01{14 % 8 << 1:02x}0544")
    assert bench.owner.messages == [b"\x44"]


def test_sacch_segments_are_18_octets():
    bench = Bench(sapi=3, n201=18)
    bench.send(bytes(30))
    assert bench.down() == "0f3f01"
    bench.up("0f7301")
    assert bench.down() == "0f004b" + "00" * 18


def test_repeated_frame_is_acknowledged_again_and_delivered_once():
    bench = Bench().established().up("010005aa")
    assert bench.down() == "012101"
    assert bench.up("011005aa").down() == "013101"  # P = 1 after its T200: F = 1
    assert bench.owner.messages == [b"\xaa"]


def test_frame_out_of_sequence_is_rejected():
    """5.7.1."""
    bench = Bench().established().up("010405aa")
    assert bench.down() == "010901"
    assert bench.owner.messages == [] and bench.link.errors == 1


def test_rejected_frame_is_sent_again():
    bench = Bench().established()
    bench.send(b"\xaa")
    assert bench.down() == "030005aa"
    assert bench.up("030901").down() == "030005aa"


def test_busy_peer_is_asked_from_time_to_time():
    """5.5.6: RNR, then RR P = 1 after T200."""
    bench = Bench().established()
    bench.send(b"\xaa")
    bench.up("030501")
    assert bench.down() == ""
    bench.wait(T200)
    assert bench.down() == "031101"
    bench.up("031501")
    assert bench.down() == ""
    bench.wait(T200)
    assert bench.down() == "031101"
    assert bench.up("031101").down() == "030005aa"


def test_question_is_answered():
    assert Bench().established().up("011101").down() == "011101"


def test_t200_repeats_the_frame_with_poll():
    """5.5.7."""
    bench = Bench().established()
    bench.send(b"\xaa")
    assert bench.down() == "030005aa"
    bench.wait(T200 - 1)
    assert bench.down() == ""
    bench.wait(1)
    assert bench.link.state == RECOVERY and bench.down() == "031005aa"
    bench.up("033101")
    assert bench.link.state == ESTABLISHED and bench.down() == ""
    bench.wait(10 * T200)
    assert bench.link.state == ESTABLISHED and bench.down() == ""


def test_acknowledged_meanwhile():
    """With k = 1 recovery has nothing more to find out, and libosmocore's phone may never answer its question."""
    bench = Bench().established()
    bench.send(b"\xaa")
    bench.down()
    bench.wait(T200)
    bench.down()
    bench.up("032101")  # F = 0: the answer to the first frame
    assert bench.link.state == ESTABLISHED
    bench.wait(T200)
    assert bench.down() == ""


def test_acknowledged_before_the_repetition_went():
    bench = Bench().established()
    bench.send(b"\xaa")
    bench.down()
    bench.wait(T200)
    bench.up("012005bb")  # an I frame with N(R) = 1
    bench.send(b"\xcc")
    assert bench.down() == "032205cc"


def test_n200():
    bench = Bench().established()
    bench.send(b"\xaa")
    sent = 0
    while bench.link.state != IDLE:
        sent += bool(bench.down())
        bench.wait(T200)
        assert sent < 100
    assert sent == 1 + N200
    assert bench.owner.events == [("released", T200_EXPIRED)]


def test_t200_does_not_run_before_the_frame_is_given_away():
    bench = Bench().established()
    bench.send(b"\xaa")
    bench.wait(100 * T200)
    assert bench.link.deadline is None and bench.down() == "030005aa"


def test_establishment_of_sapi_3():
    bench = Bench(sapi=3)
    assert bench.send(b"\x09\x01")
    assert bench.link.state == ESTABLISHING and bench.down() == "0f3f01"
    assert bench.down() == ""
    bench.up("0f7301")
    assert bench.owner.events == [("established", None)]
    assert bench.down() == "0f00090901"


@pytest.mark.parametrize("sent", ["0f3f01", "0f5301"])
def test_commands_are_repeated_five_times(sent):
    """5.8.2.1: N200 of SABM and DISC."""
    bench = Bench(sapi=3)
    bench.send(b"\x09\x01")
    if sent == "0f5301":
        bench.down()
        bench.up("0f7301")
        bench.link.release(bench.now)
    count = 0
    while bench.link.state != IDLE:
        frame = bench.down()
        assert frame in (sent, "")
        count += frame == sent
        bench.wait(T200)
    assert count == 6 and bench.owner.events[-1] == ("released", T200_EXPIRED)


def test_refusals():
    bench = Bench(sapi=3)
    bench.send(b"\x09\x01")
    bench.down()
    bench.up("0f0f01")  # F = 0: not an answer
    assert bench.link.state == ESTABLISHING
    bench.up("0f1f01")
    assert bench.owner.events == [("released", REFUSED)]


def test_release_by_the_network():
    bench = Bench().established()
    bench.link.release(bench.now)
    assert bench.link.state == RELEASING and not bench.send(b"\1")
    assert bench.down() == "035301"
    assert bench.up("013f01").down() == "011f01"
    assert bench.up("015301").down() == "017301"
    bench.up("037301")
    assert bench.owner.events == [("released", CONFIRMED)]


def test_both_establish_at_once():
    """5.4.5.1."""
    bench = Bench(sapi=3)
    bench.send(b"\x09\x01")
    assert bench.down() == "0f3f01"
    assert bench.up("0d3f01").down() == "0d7301"
    assert bench.up("0d5301").down() == "0d1f01"
    bench.up("0f7301")
    assert bench.link.state == ESTABLISHED


def test_idle_link_answers_dm():
    bench = Bench()
    assert bench.up("015301").down() == "011f01"
    assert bench.up("011005aa").down() == "011f01"
    assert bench.up("010005aa").down() == ""


def test_lost_ua():
    """The phone repeats its SABM; nothing has been exchanged, and nobody needs to hear of it."""
    bench = Bench().established()
    bench.send(b"\xaa")
    assert bench.down() == "030005aa"
    assert bench.up("013f01").down() == "017301"
    assert bench.down() == "030005aa" and bench.owner.events == []


def test_phone_starts_anew():
    """As after an assignment that failed: sequence numbers are zero again."""
    bench = Bench().up("013f49" + UPDATE.hex())
    bench.down()
    bench.up("010005aa")
    bench.send(bytes(30))
    assert bench.down() == "032053" + "00" * 20
    bench.wait(T200)
    bench.up("013f01")
    assert bench.owner.events[-1] == ("established", None) and bench.link.state == ESTABLISHED
    assert bench.down() == "017301"
    assert bench.down() == "030053" + "00" * 20
    bench.up("012005bb")
    assert bench.owner.messages == [b"\xaa", b"\xbb"]


def test_peer_that_is_no_longer_there():
    bench = Bench().established()
    bench.up("031f01")
    assert bench.link.state == ESTABLISHED
    bench.send(b"\1")
    bench.down()
    bench.wait(T200)
    bench.up("031f01")
    assert bench.owner.events == [("released", REFUSED)]


@pytest.mark.parametrize(
    "octets",
    [
        "010001",  # I frame of nothing
        "01000baa55",  # more to come, yet not full
        "0320 05aa",  # I frame that is a response
        "010055" + "00" * 21,  # longer than N201
        "010004aa",  # EL = 0
        "000005aa",  # EA = 0
        "210005aa",  # LPD of cell broadcast
        "012105aa",  # S frame with information
        "010d01",  # S frame of no kind
        "033f01",  # SABM that is a response
        "017301",  # UA that is a command
        "015305aa",  # DISC with information
        "013f03",  # SABM with M
        "016f01",  # no control field of LAPDm
        "016105aa",  # N(R) of what was never sent
        "018101",
    ],
)
def test_invalid_frames_do_nothing(octets):
    bench = Bench().established()
    state = bench.up(octets).down(), bench.link.state, bench.owner.events
    assert state == ("", ESTABLISHED, []) and bench.link.errors == 1


def test_queue_and_length_are_bounded():
    bench = Bench().established()
    assert not bench.send(b"") and not bench.send(bytes(MAX_MESSAGE + 1))
    assert [bench.send(bytes(MAX_MESSAGE)) for _ in range(MAX_QUEUE + 1)] == [True] * MAX_QUEUE + [False]


def test_reset_forgets_everything():
    bench = Bench().established().up("010005aa")
    bench.send(b"\1")
    bench.link.reset()
    assert bench.link.state == IDLE and bench.down() == "" and bench.link.deadline is None
    assert bench.owner.events == [("received", b"\xaa")]


# -- two ends ----------------------------------------------------------------------------------------------------------


class Ends:
    """Two links; the address octet's C/R bit is turned on the way, so that each is the other's phone."""

    def __init__(self, seed, loss, repeat, swap):
        self.random = random.Random(seed)
        self.loss, self.repeat, self.swap = loss, repeat, swap
        self.owners = Owner(), Owner()
        self.links = [Link("end", 3, 20, T200, N200, owner, lambda point, data: None) for owner in self.owners]
        self.held = [None, None]  # a frame that the next one overtakes
        self.now = (1 << 30) - 5000

    def block(self):
        """One block each way."""
        self.now = (self.now + 240) % (1 << 30)
        for i in (0, 1):
            self.links[i].step(self.now)
            frame = bytearray(23)
            if self.links[i].next(frame, self.now) and self.random.random() >= self.loss:
                frame[0] ^= 2
                self.carry(1 - i, bytes(frame))
            elif self.held[1 - i]:
                self.deliver(1 - i, self.held[1 - i])
                self.held[1 - i] = None

    def carry(self, to, frame):
        held, self.held[to] = self.held[to], None
        if held is None and self.random.random() < self.swap:
            self.held[to] = frame
            return
        self.deliver(to, frame)
        if held:
            self.deliver(to, held)
        if self.random.random() < self.repeat:
            self.deliver(to, frame)

    def deliver(self, to, frame):
        self.links[to].receive(memoryview(frame), self.now)


def exchange(seed, loss, repeat, swap, count):
    """`count` messages each way; every one arrives once and in order."""
    ends = Ends(seed, 0.0, repeat, swap)
    ends.links[0].send(b"\0", ends.now)
    while not all(owner.events for owner in ends.owners):
        ends.block()
    ends.loss = loss  # not before: SABM is repeated five times only
    sizes = [1, 5, 19, 20, 21, 40, 41, 100, MAX_MESSAGE]
    sent = [[ends.random.randbytes(ends.random.choice(sizes)) for _ in range(count)] for _ in (0, 1)]
    waiting = [list(messages) for messages in sent]
    blocks = 0
    while any(len(ends.owners[1 - i].messages) < count + (i == 0) for i in (0, 1)):
        for i in (0, 1):
            if waiting[i] and ends.links[i].send(waiting[i][0], ends.now):
                waiting[i].pop(0)
        ends.block()
        blocks += 1
        assert blocks < 2000 * count, (ends.links[0].state, ends.links[1].state)
        assert not any(name == "released" for owner in ends.owners for name, _ in owner.events)
    assert ends.owners[1].messages == [b"\0", *sent[0]]
    assert ends.owners[0].messages == sent[1]


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 1 << 30),
    st.sampled_from([0.0, 0.1, 0.3]),
    st.sampled_from([0.0, 0.2]),
    st.sampled_from([0.0, 0.1]),
)
def test_what_is_sent_arrives(seed, loss, repeat, swap):
    exchange(seed, loss, repeat, swap, 8)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.binary(min_size=23, max_size=23), max_size=60), st.booleans())
def test_nonsense(frames, established):
    bench = Bench()
    if established:
        bench.established()
    for frame in frames:
        bench.link.receive(memoryview(frame), bench.now)
        bench.down()
        bench.wait(100)
    bench.link.reset()
    assert bench.link.state == IDLE


def test_mutated_frames():
    """Frames of a good exchange, changed by a bit or an octet."""
    rng = random.Random(1)
    good = [bytes.fromhex(h) for h in ("013f49" + UPDATE.hex(), "032101", "0120310559090300000000000001f0", "015301")]
    for _ in range(300):
        bench = Bench()
        for _ in range(30):
            frame = bytearray((rng.choice(good) + b"\x2b" * 23)[:23])
            for _ in range(rng.randrange(3)):
                frame[rng.randrange(4)] ^= 1 << rng.randrange(8)
            bench.link.receive(memoryview(bytes(frame)), bench.now)
            if rng.random() < 0.2:
                bench.send(bytes(rng.randrange(1, 60)))
            bench.down()
            bench.wait(rng.randrange(T200))
