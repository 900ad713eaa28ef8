"""The exchange, between phones, an agent and a line that only take notes."""

from types import SimpleNamespace

import pytest
from gsm_bench import LATE, Subscribers

from femtohost.voice import Voice
from femtojack.call.exchange import MOST_MEDIA, NO_ANSWER_MS, Exchange
from femtojack.gsm.full_rate import FullRateLeg

PLAN = {
    "gsm": {"line_number": "100", "group_number": "199", "emergency_number": "112", "ring": "all"},
    "sip": {"rtp_port": 16384},
}


class Notes:
    """Takes any call: `notes` has them as (name, arguments without `now`)."""

    def __init__(self):
        self.notes = []

    def __getattr__(self, name):
        def call(*arguments):
            self.notes.append((name, *arguments[:-1]))

        return call


class PhoneCall(Notes):
    """A call of a phone as femtojack.gsm.cc has it."""

    emergency = withheld = False
    conversation = None

    def __init__(self, subscriber, number=""):
        super().__init__()
        self.subscriber, self.number = subscriber, number
        self.own_number = subscriber.number
        self.audio = FullRateLeg(Voice())


class Calls:
    """femtojack.gsm.cc.CallControl: `made` are the calls to phones."""

    def __init__(self):
        self.made = []
        self.cause = 0

    def bind(self, user):
        pass

    def call(self, subscriber, caller, now):
        if self.cause:
            return None, self.cause
        call = PhoneCall(subscriber)
        self.made.append((subscriber.number, caller))
        self.latest = call
        return call, 0


class SipCall(Notes):
    remote_sdp = None
    state = "incoming"

    def __init__(self, number, called=""):
        super().__init__()
        self.number, self.called = number, called


class Agent:
    full = False

    def __init__(self):
        self.calls = []

    def call(self, number, body, now, caller=""):
        if self.full:
            return None
        self.calls.append((number, caller))
        self.latest = SipCall(number)
        self.latest.state = "calling"
        return self.latest


class Line:
    """The line's call control: what it is told of calls, and how it takes those that come."""

    def __init__(self, way="ring"):
        self.way = way
        self.notes = []

    def incoming(self, call, now):
        self.notes.append(("incoming", call.number))
        self.call = call
        if self.way == "busy":
            call.reject(486, now)
        elif self.way == "ring":
            call.ring(now)

    def __getattr__(self, name):
        return lambda call, *arguments: self.notes.append((name, *arguments[:-1]))


class Rig:
    def __init__(self, *numbers, way="ring", udp=True, **plan):
        opened = []

        def open(port):
            opened.append(port)
            return SimpleNamespace(recv_into=lambda buf, addr: -1, send=lambda *_: None)

        udp = SimpleNamespace(open=open, address=bytes((10, 0, 0, 1))) if udp else None
        board = SimpleNamespace(udp=udp, voice=Voice(), entropy=lambda buf: None, trace=lambda point, data: None)
        self.ports = opened
        self.subscribers = Subscribers(numbers or ("201", "202"))
        self.line, self.calls, self.agent = Line(way), Calls(), Agent()
        config = {**PLAN, "gsm": {**PLAN["gsm"], **plan}}
        self.exchange = Exchange(board, config, self.line, self.calls, self.subscribers)
        self.exchange.bind(self.agent)
        self.now = LATE

    def out(self, number, **facts):
        """A call of the first phone."""
        call = PhoneCall(self.subscribers.all[0], number)
        for name, value in facts.items():
            setattr(call, name, value)
        self.exchange.outgoing(call, self.now)
        self.step()
        return call

    def into(self, called="anybody", number="5550123"):
        """A call by SIP."""
        call = SipCall(number, called)
        self.exchange.incoming(call, self.now)
        self.step()
        return call

    def step(self, ms=0):
        self.now = (self.now + ms) & 0x3FFFFFFF
        return self.exchange.step(self.now)


