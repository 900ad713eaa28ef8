"""Call control alone, between a port, an agent and a media session that only take notes."""

from types import SimpleNamespace

import pytest

from femtojack.call.control import Control


class Notes:
    """Takes any call: `notes` has them as (name, arguments without `now`)."""

    def __init__(self, notes, **answers):
        self._notes, self._answers = notes, answers

    def __getattr__(self, name):
        def call(*arguments):
            self._notes.append((name, *arguments[:-1]))
            return self._answers.get(name)

        return call


class Call(Notes):
    """A call whose end comes back at once, as a user agent's does."""

    def __init__(self, control, notes, usable=True):
        super().__init__(notes)
        self.remote_sdp = SimpleNamespace(usable=usable)
        self._control = control

    def hang_up(self, now):
        self._notes.append(("hang_up",))
        self._control.ended(self, 487, now)

    def reject(self, status, now):
        self._notes.append(("reject", status))
        self._control.ended(self, status, now)


class Media:
    running = False

    def __init__(self, notes):
        self._notes = notes

    def offer(self):
        return b"offer"

    def answer(self, remote):
        return b"answer"

    def start(self, remote):
        self.running = True
        self._notes.append(("start",))

    def stop(self):
        self.running = False


@pytest.fixture
def rig():
    notes = []
    control = Control("xxx|9xT", lambda point, data: None)
    call = Call(control, notes)
    port = Notes(notes, ring=True)
    port.state = "ON_HOOK"
    control.bind(port, Notes(notes, call=call), Media(notes))
    return SimpleNamespace(control=control, call=call, port=port, notes=notes)


def dial(rig, digits):
    rig.control.off_hook(0)
    for digit in digits:
        rig.control.digit(digit, 0)


def test_a_complete_number_is_called_with_our_offer(rig):
    dial(rig, "123")
    assert rig.notes == [("tone", "dial"), ("tone", None), ("call", "123", b"offer")]
    assert rig.control.state == "CALLING"


def test_the_timer_ends_a_number_that_could_go_on(rig):
    dial(rig, "91")
    rig.control.step(3999)
    assert rig.control.state == "DIALLING"
    rig.control.step(4000)
    assert rig.control.state == "CALLING"


def test_a_partial_number_is_given_up(rig):
    dial(rig, "12")
    rig.control.step(16000)
    assert rig.control.state == "FAILED"
    assert rig.notes[-1] == ("tone", "reorder")


@pytest.mark.parametrize(("status", "tone"), [(486, "busy"), (600, "busy"), (404, "reorder"), (408, "reorder")])
def test_a_refusal_is_told_by_its_tone(rig, status, tone):
    dial(rig, "123")
    rig.control.ended(rig.call, status, 0)
    assert rig.notes[-1] == ("tone", tone)


def test_an_agent_without_a_free_place_is_told_by_reorder(rig):
    rig.control.bind(rig.port, Notes(rig.notes), Media(rig.notes))
    dial(rig, "123")
    assert rig.control.state == "FAILED"


def test_hanging_up_leaves_no_tone(rig):
    dial(rig, "123")
    rig.control.answered(rig.call, 0)
    assert rig.control.state == "TALKING"
    del rig.notes[:]
    rig.control.on_hook(0)
    assert rig.notes == [("hang_up",)]
    assert rig.control.state == "IDLE"


def test_a_line_that_is_lost_while_it_rings_refuses_the_call(rig):
    rig.control.incoming(rig.call, 0)
    assert rig.notes == [("ring",), ("ring",)]  # the bell, and 180
    rig.control.on_hook(0)
    assert ("reject", 480) in rig.notes
    assert rig.control.state == "IDLE"


def test_a_telephone_that_cannot_be_rung_refuses_the_call(rig):
    port = Notes(rig.notes, ring=False)
    port.state = "ON_HOOK"
    rig.control.bind(port, Notes(rig.notes), Media(rig.notes))
    rig.control.incoming(rig.call, 0)
    assert rig.notes == [("ring",), ("reject", 480)]
    assert rig.control.state == "IDLE"


def test_a_call_without_a_codec_of_ours_is_not_acceptable(rig):
    rig.control.incoming(Call(rig.control, rig.notes, usable=False), 0)
    assert rig.notes == [("reject", 488)]
    assert rig.control.state == "IDLE"


def test_a_second_call_is_refused_and_the_first_goes_on(rig):
    dial(rig, "123")
    rig.control.answered(rig.call, 0)
    other = Call(rig.control, rig.notes)
    rig.control.incoming(other, 0)
    assert rig.notes[-1] == ("reject", 486)
    assert rig.control.state == "TALKING"


def test_a_new_address_in_the_middle_of_a_call_is_followed(rig):
    dial(rig, "123")
    rig.control.answered(rig.call, 0)
    del rig.notes[:]
    rig.control.progress(rig.call, 0)
    assert rig.notes == [("start",)]


def test_early_media_takes_the_place_of_our_ringback(rig):
    dial(rig, "123")
    rig.control.progress(rig.call, 0)
    rig.control.ringing(rig.call, 0)
    assert ("tone", "ringback") not in rig.notes


def test_no_answer_for_three_minutes(rig):
    dial(rig, "123")
    rig.control.step(180000)
    assert ("hang_up",) in rig.notes
    assert rig.notes[-1] == ("tone", "reorder")


def test_digits_without_end_are_given_up():
    control = Control("x.", lambda point, data: None)
    notes = []
    control.bind(Notes(notes), Notes(notes), Media(notes))
    control.off_hook(0)
    for _ in range(40):
        control.digit("1", 0)
    assert control.state == "FAILED"
