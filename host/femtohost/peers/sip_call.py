"""One call of the far end: a dialog, its audio, and what either side does to it (RFC 3261 13 to 15)."""

from sipmessage import Address, Parameters

from femtohost.clock import MS, SECOND
from femtohost.peers import sdp, sip_message
from femtohost.peers.rtp import RtpStream

GLARE_STEP = 10 * MS  # RFC 3261 14.1: who has called waits 2.1 to 4 s after a 491, the other up to 2 s
GLARE_STEPS = {True: (210, 400), False: (0, 200)}


class Call:
    """What both kinds of call share: from the established dialog on.

    `held`: we want to hear nothing. `peer_holds`: so does the other side.

    end: the FarEnd. state: "calling", "ringing", "in-call", "ended". final_status: of the INVITE, or None so far.
    """

    def __init__(self, end):
        self._end = end
        self._tag = end.rng.bytes(4).hex()
        self._session = int(end.rng.integers(2**31))
        self._version = 0
        self._answered = None  # the INVITE's transaction that waits for its ACK
        self._bye_follows = False  # hung up before that ACK: the BYE has to wait for it (RFC 3261 15)
        self.dialog = None
        self.state = "calling"
        self.final_status = None
        self.held = self.peer_holds = False
        self._offering = False  # a re-INVITE of ours is under way
        self._reack = b""
        self.stream = RtpStream(end.clock, end.network, end.rng, end.layer.address[:4], end.current_talk)

    def receive(self, transaction):
        """A request within the dialog."""
        method = transaction.request.method
        if method == "ACK":
            self._on_ack(transaction.request)
        elif method == "BYE":
            self._on_bye(transaction)
        elif self.state != "in-call":
            transaction.respond(sip_message.response_to(transaction.request, 481))
        elif method == "INVITE":
            self._on_reinvite(transaction)
        else:
            self._end.respond_outside(transaction)

    def _describe(self, direction="sendrecv", offer=None):
        """Ours; as the answer to `offer` it has events only where they are offered."""
        self._version += 1
        events = self._end.events if offer is None or self._end.events is None else offer.events
        address = self._end.layer.address[:4]
        return sdp.describe(address, self.stream.port, self._session, self._version, direction, events)

    def _via(self):
        return sip_message.new_via(self._end.layer.address, self._end.rng)

    def _contact(self):
        return [Address(sip_message.host_uri(self._end.layer.address, self._end.number))]

    def _accept(self, transaction, offer):
        """200 with our description; `offer` is the peer's Media, None when the peer leaves the offer to us."""
        response = sip_message.response_to(transaction.request, 200, self._tag)
        response.contact = self._contact()
        response.headers.set("Allow", sip_message.ALLOW)
        description = self._describe(sdp.answer_to(offer.direction if offer else "sendrecv", self.held), offer)
        self._acknowledged()  # a new INVITE proves that the last 200 arrived
        self._answered = transaction
        transaction.respond(sip_message.with_body(response, description), self._bye)
        self.state = "in-call"
        if offer:
            self._listen_to(offer)

    def _listen_to(self, media):
        self.peer_holds = not media.listens
        self.stream.events = media.events if self._end.events is not None else None
        self.stream.send_to(media.endpoint if media.listens else None)

    def _on_ack(self, ack):
        waiting = self._answered
        if waiting is None or waiting.request.cseq.sequence != ack.cseq.sequence:
            return
        self._acknowledged()
        answer = None if waiting.request.body else sdp.read(ack.body)
        if self._bye_follows or not (waiting.request.body or answer):
            self._bye()
        elif answer:
            self._listen_to(answer)

    def _on_bye(self, transaction):
        transaction.respond(sip_message.response_to(transaction.request, 200))
        self._acknowledged()
        self._finish()

    def _acknowledged(self):
        if self._answered is not None:
            self._answered.acknowledged()
            self._answered = None

    def _on_reinvite(self, transaction):
        request = transaction.request
        if self._offering:
            transaction.respond(sip_message.response_to(request, 491))
            return
        offer = sdp.read(request.body)
        if request.body and offer is None:
            transaction.respond(sip_message.response_to(request, 488))
            return
        if request.contact:
            self.dialog.target = request.contact[0].uri
        self._accept(transaction, offer)

    def hold(self, on):
        """Put the peer on hold or take it back, by a re-INVITE (RFC 3264 8.4)."""
        self.held = on
        self._reinvite()

    def _reinvite(self):
        if self.state != "in-call" or self._offering:
            return
        self._offering, self._reack = True, b""
        invite = self.dialog.request("INVITE", self._via())
        invite.contact = self._contact()
        direction = ("inactive" if self.peer_holds else "sendonly") if self.held else "sendrecv"
        request = sip_message.with_body(invite, self._describe(direction))
        self._end.layer.request(request, self.dialog.next_hop, lambda response: self._on_offered(invite, response))

    def _on_offered(self, invite, response):
        code = 408 if response is None else response.code
        if 200 <= code < 300:
            self._reack = self._reack or bytes(self.dialog.request("ACK", self._via(), invite.cseq.sequence))
            self._end.layer.send(self._reack, self.dialog.next_hop)
        if code < 200 or not self._offering:
            return
        self._offering = False
        media = sdp.read(response.body) if code < 300 else None
        if media:
            self._listen_to(media)
        elif code == 491:
            steps = self._end.rng.integers(*GLARE_STEPS[isinstance(self, OutgoingCall)])
            self._end.clock.after(int(steps) * GLARE_STEP, self._reinvite)

    def _bye(self):
        self._bye_follows = False
        request = self.dialog.request("BYE", self._via())
        self._end.layer.request(request, self.dialog.next_hop, lambda response: None)
        self._finish()

    def _finish(self):
        self.state = "ended"
        self.stream.close()


