"""Call control of phones, between a cell and an exchange that only take notes. Octets are those of TS 24.008 9.3."""

import random

import pytest
from gsm_bench import Cell, Time, read_by_pycrate
from hypothesis import given, settings
from hypothesis import strategies as st

from femtohost.voice import Voice
from femtojack.gsm import cc
from femtojack.gsm import cc_messages as messages
from femtojack.gsm.cc import CallControl

PD = 3
SPEECH = "04 03 60 02 80"  # a bearer capability as phones send it
SETUP = f"03 45 {SPEECH} 5e 03 81 20 f1"  # calls 021, N(SD) 1


class User:
    """The exchange's part: takes notes."""

    def __init__(self):
        self.notes = []
        self.calls = []

    def outgoing(self, call, now):
        self.notes.append("outgoing")
        self.calls.append(call)
        call.conversation = self

    def alerting(self, call, now):
        self.notes.append("alerting")

    def answered(self, call, now):
        self.notes.append("answered")

    def held(self, call, on, now):
        self.notes.append(("held", on))

    def ended(self, call, cause, now):
        self.notes.append(("ended", cause))


class Rig:
    def __init__(self, *numbers):
        self.trace = []
        self.cell = Cell(*(numbers or ("101", "102")))
        self.control = CallControl(self.cell, Voice(), lambda point, data: self.trace.append((point, bytes(data))))
        self.user = self.control.user = User()
        self.time = Time(self.cell, self.control)
        self.phone = self.cell.subscribers.all[0]

    @property
    def notes(self):
        return self.user.notes

    def hears(self, connection):
        """What the phone was sent since last asked, as hexadecimal digits."""
        sent = [octets.hex(" ") for octets in connection.sent]
        del connection.sent[:]
        return sent

    def says(self, connection, text):
        self.cell.phone_sends(connection, bytes.fromhex(text), self.time.ticks)
        self.time.run()

    def run(self, ms=0):
        self.time.run(ms)

    # -- the usual ways

    def out(self, setup=SETUP, **options):
        """(connection, call) of a call of the first phone that proceeds."""
        connection = self.cell.phone_opens(PD, self.phone, self.time.ticks, **options)
        self.says(connection, setup)
        return connection, self.user.calls[-1] if self.user.calls else None

    def into(self, caller="5550123"):
        """(connection, call) of a call to the first phone, SETUP sent."""
        call, cause = self.control.call(self.phone, caller, self.time.ticks)
        assert cause == 0
        call.conversation = self.user
        self.run()
        return call.connection, call

    def active_out(self):
        connection, call = self.out()
        call.alert(self.time.ticks)
        call.connect("", self.time.ticks)
        self.says(connection, "03 0f")
        self.hears(connection)
        return connection, call

    def active_in(self):
        connection, call = self.into()
        flag = 8 + call.ti
        for text in ("08", "01", "07"):
            self.says(connection, f"{flag:x}3 {text}")
        self.hears(connection)
        return connection, call

    def well(self):
        """Nothing is left behind."""
        self.run()
        return self.control.calls == [] and self.cell.open == []


@pytest.fixture
def rig():
    return Rig()


# -- from the phone -----------------------------------------------------------------------------------------------


def test_a_call_out_step_by_step(rig):
    connection, call = rig.out()
    assert rig.hears(connection) == ["83 02"]
    assert (rig.notes, call.number, call.state) == (["outgoing"], "021", "N3")
    call.alert(rig.time.ticks)
    assert (rig.hears(connection), call.state) == (["83 01"], "N4")
    call.connect("021", rig.time.ticks)
    assert (rig.hears(connection), call.state) == (["83 07 4c 03 81 20 f1"], "N28")
    rig.says(connection, "03 0f")
    assert call.state == "N10" and call.talking
    rig.says(connection, "03 25 02 e0 90")
    assert rig.hears(connection) == ["83 2d 08 02 e1 90"]
    assert rig.notes[-1] == ("ended", 16)
    rig.says(connection, "03 6a")
    assert rig.well()


