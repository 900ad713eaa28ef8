"""The far end: a SIP talker in virtual time. It makes and takes calls, speaks, listens, and plays registrar.

It is the independent other end of the firmware's SIP: it reads with sipmessage, and shares nothing with the firmware.
"""

import numpy as np
from sipmessage import Address

from femtohost.network import endpoint
from femtohost.peers.registrar import Authenticator, Registrar
from femtohost.peers.rtp import Talk
from femtohost.peers.sip_call import IncomingCall, OutgoingCall
from femtohost.peers.sip_message import ALLOW, PORT, host_uri, new_request, new_via, response_to, tagged
from femtohost.peers.sip_transaction import TransactionLayer

GATEWAY = endpoint(b"\x0a\x00\x00\x01", PORT)


class FarEnd:
    """A telephone at the other end of the network. One call at a time: a second INVITE gets 486.

    clock: femtohost.clock.Clock; network: femtohost.network.Network; rng: numpy.random.Generator; address: IPv4, 4
    octets; port: of SIP.

    How it behaves, to be set at any time and looked at when an INVITE arrives:
        ring_after_s, answer_after_s   seconds from the INVITE to 180 and to 200; None = never
        reject                         None, or the status to refuse calls with: 486, 404, 503 ...
        password                       None, or what INVITE (407) and REGISTER (401) must prove by digest
        register_reject                None, or the status to refuse REGISTER with: 403, 404 ...
        register_longest_s             seconds granted at most to a REGISTER
        events                         payload type of telephone-event (RFC 4733) to offer and to take; None: neither
        text_status                    what MESSAGE is answered with: 200, 404 ...
        number, display                own telephone number and name

    What happened:
        state          of the latest call: "idle" (none yet), "calling", "ringing", "in-call", "ended"
        final_status   of its INVITE, None so far
        caller, dialled  numbers of the latest incoming call
        on_hold        the other side holds the latest call
        stream         the latest call's femtohost.peers.rtp.RtpStream, or None
        registrar.contact(user)  URI where a user has registered, or None
        texts          [(sender's number, number that it was for, text)] that came by MESSAGE (RFC 3428)
        text_answers   statuses of those that were sent; 408: none came
        messages       [(time_ns, "sent" or "received", octets)]
        malformed      datagrams that were not SIP
    """

    def __init__(self, clock, network, rng, address=b"\x0a\x00\x00\x02", port=PORT):
        self.clock, self.network, self.rng = clock, network, rng
        self.ring_after_s = 0.1
        self.answer_after_s = 2.0
        self.reject = self.register_reject = self.password = None
        self.register_longest_s = 3600
        self.events = None
        self.text_status = 200
        self.texts, self.text_answers = [], []
        self.number, self.display = "200", ""
        self.caller = self.dialled = None
        self.current_talk = Talk()
        self.layer = TransactionLayer(clock, network, address, port, self._on_request)
        self._authenticator = Authenticator(rng)
        self.registrar = Registrar(clock, rng, self._authenticator)
        self._call = None
        self._tag = rng.bytes(4).hex()

    @property
    def state(self):
        return self._call.state if self._call else "idle"

    @property
    def final_status(self):
        return self._call.final_status if self._call else None

    @property
    def on_hold(self):
        return self._call is not None and self._call.peer_holds

    @property
    def stream(self):
        return self._call.stream if self._call else None

    @property
    def messages(self):
        return self.layer.messages

    @property
    def malformed(self):
        return self.layer.malformed

    def talk(self, samples, start_after_s=0.5, loop=True, gate=None):
        """Say int16 `samples` (8 kHz) in this call and the next ones; femtohost.peers.rtp.Talk tells the rest."""
        self.current_talk = Talk(samples, start_after_s, loop, gate)
        if self.stream:
            self.stream.say(self.current_talk)

    def stop_talking(self):
        """Say nothing from now on: silence goes out."""
        self.talk(())

    def heard(self):
        """What came in during the latest call, int16; lost frames are zeros."""
        return self.stream.heard() if self.stream else np.zeros(0, dtype=np.int16)

    def call(self, number, addr=GATEWAY):
        """Start a call to `number` at the endpoint `addr` (6 octets). ValueError while another one is under way."""
        if self.state not in ("idle", "ended"):
            raise ValueError(f"a call is under way ({self.state}); hang up first")
        self._call = OutgoingCall(self, number, addr)

    def cancel(self):
        """Give up the call that was started and is not answered yet."""
        if not isinstance(self._call, OutgoingCall) or self.state not in ("calling", "ringing"):
            raise ValueError(f"no outgoing call to cancel (state {self.state})")
        self._call.cancel()

    def answer(self):
        """Answer the incoming call now."""
        if not isinstance(self._call, IncomingCall) or not self._call.waiting:
            raise ValueError(f"no incoming call to answer (state {self.state})")
        self._call.answer()

    def hang_up(self):
        """End the call in whatever way its state asks for: BYE, CANCEL, 480; nothing when there is none."""
        if self._call:
            self._call.hang_up()

    def press(self, keys):
        """Key digits as telephone-events. ValueError where the call has none."""
        if self.stream is None or self.stream.events is None:
            raise ValueError("no telephone-event in this call")
        self.stream.press(keys)

    def hold(self, on=True):
        """Put the other side on hold, or take it back. ValueError where no call is up."""
        if self.state != "in-call":
            raise ValueError(f"no call to hold (state {self.state})")
        self._call.hold(on)

    def send_text(self, number, text, addr=GATEWAY):
        """Send `text` to `number` at the endpoint `addr` (6 octets)."""
        local = tagged(Address(host_uri(self.layer.address, self.number)), self.rng.bytes(4).hex())
        uri = host_uri(addr, number)
        via = new_via(self.layer.address, self.rng)
        request = new_request("MESSAGE", uri, 1, local, Address(uri), self.rng.bytes(8).hex(), via)
        request.headers.set("Content-Type", "text/plain;charset=utf-8")
        request.body = text.encode()
        request.content_length = len(request.body)
        self.layer.request(request, addr, self._on_text_answer)

    def _on_text_answer(self, response):
        if response is None or response.code >= 200:
            self.text_answers.append(response.code if response else 408)

    def _on_text(self, transaction):
        request = transaction.request
        refusal = self._authenticator.refusal(request, 407, self.password)
        if refusal is None and self.text_status < 300:
            text = bytes(request.body).decode()
            self.texts.append((request.from_address.name or request.from_address.uri.user, request.uri.user, text))
        transaction.respond(refusal or response_to(request, self.text_status, self._tag))

    def respond_outside(self, transaction):
        """Answer a request that concerns no call: OPTIONS and INFO with 200, others with 405."""
        code = 200 if transaction.request.method in ("OPTIONS", "INFO") else 405
        response = response_to(transaction.request, code, self._tag)
        response.headers.set("Allow", ALLOW)
        transaction.respond(response)

    def _on_request(self, transaction):
        request = transaction.request
        if request.method == "CANCEL":
            self._on_cancel(transaction)
        elif self._call and self._call.dialog and self._call.dialog.owns(request):
            self._call.receive(transaction)
        elif request.method == "ACK":
            return  # of nothing that is known: RFC 3261 17.2 has no answer to it
        elif "tag" in request.to_address.parameters or request.method == "BYE":
            transaction.respond(response_to(request, 481, self._tag))
        elif request.method == "INVITE":
            self._on_invite(transaction)
        elif request.method == "MESSAGE":
            self._on_text(transaction)
        elif request.method == "REGISTER":
            self.registrar.receive(transaction, self.register_reject, self.password, self.register_longest_s)
        else:
            self.respond_outside(transaction)

    def _on_invite(self, transaction):
        request = transaction.request
        refusal = self._authenticator.refusal(request, 407, self.password)
        if refusal is None and self.state not in ("idle", "ended"):
            refusal = response_to(request, 486, self._tag)
        if refusal is not None:
            transaction.respond(refusal)
            return
        self.caller, self.dialled = request.from_address.uri.user, request.uri.user
        self._call = IncomingCall(self, transaction)

    def _on_cancel(self, transaction):
        invite = self.layer.cancelled(transaction.request)
        code = 200 if invite is not None else 481
        transaction.respond(response_to(transaction.request, code, self._tag))
        if isinstance(self._call, IncomingCall) and self._call.is_of(invite):
            self._call.reject(487)
