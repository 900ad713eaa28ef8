"""The exchange: calls between phones, the SIP side and the telephone on the line, joined two by two.

A call is a conversation of parties: one that calls, and those that ring for it, of which the first to answer stays.
    a party has conversation, own_number, audio, alert(now), progress(now), connect(answered_by, now), end(cause, now),
    rest(on, now): the other party holds the call, or has taken it back
    it tells its conversation alerting, progress, answered (party, now), ended(party, cause, now), held(party, on, now)
Parties are femtojack.gsm.cc.Call, and SipParty and LineParty below. Causes are those of femtojack.gsm.causes.

To the call control of the line the exchange is the user agent, and a LineParty a call of it; to the user agent it is
the listener. What is no business of phones passes through.
"""

from micropython import const

from femtojack.gsm import causes
from femtojack.gsm.full_rate import FullRateLeg
from femtojack.ticks import Timer, earlier

NO_ANSWER_MS = const(180000)
MOST_MEDIA = const(7)  # one each voice channel

_EVERYBODY = ""  # in place of a number


class SipParty:
    """A far end: `call` is femtojack.sip.call.Call, `audio` its RTP session."""

    def __init__(self, call, media):
        self.call, self.audio = call, media
        self.conversation = None
        self.own_number = call.number

    @property
    def remote_sdp(self):
        return self.call.remote_sdp

    def alert(self, now):
        self.call.ring(now)

    def progress(self, now):
        pass

    def connect(self, answered_by, now):
        other = self.conversation and self.conversation.other(self)
        self.audio.tells_keys = other is not None and isinstance(other.audio, FullRateLeg)  # the line's are tones
        self.call.answer(self.audio.answer(self.call.remote_sdp), now)
        self.audio.start(self.call.remote_sdp)

    def rest(self, on, now):
        self.call.hold(on, now)

    def end(self, cause, now):
        self.conversation = None
        self.audio.stop()
        if self.call.state == "incoming":
            self.call.reject(causes.status_of(cause), now)
        else:
            self.call.hang_up(now)


class LineParty:
    """The telephone on the line (or the PC in its place): what femtojack.call.control takes for a call of its agent.

    `number` and `name` are the other party's.
    """

    name = ""

    def __init__(self, control, own_number, number):
        self._control = control
        self.own_number, self.number = own_number, number
        self.conversation = None
        self.audio = None

    # -- as a party ---------------------------------------------------------------------------------------------------

    def alert(self, now):
        self._control.ringing(self, now)

    def progress(self, now):
        self._control.progress(self, now)

    def connect(self, answered_by, now):
        self._control.answered(self, now)

    def rest(self, on, now):
        """The telephone hears that nothing is said."""

    def end(self, cause, now):
        self.conversation = None
        self._control.ended(self, causes.status_of(cause), now)

    # -- as a call of the agent ---------------------------------------------------------------------------------------

    @property
    def media(self):
        """The audio of the other party."""
        other = self.conversation and self.conversation.other(self)
        return other and other.audio

    @property
    def remote_sdp(self):
        other = self.conversation and self.conversation.other(self)
        return other.remote_sdp if isinstance(other, SipParty) else None

    def ring(self, now):
        self._tell("alerting", now)

    def answer(self, body, now):
        self._tell("answered", now)

    def _tell(self, what, now):
        if self.conversation:
            getattr(self.conversation, what)(self, now)

    def reject(self, status, now):
        self._leave(causes.cause_of(status), now)

    def hang_up(self, now):
        self._leave(causes.NORMAL_CLEARING, now)

    def _leave(self, cause, now):
        conversation, self.conversation = self.conversation, None
        if conversation:
            conversation.ended(self, cause, now)