def test_the_called_partys_network_speaks_before_the_answer(rig):
    connection, call = rig.out()
    call.progress(rig.time.ticks)
    assert rig.hears(connection)[-1] == "83 03 02 e1 88"
    assert call.talking


def test_an_international_number_and_one_that_shall_not_be_shown(rig):
    _, call = rig.out(f"03 05 {SPEECH} 5e 04 91 44 21 f3 a2")
    assert (call.number, call.withheld) == ("+44123", True)


def test_an_emergency_call_needs_no_number(rig):
    connection, call = rig.out("03 0e 04 01 a0", emergency=True)
    assert call.emergency and rig.hears(connection) == ["83 02"]


@pytest.mark.parametrize(
    ("setup", "cause"),
    [(f"03 05 {SPEECH}", 96), ("03 05 04 04 a1 b8 89 21 5e 03 81 20 f1", 65)],
    ids=["no number", "data"],
)
def test_what_cannot_be_called_is_refused_at_once(rig, setup, cause):
    connection, call = rig.out(setup)
    assert call is None
    assert rig.hears(connection) == [f"83 2a 08 02 e1 {0x80 | cause:x}"]
    assert rig.well()


def test_a_call_without_a_channel_is_disconnected(rig):
    rig.cell.has_channels = False
    connection, _ = rig.out()
    assert rig.hears(connection) == ["83 02", "83 25 02 e1 a2"]
    rig.says(connection, "03 2d")
    assert rig.hears(connection) == ["83 2a"]
    assert rig.well() and rig.notes == []


def test_a_call_that_is_refused_is_told_why(rig):
    connection, call = rig.out()
    rig.hears(connection)
    call.end(17, rig.time.ticks)
    assert rig.hears(connection) == ["83 25 02 e1 91"]
    rig.says(connection, "03 2d 08 02 e0 91")
    assert rig.hears(connection) == ["83 2a"]
    assert rig.well() and rig.notes == ["outgoing"]


# -- to the phone -------------------------------------------------------------------------------------------------


def test_a_call_in_step_by_step(rig):
    connection, call = rig.into()
    assert rig.hears(connection) == ["03 05 04 01 a0 5c 05 81 55 05 21 f3 5e 03 81 01 f1"]
    rig.says(connection, "83 08")
    assert call.state == "N9" and call.audio
    rig.says(connection, "83 41")
    assert (rig.notes, call.state) == (["alerting"], "N7")
    rig.says(connection, "83 07")
    assert rig.hears(connection) == ["03 0f"]
    assert (rig.notes[-1], call.state, call.talking) == ("answered", "N10", True)
    call.end(16, rig.time.ticks)
    assert rig.hears(connection) == ["03 25 02 e1 90"]
    rig.says(connection, "83 2d")
    assert rig.hears(connection) == ["03 2a"]
    assert rig.well() and "ended" not in str(rig.notes)


@pytest.mark.parametrize(("caller", "element"), [(None, "02 01 a0"), ("", "02 01 c0"), ("+4412", "03 91 44 21")])
def test_how_a_caller_is_shown(rig, caller, element):
    connection, _ = rig.into(caller)
    assert f"5c {element} 5e" in rig.hears(connection)[0]


def test_an_answer_before_the_channel_waits_for_it(rig):
    connection, call = rig.into()
    rig.cell.phone_sends(connection, b"\x83\x08", rig.time.ticks)
    rig.cell.phone_sends(connection, b"\x83\x07", rig.time.ticks)
    assert call.state == "N8"
    rig.run()
    assert call.state == "N10" and rig.hears(connection)[-1] == "03 0f"


@pytest.mark.parametrize("text", ["83 2a 08 02 e0 91", "83 08, 83 25 02 e0 91", "83 08, 83 01, 83 2d 08 02 e0 91"])
def test_a_busy_phone_says_so_in_any_way(rig, text):
    connection, _ = rig.into()
    for one in text.split(", "):
        rig.says(connection, one)
    assert rig.notes[-1] == ("ended", 17)
    if "25" in text:
        assert rig.hears(connection)[-1] == "03 2d 08 02 e1 91"
        rig.says(connection, "83 2a")
    assert rig.well()