class IncomingCall(Call):
    """A call to the far end: rings, answers or refuses as the FarEnd is set at this moment."""

    def __init__(self, end, transaction):
        super().__init__(end)
        request = transaction.request
        self._transaction = transaction
        self._offer = sdp.read(request.body)
        self._timers = []
        refusal = self._objection() or end.reject
        if refusal:
            self.reject(refusal)
            return
        local = sip_message.tagged(request.to_address, self._tag)
        self.dialog = sip_message.Dialog(
            request.call_id,
            local,
            request.from_address,
            request.contact[0].uri,
            transaction.source,
            0,
            request.record_route,
        )
        transaction.respond(sip_message.response_to(request, 100))
        self._plan(end.ring_after_s, self.ring)
        self._plan(end.answer_after_s, self.answer)

    def _objection(self):
        request = self._transaction.request
        if not request.headers.get("Contact"):
            return 400  # RFC 3261 8.1.1.8
        return 488 if request.body and self._offer is None else None

    def _plan(self, seconds, action):
        if seconds is not None:
            self._timers.append(self._end.clock.after(round(seconds * SECOND), action))

    @property
    def waiting(self):
        """Neither answered nor refused yet."""
        return self.final_status is None

    def ring(self):
        """180."""
        if self.waiting:
            response = sip_message.response_to(self._transaction.request, 180, self._tag)
            response.contact = self._contact()
            self._transaction.respond(response)
            self.state = "ringing"

    def answer(self):
        """200, and audio from here on."""
        if self.waiting:
            self.final_status = 200
            self._accept(self._transaction, self._offer)

    def reject(self, status):
        """Refuse with a final status of 300 or more."""
        if self.waiting:
            self.final_status = status
            self._transaction.respond(sip_message.response_to(self._transaction.request, status, self._tag))
            self._finish()

    def is_of(self, transaction):
        """Did this INVITE make the call?"""
        return self._transaction is transaction

    def hang_up(self):
        """480 before the answer, BYE after it."""
        if self.waiting:
            self.reject(480)
        elif self.state == "in-call" and self._answered is not None:
            self._bye_follows = True
            self._finish()
        elif self.state == "in-call":
            self._bye()

    def _finish(self):
        if self.waiting:  # a BYE before the answer
            self.reject(487)
        super()._finish()
        for timer in self._timers:
            timer.cancel()


class OutgoingCall(Call):
    """A call from the far end to `number` at the endpoint `addr`."""

    def __init__(self, end, number, addr):
        super().__init__(end)
        self._provisional = self._cancelling = False
        self._cancel = None
        self._ack = None
        self._peer = addr
        local = Address(sip_message.host_uri(end.layer.address, end.number), end.display, Parameters(tag=self._tag))
        target = sip_message.host_uri(addr, number)
        call_id = end.rng.bytes(8).hex()
        self._invite = sip_message.new_request("INVITE", target, 1, local, Address(target), call_id, self._via())
        self._invite.contact = self._contact()
        self._invite.headers.set("Allow", sip_message.ALLOW)
        end.layer.request(sip_message.with_body(self._invite, self._describe()), addr, self._on_response)

    def cancel(self):
        """CANCEL, as soon as a provisional response has come (RFC 3261 9.1); an answer that crosses it gets BYE."""
        self._cancelling = True
        if self._provisional and self._cancel is None:
            cancel = sip_message.cancel_of(self._invite)
            self._cancel = self._end.layer.request(cancel, self._peer, self._on_cancel_response)

    def hang_up(self):
        """CANCEL before the answer, BYE after it."""
        if self.state == "in-call":
            self._bye()
        elif self.state != "ended":
            self.cancel()

    def _on_cancel_response(self, response):
        if response is None and self.final_status is None:
            self._refused(408)

    def _on_response(self, response):
        if response is None:
            self._refused(408)
        elif response.code < 200:
            self._provisional = True
            if response.code > 100 and self.state == "calling":
                self.state = "ringing"
            if self._cancelling:
                self.cancel()
        elif response.code < 300:
            self._accepted(response)
        else:
            self._refused(response.code)

    def _refused(self, status):
        self.final_status = status
        self._finish()

    def _accepted(self, response):
        if self.dialog is None:
            self._establish(response)
        elif self._ack is not None:
            self._end.layer.send(self._ack, self.dialog.next_hop)

    def _establish(self, response):
        request = self._invite
        target = response.contact[0].uri if response.contact else request.uri
        self.dialog = sip_message.Dialog(
            request.call_id,
            request.from_address,
            response.to_address,
            target,
            self._peer,
            request.cseq.sequence,
            response.record_route[::-1],
        )
        ack = self.dialog.request("ACK", self._via(), request.cseq.sequence)
        self._ack = bytes(ack)
        self._end.layer.send(self._ack, self.dialog.next_hop)
        self.final_status = self.final_status or response.code
        media = sdp.read(response.body)
        if self._cancelling or media is None or self.state == "ended":
            self._bye()
        else:
            self.state = "in-call"
            self._listen_to(media)