def test_a_phone_calls_out_and_is_told_all_that_happens():
    rig = Rig()
    call = rig.out("5550123")
    assert rig.agent.calls == [("5550123", "201")]
    far = rig.agent.latest
    rig.exchange.ringing(far, rig.now)
    rig.exchange.progress(far, rig.now)
    rig.exchange.answered(far, rig.now)
    assert call.notes == [("alert",), ("progress",), ("connect", "5550123")]
    rig.exchange.ended(far, 200, rig.now)
    assert call.notes[-1] == ("end", 16)
    rig.step()
    assert rig.exchange.conversations == 0


@pytest.mark.parametrize(("status", "cause"), [(486, 17), (404, 1), (408, 102), (603, 21), (500, 41)])
def test_a_refusal_is_told_as_its_cause(status, cause):
    rig = Rig()
    call = rig.out("5550123")
    rig.exchange.ended(rig.agent.latest, status, rig.now)
    assert call.notes == [("end", cause)]


def test_who_withholds_its_number_is_not_shown():
    rig = Rig()
    rig.out("5550123", withheld=True)
    rig.out("202", withheld=True)
    assert rig.agent.calls == [("5550123", "")]
    assert rig.calls.made == [("202", None)]


def test_an_emergency_call_goes_to_its_number_whatever_was_dialled():
    rig = Rig()
    rig.out("202", emergency=True)
    assert rig.agent.calls == [("112", "201")]


@pytest.mark.parametrize(("full", "udp", "cause"), [(True, True, 47), (False, False, 38)])
def test_a_call_that_cannot_go_out_ends(full, udp, cause):
    rig = Rig(udp=udp)
    rig.agent.full = full
    assert rig.out("5550123").notes == [("end", cause)]


def test_a_phone_hangs_up_before_anybody_answers():
    rig = Rig()
    call = rig.out("5550123")
    call.conversation.ended(call, 16, rig.now)
    assert rig.agent.latest.notes == [("hang_up",)]


def test_the_number_plan_of_phones():
    rig = Rig("201", "202", "203")
    rig.subscribers.all[2].registered = False
    rig.out("202")
    assert rig.calls.made == [("202", "201")]
    rig.out("199")
    assert rig.calls.made[1:] == [("202", "201")]
    rig.out("100")
    assert rig.line.notes == [("incoming", "201")]
    assert rig.agent.calls == []


@pytest.mark.parametrize("cause", [17, 20, 34])
def test_a_phone_that_cannot_be_rung_is_told(cause):
    rig = Rig()
    rig.calls.cause = cause
    assert rig.out("202").notes == [("end", cause)]


def test_a_busy_line_is_told_and_does_not_stop_the_others():
    rig = Rig(way="busy")
    assert rig.out("100").notes == [("end", 17)]
    call = rig.into()
    assert len(rig.calls.made) == 2 and call.notes == []


def test_the_line_calls_a_phone_and_hears_of_it_as_of_any_call():
    rig = Rig()
    call = rig.exchange.call("202", b"", rig.now)
    phone = rig.calls.latest
    conversation = phone.conversation
    conversation.alerting(phone, rig.now)
    conversation.answered(phone, rig.now)
    assert rig.line.notes == [("ringing",), ("answered",)]
    assert call.media is phone.audio and call.remote_sdp is None
    call.hang_up(rig.now)
    assert phone.notes == [("end", 16)]
    assert rig.exchange.call("5550123", b"", rig.now) is rig.agent.latest


def test_the_line_calls_a_phone_that_is_busy_and_hears_so_in_the_next_step():
    rig = Rig()
    rig.calls.cause = 17
    rig.exchange.call("202", b"", rig.now)
    assert rig.line.notes == []
    rig.step()
    assert rig.line.notes == [("ended", 486)]


def test_the_first_to_answer_has_the_call():
    rig = Rig()
    call = rig.into()
    phone = rig.calls.latest
    phone.conversation.alerting(phone, rig.now)
    phone.conversation.answered(phone, rig.now)
    assert [name for name, *_ in call.notes] == ["ring", "answer"]
    assert rig.line.notes == [("incoming", "5550123"), ("ended", 404)]
    rig.line.call.answer(b"", rig.now)  # too late
    assert len(call.notes) == 2
    rig.exchange.ended(call, 200, rig.now)
    assert phone.notes == [("end", 16)]