def test_a_phone_that_does_not_answer_its_page_is_absent(rig):
    rig.cell.reachable = False
    rig.into()
    assert rig.notes == [("ended", 20)] and rig.well()


def test_who_cannot_be_called(rig):
    rig.phone.registered = False
    assert rig.control.call(rig.phone, "1", 0) == (None, 20)
    rig.phone.registered = True
    rig.cell.full = True
    assert rig.control.call(rig.phone, "1", 0) == (None, 34)
    rig.cell.full = False
    rig.into()
    assert rig.control.call(rig.phone, "1", 0) == (None, 17)


def test_giving_up_a_call_while_the_phone_is_paged(rig):
    call, _ = rig.control.call(rig.phone, "1", rig.time.ticks)
    call.end(16, rig.time.ticks)
    assert rig.well()


# -- timers ---------------------------------------------------------------------------------------------------------


def fired(rig):
    return [data.decode() for point, data in rig.trace if point == "gsm.timer"]


@pytest.mark.parametrize(
    ("timer", "before", "ms", "sent", "cause"),
    [
        ("T303", "", 30000, "03 25 02 e1 e6", 102),
        ("T310", "83 08", 30000, "03 25 02 e1 e6", 102),
        ("T301", "83 08,83 01", 180000, "03 25 02 e1 93", 19),
    ],
)
def test_a_phone_that_says_nothing_more_is_given_up(rig, timer, before, ms, sent, cause):
    connection, _ = rig.into()
    for text in filter(None, before.split(",")):
        rig.says(connection, text)
    rig.hears(connection)
    rig.run(ms - 1)
    assert fired(rig) == [] and rig.hears(connection) == []
    rig.run(1)
    assert fired(rig) == [timer] and rig.hears(connection) == [sent]
    assert rig.notes[-1] == ("ended", cause)


def test_t313_ends_a_call_whose_connect_is_not_acknowledged(rig):
    connection, call = rig.out()
    call.connect("", rig.time.ticks)
    rig.hears(connection)
    rig.run(30000)
    assert fired(rig) == ["T313"] and rig.hears(connection) == ["83 25 02 e1 e6"]


def test_t305_then_t308_twice_and_then_it_is_over(rig):
    connection, call = rig.active_out()
    call.end(16, rig.time.ticks)
    rig.run(90000)
    assert fired(rig) == ["T305", "T308", "T308"]
    assert rig.hears(connection) == ["83 25 02 e1 90", "83 2d 08 02 e1 90", "83 2d 08 02 e1 90"]
    assert rig.well()


# -- during a call --------------------------------------------------------------------------------------------------


def test_keys_are_acknowledged_and_heard(rig):
    connection, call = rig.active_out()
    rig.says(connection, "03 75 2c 31")
    assert rig.hears(connection) == ["83 36 2c 31"]
    assert ("gsm.key", b"1") in rig.trace
    call.audio.start(None)
    call.audio._received(b"")
    block = call.audio.get()
    assert max(block) > 8000
    rig.says(connection, "03 31")
    assert rig.hears(connection) == ["83 32"]


@pytest.mark.parametrize(("text", "cause"), [("03 35 2c 58", "e0"), ("03 35", "e0"), ("03 35 2c", "e0")])
def test_what_is_no_key_is_refused(rig, text, cause):
    connection, _ = rig.active_out()
    rig.says(connection, text)
    assert rig.hears(connection) == [f"83 37 02 e1 {cause}"]


def test_a_key_before_there_is_anybody_to_hear_it_is_refused(rig):
    connection, _ = rig.out()
    rig.hears(connection)
    rig.says(connection, "03 35 2c 31")
    assert rig.hears(connection) == ["83 37 02 e1 e5"]


