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

    media = None

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


class Line:
    """The telephone's end: its port's notes, and an audio leg that only has a name."""

    audio = "line"
    off_hook = False

    def __init__(self, port):
        self.port = port
        self.tone = port.tone

    @property
    def on_hook(self):
        return self.port.state == "ON_HOOK"


class Pc(Notes):
    audio = "pc"
    streaming = False

    def __init__(self):
        super().__init__([])


class Bridge:
    joined = None

    def join(self, one, other):
        self.joined = one

    def part(self):
        self.joined = None


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
    line, pc, bridge = Line(port), Pc(), Bridge()
    agent, media = Notes(notes, call=call), Media(notes)
    control.bind(line, pc, agent, media, bridge)
    return SimpleNamespace(
        control=control, call=call, port=port, notes=notes, line=line, pc=pc, bridge=bridge, media=media
    )


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
    rig.control.bind(rig.line, rig.pc, Notes(rig.notes), rig.media, rig.bridge)
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
    rig.control.bind(Line(port), rig.pc, Notes(rig.notes), rig.media, rig.bridge)
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
    control.bind(Line(Notes(notes)), Pc(), Notes(notes), Media(notes), Bridge())
    control.off_hook(0)
    for _ in range(40):
        control.digit("1", 0)
    assert control.state == "FAILED"


# -- the PC -------------------------------------------------------------------------------------------------------


def test_a_call_for_the_pc_has_its_sound_card_and_no_tones(rig):
    assert rig.control.pc_dial("0123", 0)
    rig.control.ringing(rig.call, 0)
    rig.control.answered(rig.call, 0)
    assert (rig.control.state, rig.bridge.joined) == ("TALKING", "pc")
    assert rig.control.pc_on_hook(0)
    assert rig.notes == [("call", "0123", b"offer"), ("start",), ("hang_up",)]
    assert (rig.control.state, rig.bridge.joined) == ("IDLE", None)


def test_a_call_for_the_pc_that_fails_leaves_nothing(rig):
    rig.control.pc_dial("0123", 0)
    rig.control.ended(rig.call, 486, 0)
    assert rig.control.state == "IDLE"
    assert not rig.control.pc_on_hook(0)


def test_the_telephone_cannot_end_the_pcs_call_and_gets_dial_tone_after_it(rig):
    rig.control.pc_dial("0123", 0)
    rig.control.answered(rig.call, 0)
    for event in (rig.control.off_hook, rig.control.on_hook, rig.control.off_hook):
        event(0)
    rig.line.off_hook = True
    assert rig.control.state == "TALKING"
    rig.control.ended(rig.call, 200, 0)
    assert rig.control.state == "DIALLING"
    assert rig.notes[-1] == ("tone", "dial")


def test_the_pc_cannot_end_the_telephones_call(rig):
    dial(rig, "123")
    rig.control.answered(rig.call, 0)
    assert not rig.control.pc_on_hook(0)
    assert not rig.control.pc_dial("1", 0)
    assert (rig.control.state, rig.bridge.joined) == ("TALKING", "line")


def test_the_pc_answers_a_call_that_rings(rig):
    assert not rig.control.pc_answer(0)
    rig.control.incoming(rig.call, 0)
    assert rig.control.pc_answer(0)
    assert ("stop_ringing",) in rig.notes
    assert (rig.control.state, rig.bridge.joined) == ("TALKING", "pc")


def test_the_pc_refuses_a_call_that_rings(rig):
    rig.control.incoming(rig.call, 0)
    assert rig.control.pc_on_hook(0)
    assert ("reject", 480) in rig.notes
    assert rig.control.state == "IDLE"


def test_the_telephone_is_a_program_s_while_the_pc_streams(rig):
    rig.pc.streaming = True
    rig.control.off_hook(0)
    assert (rig.control.state, rig.bridge.joined) == ("PC_TALKING", "line")
    rig.control.incoming(Call(rig.control, rig.notes), 0)
    assert rig.notes[-1] == ("reject", 486)
    rig.control.on_hook(0)
    assert (rig.control.state, rig.bridge.joined) == ("IDLE", None)


def test_a_program_takes_the_telephone_over_and_gives_it_back(rig):
    rig.control.off_hook(0)
    assert rig.control.pc_audio(True, 0)
    assert (rig.control.state, rig.bridge.joined) == ("PC_TALKING", "line")
    rig.control.step(60000)
    assert rig.control.pc_audio(False, 0)
    assert (rig.control.state, rig.bridge.joined) == ("DIALLING", None)
    assert rig.notes == [("tone", "dial"), ("tone", None), ("tone", "dial")]


def test_a_program_that_starts_to_play_leaves_a_call_alone(rig):
    dial(rig, "123")
    rig.control.answered(rig.call, 0)
    assert not rig.control.pc_audio(True, 0)
    assert rig.control.state == "TALKING"


def test_a_program_rings_the_telephone(rig):
    assert rig.control.pc_ring(True, 0)
    assert rig.control.state == "PC_RINGING"
    assert rig.control.pc_ring(False, 0)
    assert (rig.control.state, rig.notes) == ("IDLE", [("ring",), ("stop_ringing",)])
    rig.control.pc_ring(True, 0)
    rig.control.off_hook(0)
    assert (rig.control.state, rig.bridge.joined) == ("PC_TALKING", "line")


@pytest.mark.parametrize("state", ["IDLE", "CALLING", "RINGING", "TALKING", "PC_TALKING"])
def test_shutting_down_ends_whatever_there_is(rig, state):
    if state in ("CALLING", "TALKING"):
        rig.control.pc_dial("1", 0)
    if state == "TALKING":
        rig.control.answered(rig.call, 0)
    if state == "RINGING":
        rig.control.incoming(rig.call, 0)
    if state == "PC_TALKING":
        rig.pc.streaming = True
        rig.control.off_hook(0)
    assert rig.control.state == state
    rig.control.shut_down(0)
    assert rig.control.state == "IDLE"