class Conversation:
    """One call: `caller`, those that are `ringing`, and the one that `stays` once it has answered."""

    def __init__(self, caller, trace):
        self.caller = caller
        self.ringing = []
        self.stays = None
        self._alerted = False
        self._cause = causes.UNASSIGNED  # of the last one that went
        self._timer = Timer()  # until somebody answers; no time at all where nobody can be rung
        self._trace = trace
        caller.conversation = self

    @property
    def over(self):
        return self.caller is None

    def other(self, party):
        """Whom `party` speaks with, or would: None while that is not known."""
        if party is not self.caller:
            return self.caller
        return self.stays or (self.ringing[0] if len(self.ringing) == 1 else None)

    def start(self, now):
        """Everybody who can be rung is `ringing`."""
        self._timer.start(now, NO_ANSWER_MS if self.ringing else 0)

    def refused(self, cause):
        """One could not be rung."""
        self._cause = cause

    def step(self, now):
        """Run what is due. Returns the next deadline or None."""
        if self._timer.due(now):
            self.give_up(causes.NO_ANSWER if self.ringing else self._cause, now)
        return self._timer.deadline

    def give_up(self, cause, now):
        """End it for all."""
        self._part_from_callees(causes.NORMAL_CLEARING, now)
        stays, self.stays = self.stays, None
        if stays:
            stays.end(cause, now)
        self._end_caller(cause, now)

    # -- what parties tell --------------------------------------------------------------------------------------------

    def alerting(self, party, now):
        if not self._alerted and not self.stays:
            self._alerted = True
            self.caller.alert(now)

    def progress(self, party, now):
        """What the callee's network says before it answers; where several ring nobody would know whose it is."""
        if len(self.ringing) == 1 and not self.stays:
            self.caller.progress(now)
            self._join(party)

    def answered(self, party, now):
        if party not in self.ringing:
            return
        self._timer.stop()
        self.stays = party
        self.ringing.remove(party)
        self._part_from_callees(causes.NON_SELECTED, now)
        self.caller.connect(party.own_number, now)
        if self.caller:
            self._join(party)
            self._trace("call.joined", b"")

    def held(self, party, on, now):
        other = self.other(party)
        if other and self.stays:
            other.rest(on, now)

    def ended(self, party, cause, now):
        if party is self.caller:
            self.caller = None
            self._timer.stop()
            self._part_from_callees(cause, now)
            if self.stays:
                self.stays.end(cause, now)
        elif party is self.stays:
            self._end_caller(cause, now)
        elif party in self.ringing:
            self._cause = cause
            self.ringing.remove(party)
            if not self.ringing and not self.stays and self._timer.running:
                self._end_caller(cause, now)

    # -- what it does -------------------------------------------------------------------------------------------------

    def _end_caller(self, cause, now):
        caller, self.caller = self.caller, None
        self._timer.stop()
        if caller:
            caller.end(cause, now)

    def _part_from_callees(self, cause, now):
        callees, self.ringing = self.ringing, []
        for party in callees:
            party.end(cause, now)

    def _join(self, callee):
        """Let caller and callee hear each other. The line's end of it is its call control's matter."""
        one, other = self.caller.audio, callee.audio
        if isinstance(one, FullRateLeg) and other:
            one.join(other)
        if isinstance(other, FullRateLeg) and one:
            other.join(one)