def test_hold_and_retrieve(rig):
    connection, call = rig.active_out()
    rig.says(connection, "03 18")
    assert (rig.hears(connection), call.held, call.talking) == (["83 19"], True, False)
    rig.says(connection, "03 18")
    assert rig.hears(connection) == ["83 1a 02 e1 e5"]
    rig.says(connection, "03 1c")
    assert (rig.hears(connection), call.held, call.talking) == (["83 1d"], False, True)
    rig.says(connection, "03 1c")
    assert rig.hears(connection) == ["83 1e 02 e1 e5"]


# -- an emergency call makes its way


def full(rig):
    """No traffic channel is left: connections of the first phone have one, new ones get none."""
    rig.cell.has_channels = False


def emergency(rig):
    visitor = rig.cell.subscribers.all[1]
    connection = rig.cell.phone_opens(PD, visitor, rig.time.ticks, emergency=True)
    rig.says(connection, "03 0e 04 01 a0")
    call = next(call for call in rig.control.calls if call.connection is connection)
    return connection, call


def test_an_emergency_call_takes_the_channel_of_an_ordinary_one(rig):
    """TS 22.101 10.1."""
    ordinary, call = rig.active_out()
    full(rig)
    connection, urgent = emergency(rig)
    assert rig.hears(ordinary) == ["83 25 02 e1 99"]  # pre-emption
    assert rig.notes[-1] == ("ended", 34) and call.state == "N12"
    assert rig.hears(connection) == ["83 02"] and urgent.state == "N3"
    rig.says(ordinary, "03 2d")
    rig.run(3000)
    assert urgent.state == "N3"
    rig.cell.has_channels = True
    rig.run()
    assert rig.notes[-1] == "outgoing" and urgent.audio
    urgent.connect("", rig.time.ticks)
    assert urgent.state == "N28" and urgent.talking


def test_both_calls_of_the_phone_that_makes_way_end(rig):
    first_connection, first = rig.active_out()
    rig.says(first_connection, "03 18")
    _, second = rig.out("03 45 04 03 60 02 80 5e 03 81 20 f1")
    full(rig)
    emergency(rig)
    assert first.state == second.state == "N12"


def test_an_emergency_call_does_not_take_the_channel_of_another(rig):
    _, one = emergency(rig)
    one.connect("", rig.time.ticks)
    full(rig)
    visitor = type(rig.phone)("", False)
    connection = rig.cell.phone_opens(PD, visitor, rig.time.ticks, emergency=True)
    rig.says(connection, "03 0e 04 01 a0")
    rig.run(cc.WAY - 1)
    assert rig.hears(connection) == ["83 02"]  # a channel might be on its way down
    rig.run(1)
    assert rig.hears(connection) == ["83 25 02 e1 a2"] and one.state == "N28"


def test_way_is_made_once_more_and_then_there_is_none(rig):
    ordinary, _ = rig.active_out()
    full(rig)
    connection, urgent = emergency(rig)
    rig.hears(ordinary)
    rig.run(cc.WAY)  # the phone is slow to answer
    assert urgent.state == "N3"
    rig.cell.lose(ordinary, rig.time.ticks)
    rig.run(cc.WAY)
    assert ("gsm.timer", b"WAY") in rig.trace
    assert rig.hears(connection)[-1] == "83 25 02 e1 a2" and urgent.state == "N12"


def test_an_ordinary_call_without_a_channel_makes_nobody_go(rig):
    ordinary, call = rig.active_out()
    full(rig)
    connection = rig.cell.phone_opens(PD, rig.cell.subscribers.all[1], rig.time.ticks)
    rig.says(connection, SETUP)
    assert rig.hears(connection)[-1] == "83 25 02 e1 a2"
    assert call.state == "N10" and rig.hears(ordinary) == []


def test_the_other_party_is_told_of_hold(rig):
    connection, _ = rig.active_out()
    for message in ("03 18", "03 18", "03 1c", "03 1c"):
        rig.says(connection, message)
    told = [note for note in rig.notes if note[0] == "held"]
    assert told == [("held", True), ("held", False)]