def test_the_last_refusal_of_many_is_told():
    rig = Rig(ring="phones")
    call = rig.into()
    conversation = rig.calls.latest.conversation
    for phone, cause in zip(list(conversation.ringing), (17, 21), strict=True):
        assert call.notes == []
        conversation.ended(phone, cause, rig.now)
    assert call.notes == [("reject", 603)]


def test_nobody_answers():
    rig = Rig()
    call = rig.into()
    rig.step(NO_ANSWER_MS - 1)
    assert call.notes[-1] == ("ring",)
    rig.step(1)
    assert call.notes[-1] == ("reject", 480)
    assert rig.calls.latest.notes == [("end", 16)]
    assert rig.exchange.conversations == 0


def test_what_is_the_lines_passes_through():
    rig = Rig(ring="line")
    call = rig.into()
    for event in ("ringing", "answered", "progress"):
        getattr(rig.exchange, event)(call, rig.now)
    rig.exchange.ended(call, 486, rig.now)
    rig.exchange.registered(True, 200, rig.now)
    assert rig.line.notes == [("incoming", "5550123"), ("ringing",), ("answered",), ("progress",), ("ended", 486),
                              ("registered", 200)]  # fmt: skip


def test_rtp_sessions_are_bounded_and_used_again():
    rig = Rig(ring="phones")
    calls = [rig.into("201") for _ in range(MOST_MEDIA + 1)]
    assert calls[-1].notes == [("reject", 503)]
    assert rig.ports == [16386 + 2 * i for i in range(MOST_MEDIA)]
    rig.exchange.ended(calls[0], 487, rig.now)
    assert rig.into("201").notes == []
    assert len(rig.ports) == MOST_MEDIA


def test_a_call_without_a_codec_of_ours_is_not_acceptable():
    rig = Rig(ring="phones")
    call = SipCall("5550123", "201")
    call.remote_sdp = SimpleNamespace(usable=False)
    rig.exchange.incoming(call, rig.now)
    assert call.notes == [("reject", 488)] and rig.calls.made == []


def test_shutting_down_ends_all():
    rig = Rig()
    phone, far = rig.out("5550123"), None
    far = rig.agent.latest
    rig.exchange.answered(far, rig.now)
    other = rig.into()
    rig.exchange.shut_down(rig.now)
    assert phone.notes[-1] == ("end", 16) and far.notes == [("hang_up",)] and other.notes[-1] == ("reject", 480)
    rig.step()
    assert rig.exchange.conversations == 0


def test_two_phones_are_joined_frame_by_frame_and_a_far_end_at_their_pace():
    rig = Rig()
    call = rig.out("202")
    phone = rig.calls.latest
    phone.conversation.answered(phone, rig.now)
    assert call.audio._through is phone.audio and phone.audio._through is call.audio
    call = rig.out("5550123")
    rig.exchange.answered(rig.agent.latest, rig.now)
    assert call.audio._driven.offer()


def test_a_far_end_is_told_of_hold_another_phone_and_the_line_are_not_disturbed():
    rig = Rig()
    call = rig.out("5550123")
    call.conversation.held(call, True, rig.now)
    assert not rig.agent.latest.notes  # nobody has answered yet
    rig.exchange.answered(rig.agent.latest, rig.now)
    call.conversation.held(call, True, rig.now)
    call.conversation.held(call, False, rig.now)
    assert rig.agent.latest.notes == [("hold", True), ("hold", False)]
    for number, answers in (("202", lambda: rig.calls.latest), ("100", lambda: rig.line.call)):
        call = rig.out(number)
        party = answers()
        call.conversation.answered(party, rig.now)
        call.conversation.held(call, True, rig.now)
        assert ("end", 16) not in call.notes and call.conversation.stays is party