class Exchange:
    """All conversations, and who gets a call. `control` is femtojack.call.control.Control, `calls`
    femtojack.gsm.cc.CallControl, `subscribers` those of the cell; `config` has the sections "gsm" and "sip".

    The number plan: a phone's number rings it, `group_number` all phones, `line_number` the telephone; what else is
    dialled goes out by SIP. A call that comes by SIP for a phone's number rings it; `ring` says who takes the others.
    """

    def __init__(self, board, config, control, calls, subscribers):
        self._board = board
        plan = config["gsm"]
        self._line_number, self._group = plan["line_number"], plan["group_number"]
        self._emergency_number = plan["emergency_number"]
        self._others = {"line": self._line_number, "phones": self._group, "all": _EVERYBODY}[plan["ring"]]
        self._first_port = config["sip"]["rtp_port"] + 2  # the line has the first one
        self._control = control
        self._calls = calls
        self._subscribers = subscribers
        self._agent = None
        self._media = []
        self._packet = None  # of them all
        self._far_ends = []  # SipParty
        self._conversations = []
        calls.bind(self)

    def bind(self, agent):
        """`agent` is femtojack.sip.ua.UserAgent, or femtojack.call.loopback.Loopback on a board without a network."""
        self._agent = agent

    @property
    def conversations(self):
        """How many there are."""
        return len([one for one in self._conversations if not one.over])

    def step(self, now):
        """Run what is due, forget what is over. Returns the next deadline or None."""
        deadline = None
        i = 0
        while i < len(self._conversations):
            deadline = earlier(deadline, self._conversations[i].step(now))
            i += 1
        while i:
            i -= 1
            if self._conversations[i].over:
                self._conversations.pop(i)
        return deadline

    def take_audio(self):
        """Take in what waits at the RTP ports."""
        for media in self._media:
            media.step()

    def shut_down(self, now):
        """End every call."""
        for conversation in list(self._conversations):
            conversation.give_up(causes.NORMAL_CLEARING, now)

    # -- as the agent of the line's call control ----------------------------------------------------------------------

    def call(self, number, body, now):
        """The line, or the PC, calls `number`. Returns a call, or None if it cannot be."""
        if not self._is_here(number):
            return self._agent.call(number, body, now)
        caller = LineParty(self._control, self._line_number, number)
        self._converse(caller, self._line_number, number, now)
        return caller

    # -- what phones tell ---------------------------------------------------------------------------------------------

    def outgoing(self, call, now):
        """A phone calls."""
        number = self._emergency_number if call.emergency else call.number
        self._board.trace("gsm.number", number.encode())
        self._converse(call, None if call.withheld else call.subscriber.number, number, now)

    # -- what the user agent tells ------------------------------------------------------------------------------------

    def incoming(self, call, now):
        number = call.called if self._is_here(call.called) else self._others
        if number == self._line_number:
            self._control.incoming(call, now)
        elif call.remote_sdp is not None and not call.remote_sdp.usable:
            call.reject(causes.status_of(causes.BEARER_NOT_IMPLEMENTED), now)
        else:
            media = self._free_media()
            if media is None:
                call.reject(causes.status_of(causes.CONGESTION), now)
                return
            caller = SipParty(call, media)
            self._far_ends.append(caller)
            self._converse(caller, call.number, number, now)

    def ringing(self, call, now):
        party = self._party_of(call)
        if party is None:
            self._control.ringing(call, now)
        elif party.conversation:
            party.conversation.alerting(party, now)

    def progress(self, call, now):
        party = self._party_of(call)
        if party is None:
            self._control.progress(call, now)
            return
        party.audio.start(call.remote_sdp)
        if party.conversation:
            party.conversation.progress(party, now)

    def answered(self, call, now):
        party = self._party_of(call)
        if party is None:
            self._control.answered(call, now)
        elif party.conversation:
            party.audio.start(call.remote_sdp)
            party.conversation.answered(party, now)

    def ended(self, call, status, now):
        party = self._party_of(call)
        if party is None:
            self._control.ended(call, status, now)
            return
        self._far_ends.remove(party)
        party.audio.stop()
        if party.conversation:
            party.conversation.ended(party, causes.cause_of(status), now)

    def registered(self, ok, status, now):
        self._control.registered(ok, status, now)

    # -- who gets a call ----------------------------------------------------------------------------------------------

    def _is_here(self, number):
        """Whether `number` is one of the box."""
        return number != "" and (
            number in (self._line_number, self._group) or self._subscribers.find(number=number) is not None
        )

    def _converse(self, caller, shown, number, now):
        """Begin a call to `number`. `shown` is the caller's: "" if it is not known, None if it shall not be."""
        conversation = Conversation(caller, self._board.trace)
        self._conversations.append(conversation)
        if number in (_EVERYBODY, self._line_number):
            self._ring_line(conversation, shown or "", now)
        if number in (_EVERYBODY, self._group):
            for subscriber in self._subscribers:
                if subscriber.registered:
                    self._ring_phone(conversation, subscriber, shown, now)
        elif number != self._line_number:
            subscriber = self._subscribers.find(number=number)
            if subscriber:
                self._ring_phone(conversation, subscriber, shown, now)
            else:
                self._ring_far_end(conversation, number, shown or "", now)
        conversation.start(now)

    def _ring_line(self, conversation, shown, now):
        party = LineParty(self._control, self._line_number, shown)
        self._add(conversation, party)
        self._control.incoming(party, now)

    def _ring_phone(self, conversation, subscriber, shown, now):
        if getattr(conversation.caller, "subscriber", None) is subscriber:
            conversation.refused(causes.USER_BUSY)
            return
        call, cause = self._calls.call(subscriber, shown, now)
        if call:
            self._add(conversation, call)
        else:
            conversation.refused(cause)

    def _ring_far_end(self, conversation, number, shown, now):
        media = self._free_media()
        if media:
            media.tells_keys = True
        call = media and self._agent.call(number, media.offer(), now, shown)
        if not call:
            conversation.refused(causes.RESOURCES_UNAVAILABLE if media else causes.NETWORK_OUT_OF_ORDER)
            return
        party = SipParty(call, media)
        self._far_ends.append(party)
        self._add(conversation, party)

    def _add(self, conversation, party):
        party.conversation = conversation
        conversation.ringing.append(party)

    def _free_media(self):
        """An RTP session that nobody uses; None if all are in use or there is no network."""
        if self._board.udp is None:
            return None
        used = [party.audio for party in self._far_ends if party.conversation]  # not of calls that only end
        for media in self._media:
            if media not in used:
                return media
        if len(self._media) >= MOST_MEDIA:
            return None
        # A board without a network does not load them.
        from femtojack.voice.media import Media, Packet
        from femtojack.voice.telephone_event import EventReceiver, EventSender

        self._packet = self._packet or Packet()
        try:
            port = self._first_port + 2 * len(self._media)
            media = Media(self._board, port, self._packet, EventSender(), EventReceiver())
        except OSError:
            return None
        self._media.append(media)
        return media

    def _party_of(self, call):
        """The SipParty of a call of the user agent, None if it is the line's."""
        for party in self._far_ends:
            if party.call is call:
                return party
        return None