def test_a_waiting_call_is_taken_while_the_first_is_held_and_back(rig):
    first_connection, first = rig.active_out()
    connection, second = rig.into("777")
    setup = rig.hears(connection)[0]
    assert "34 07" in setup and second.ti == 0
    rig.says(connection, "83 08 08 02 e0 91")  # user busy: it waits
    rig.says(connection, "83 01")
    assert rig.control.call(rig.phone, "1", 0) == (None, 17)
    rig.says(first_connection, "03 18")
    rig.says(connection, "83 07")
    assert second.talking and not first.talking
    rig.says(first_connection, "03 1c")
    assert rig.hears(first_connection)[-1] == "83 1e 02 e1 e5"  # not while the other one talks
    rig.says(connection, "83 25 02 e0 90")
    rig.says(connection, "83 2a")
    rig.says(first_connection, "03 1c")
    assert first.talking and len(rig.cell.open) == 1


def test_what_is_not_had_is_refused(rig):
    connection, _ = rig.active_out()
    for text, answer in (
        ("03 17 04 a1 b8 89 21", "83 13 04 a1 b8 89 21 02 e1 cf"),  # MODIFY
        ("03 34", "83 3d 02 e1 9e ca"),  # STATUS ENQUIRY
        ("03 3f", "83 3d 02 e1 e1 ca"),  # no such type
        ("03 08", "83 3d 02 e1 e5 ca"),  # CALL CONFIRMED in N10
        ("03 3a 08 a1 06 02 01 05 02 01 7c", "83 3a 08 a3 06 02 01 05 02 01 15"),  # FACILITY: build a multiparty call
    ):
        rig.says(connection, text)
        assert rig.hears(connection) == [answer]
    for text in ("03 3a 00", "03 3d 02 e0 ff ca", "03 3e f1", "03", "03 39 f0 02 e0 90"):
        rig.says(connection, text)
        assert rig.hears(connection) == []
    assert rig.control.calls[0].state == "N10"


def test_messages_without_a_call(rig):
    connection, call = rig.active_out()
    for text in ("13 07", "13 2d", "33 0f", "93 05"):  # the last one's TI is not the phone's
        rig.says(connection, text)
        assert rig.hears(connection)[0][3:] == "2a 08 02 e1 d1"
    for text in ("13 2a", "73 07"):
        rig.says(connection, text)
    assert rig.hears(connection) == [] and call.state == "N10"
    other = rig.cell.phone_opens(PD, rig.phone, 0)
    rig.says(other, "23 07")
    assert other.released


def test_both_hang_up_at_once(rig):
    connection, call = rig.active_out()
    call.end(16, rig.time.ticks)
    rig.hears(connection)
    rig.says(connection, "03 25 02 e0 90")
    assert rig.hears(connection) == ["83 2d 08 02 e1 90"]
    rig.says(connection, "03 2d")
    assert rig.hears(connection) == [] and rig.well()


@pytest.mark.parametrize("way", ["out", "into", "active_out", "active_in"])
def test_a_lost_phone_leaves_nothing(rig, way):
    connection, call = getattr(rig, way)()
    rig.cell.lose(connection, rig.time.ticks)
    assert rig.notes[-1] == ("ended", 27)
    assert not call.audio or not call.audio.attached
    assert rig.well()


def test_a_third_call_of_a_phone_is_refused(rig):
    rig.active_out()
    connection, _ = rig.out(SETUP.replace("03 45", "13 45"))
    assert rig.hears(connection) == ["93 02"]
    connection, _ = rig.out(SETUP.replace("03 45", "23 45"))
    assert rig.hears(connection) == ["a3 2a 08 02 e1 aa"]
    assert len(rig.control.calls) == 2


def test_calls_are_bounded():
    rig = Rig(*[str(number) for number in range(101, 120)])
    made = [rig.control.call(phone, "1", rig.time.ticks) for phone in rig.cell.subscribers]
    assert [cause for _, cause in made] == [0] * cc.MAX_CALLS + [34] * (19 - cc.MAX_CALLS)


# -- bad input --------------------------------------------------------------------------------------------------------

GOOD = [
    SETUP, "03 0e 04 01 a0", "83 08 04 02 60 82 15 01 01", "83 41", "83 07", "03 0f", "03 75 2c 31", "03 31", "03 18",
    "03 1c", "03 25 02 e0 90", "03 2d 08 02 e0 90", "03 6a", "03 17 01 a0", "03 34", "03 3d 02 e0 9f ca",
    "03 3a 08 a1 06 02 01 05 02 01 7c", "03 3e f1", "83 25 02 e0 90", "83 2a",
]  # fmt: skip


def mutate(rng, octets):
    octets = bytearray(octets)
    for _ in range(rng.randrange(4)):
        what = rng.randrange(4)
        at = rng.randrange(len(octets)) if octets else 0
        if what == 0 and octets:
            octets[at] = rng.randrange(256)
        elif what == 1:
            octets[at:at] = rng.randbytes(rng.randrange(4))
        elif what == 2:
            del octets[at : at + rng.randrange(4)]
        elif octets:
            octets[at] ^= 1 << rng.randrange(8)
    return bytes(octets)


def hostile(seed, messages_sent):
    """Mutated messages in any order while calls come and go; all is over when the timers have run."""
    rng = random.Random(seed)
    rig = Rig("101", "102", "103")
    good = [bytes.fromhex(text) for text in GOOD]
    for _ in range(messages_sent):
        what = rng.randrange(20)
        now = rig.time.ticks
        if what == 0:
            call, _ = rig.control.call(rng.choice(rig.cell.subscribers.all), "1", now)
            if call:
                call.conversation = rig.user
        elif what == 1 and len(rig.cell.open) < 20:
            rig.cell.phone_opens(PD, rng.choice(rig.cell.subscribers.all), now)
        elif what == 2 and rig.control.calls:
            call = rng.choice(rig.control.calls)
            what, *arguments = rng.choice([(call.alert,), (call.progress,), (call.connect, "1"), (call.end, 16)])
            what(*arguments, now)
        elif what == 3 and rig.cell.open and rng.random() < 0.2:
            rig.cell.lose(rng.choice(rig.cell.open), now)
        elif rig.cell.open:
            octets = mutate(rng, rng.choice(good))
            if octets:
                rig.cell.phone_sends(rng.choice(rig.cell.open), octets, now)
        rig.run(rng.choice((0, 0, 0, 20, 300)))
    for call in rig.control.calls:
        call.end(16, rig.time.ticks)
    rig.run(400000)
    assert rig.control.calls == []


@pytest.mark.parametrize("seed", range(4))
def test_mutated_messages_leave_no_call(seed):
    hostile(seed, 2500)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.binary(min_size=1, max_size=40), max_size=8))
def test_any_octets_in_any_state(chunks):
    for way in ("out", "into", "active_out", "active_in"):
        rig = Rig()
        connection, _ = getattr(rig, way)()
        for octets in chunks:
            if not connection.released:
                rig.cell.phone_sends(connection, bytes((octets[0] & 0xF0 | 3,)) + octets[1:], rig.time.ticks)
                rig.run()
        for call in list(rig.control.calls):
            call.end(16, rig.time.ticks)
        rig.run(400000)
        assert rig.control.calls == []


# -- causes -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cause", range(1, 128))
def test_every_cause_goes_both_ways(cause):
    connection = bytes((0x83, messages.DISCONNECT)) + messages.disconnect(cause)
    assert messages.cause(connection, 0) == cause
    assert read_by_pycrate(connection)
    release = bytes((0x83, messages.RELEASE)) + messages.cause_element(cause)
    assert messages.cause(release, 0) == cause
    assert read_by_pycrate(release)


def test_a_cause_with_a_recommendation_is_read():
    assert messages.cause(bytes.fromhex("0325036080 91"), 0) == 0x11
    assert messages.cause(b"\x03\x25", 96) == 96
