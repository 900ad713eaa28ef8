"""Radio resources, the phone's side (TS 44.018): camping, random access, paging, the dedicated channel."""

from femtohost.models.gsm_air import NO_SUB_SLOT, AirFrame
from femtohost.models.gsm_frames import FACCH_F, HYPERFRAME, RACH, RACH_COMBINED, SDCCH4, SDCCH8, reduced
from femtohost.peers import gsm_l3 as l3
from femtohost.peers.gsm_channel import UPLINK_LATE, FrameClock, PhoneChannel
from femtohost.peers.gsm_timers import Timers

# Message types with their protocol discriminator (TS 44.018 10.4)
SI1, SI2, SI3, SI4 = 0x19, 0x1A, 0x1B, 0x1C
IMMEDIATE_ASSIGNMENT, IMMEDIATE_EXTENDED, IMMEDIATE_REJECT = 0x3F, 0x39, 0x3A
PAGING_1, PAGING_2, PAGING_3 = 0x21, 0x22, 0x24
CHANNEL_RELEASE, ASSIGNMENT_COMMAND, ASSIGNMENT_COMPLETE, ASSIGNMENT_FAILURE = 0x0D, 0x2E, 0x29, 0x2F
CIPHERING_COMMAND, CIPHERING_COMPLETE = 0x35, 0x32
CLASSMARK_ENQUIRY, CLASSMARK_CHANGE = 0x13, 0x16
MODE_MODIFY, MODE_ACKNOWLEDGE = 0x10, 0x17
RR_STATUS, PAGING_RESPONSE = 0x12, 0x27
MESSAGE_TYPE_UNKNOWN, CHANNEL_UNACCEPTABLE = 0x61, 0x08  # causes (10.5.2.31)

CALL, EMERGENCY, ANSWER, UPDATE, OTHER = "call", "emergency", "answer", "update", "other"

TX_INTEGER = (3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 16, 20, 25, 32, 50)  # slots to spread over (10.5.2.29)
MAX_RETRANS = (1, 2, 4, 7)
SPACING = {3: 55, 4: 76, 5: 109, 6: 163, 7: 217}  # S (3.3.1.1.2), by how T and its neighbours share it
SPACING_COMBINED = {3: 41, 4: 52, 5: 58, 6: 86, 7: 115}
KEPT_BURSTS = 3  # of the last bursts an assignment may refer to
T3126_S = 5
WAIT_AFTER_LOSS_S = 1.0


class Cell:
    """What the phone knows of a cell by its system information."""

    def __init__(self):
        self.seen = set()
        self.area = self.identity = None
        self.combined = False
        self.attach = False  # IMSI attach and detach are wanted
        self.update_s = 0  # T3212
        self.neci = False
        self.barred = False
        self.retrans, self.slots = 7, 12

    @property
    def known(self):
        return SI3 in self.seen

    def learn(self, kind, body):
        """One message of the BCCH; `body` is what follows its type."""
        self.seen.add(kind)
        reader = l3.Reader(body)
        if kind == SI3:
            self.identity = reader.take(2)
            self.area = reader.take(5)
            description = reader.take(3)
            self.attach, self.combined = bool(description[0] & 0x40), description[0] & 7 == 1
            self.update_s = description[2] * 360  # decihours
            reader.take(1)
            self._learn_selection(reader.take(2))
            self._learn_rach(reader.take(3))

    def _learn_selection(self, value):
        self.neci = bool(value[1] & 0x40)

    def _learn_rach(self, value):
        self.retrans = MAX_RETRANS[value[0] >> 6]
        self.slots = TX_INTEGER[value[0] >> 2 & 15]
        self.barred = bool(value[0] & 2)

    def spacing(self):
        """S of the random access procedure, in RACH slots."""
        index = TX_INTEGER.index(self.slots)
        group = 3 + (index % 5 if index < 15 else 0)
        return (SPACING_COMBINED if self.combined else SPACING)[group]


class RadioResources:
    """OFF, SEARCHING, IDLE (camped), ACCESS, DEDICATED, LEAVING.

    user: the phone's mobility management: `camped()`, `lost_cell()`, `rr_connected()`, `rr_failed(why)`,
    `rr_received(sapi, message)`, `rr_released(why)`, `secured()`, `paged(identity)`, `sapi3(up, why)`, `speech(frame)`.
    """

    def __init__(self, clock, air, rng, user, arfcn):
        self._clock, self._air, self._rng, self._user = clock, air, rng, user
        self.arfcn = arfcn
        self.state = "OFF"
        self.cell = Cell()
        self.channel = None
        self.frames = FrameClock(clock)
        self.timers = Timers(clock)
        self.bad_frames = self.bad_messages = 0
        self.cipher = 0
        self.radio = True  # False: no coverage
        self.speech_source = None
        self._bursts = []
        self._old = None  # the channel before an assignment
        self._suspended = []  # messages that wait for it to be over (3.4.3.3)
        self._reading = False
        self._common = {
            SI1: self._learn, SI2: self._learn, SI3: self._learn, SI4: self._learn, PAGING_1: self._page,
            PAGING_2: self._page, PAGING_3: self._page, IMMEDIATE_ASSIGNMENT: self._assigned,
            IMMEDIATE_EXTENDED: self._assigned, IMMEDIATE_REJECT: self._rejected,
        }  # fmt: skip
        self._messages = {
            CHANNEL_RELEASE: self._on_release, ASSIGNMENT_COMMAND: self._on_assignment, MODE_MODIFY: self._on_mode,
            CIPHERING_COMMAND: self._on_cipher, CLASSMARK_ENQUIRY: self._on_enquiry, RR_STATUS: self._on_status,
        }  # fmt: skip

    def _become(self, state):
        self.state = state

    # -- power and coverage ---------------------------------------------------------------------------------------

    def start(self):
        """Search for the cell and camp on it."""
        self._become("SEARCHING")
        self.cell = Cell()
        self._air.tune(self, (self.arfcn, 0, NO_SUB_SLOT))
        self._read(True)

    def stop(self):
        self._drop_channel()
        self.timers.stop_all()
        self._read(False)
        self._air.detune(self, (self.arfcn, 0, NO_SUB_SLOT))
        self._become("OFF")

    def _read(self, on):
        if on != self._reading:
            self._reading = on
            self._air.want_bcch(1 if on else -1)

    def hears(self):
        return self.radio

    def transmit(self, frame):
        if self.radio:
            self._air.uplink(frame)

    def carrier(self, on):
        """The cell goes or comes back."""
        if self.state == "OFF":
            return
        if on:
            self.start()
        else:
            self._lose()

    def _lose(self):
        connected = self.state in ("ACCESS", "DEDICATED", "LEAVING")
        self._drop_channel()
        self.timers.stop_all()
        self.start()
        if connected:
            self._user.rr_released("no cell")
        self._user.lost_cell()

    def set_coverage(self, on):
        self.radio = on

    # -- common channels ------------------------------------------------------------------------------------------

    def receive(self, frame):
        """A frame of BCCH or CCCH."""
        if not self.radio or len(frame.payload) != 23:
            return
        self.frames.hear(frame.fn)
        length, discriminator, kind = frame.payload[0] >> 2, frame.payload[1], frame.payload[2]
        if discriminator != l3.RR or not frame.payload[0] & 1:
            return
        # The pseudo length leaves rest octets out, and of SI 1 to 4 the phone reads no further.
        body = frame.payload[3 : 1 + max(length, 2)]
        handler = self._common.get(kind)
        try:
            if handler:
                handler(kind, body)
        except (l3.BadMessage, IndexError):
            self.bad_messages += 1

    def _learn(self, kind, body):
        self.cell.learn(kind, body)
        if self.state == "SEARCHING" and self.cell.known and not self.cell.barred:
            self._become("IDLE")
            self._read(False)
            self._user.camped()

    def _page(self, kind, body):
        if self.state != "IDLE":
            return
        for identity in paged_identities(kind, body):
            if self._user.is_me(identity):
                self._user.paged(identity)
                return

    # -- random access (3.3.1.1) ----------------------------------------------------------------------------------

    def connect(self, reason, message):
        """Ask for a channel and send `message` on it: `rr_connected` or `rr_failed` follows."""
        if self.state != "IDLE":
            self._clock.after(0, lambda: self._user.rr_failed("not camped"))
            return
        self._become("ACCESS")
        self._reason, self._message = reason, message
        self._bursts = []
        self._left = self.cell.retrans + 1
        self._burst_in(int(self._rng.integers(0, max(self.cell.slots, 8))))

    def _burst_in(self, slots):
        """A burst after so many RACH slots."""
        count = self.frames.count() + 1
        while slots > 0 or (self.cell.combined and count % 51 not in RACH_COMBINED):
            slots -= not self.cell.combined or count % 51 in RACH_COMBINED
            count += 1
        seconds = (self.frames.time(count) + UPLINK_LATE - self._clock.now) / 1e9
        self.timers.start("burst", max(seconds, 0), self._burst)

    def _burst(self):
        if not self._left:
            self.timers.start("T3126", T3126_S, lambda: self._access_failed("no answer"))
            return
        self._left -= 1
        fn = self.frames.count() % HYPERFRAME
        ra = self.random_access(self._reason)
        self._bursts = [*self._bursts, (ra, fn)][-KEPT_BURSTS:]
        self.transmit(AirFrame(self.arfcn, True, 0, fn, RACH, 0, bytes((ra,))))
        self._burst_in(self.cell.spacing() + int(self._rng.integers(0, self.cell.slots)))

    def random_access(self, reason):
        """A random octet with the establishment cause (9.1.8)."""
        neci = self.cell.neci
        high, bits = {
            CALL: (0xE0, 5), EMERGENCY: (0xA0, 5), ANSWER: (0x80, 5), UPDATE: (0x00, 4 if neci else 5),
            OTHER: (0x10, 4) if neci else (0xE0, 5),
        }[reason]  # fmt: skip
        return high | int(self._rng.integers(0, 1 << bits))

    def _access_failed(self, why):
        self.timers.stop("burst", "T3126")
        self._become("IDLE")
        self._user.rr_failed(why)

    def _assigned(self, kind, body):
        """IMMEDIATE ASSIGNMENT (9.1.18) or its extended form (9.1.19)."""
        if self.state != "ACCESS":
            return
        reader = l3.Reader(body)
        reader.octet()
        for _ in range(1 if kind == IMMEDIATE_ASSIGNMENT else 2):
            description, reference, advance = reader.take(3), reader.take(3), reader.octet()
            if self._is_mine(reference):
                self.timers.stop("burst", "T3126", "T3122")
                self._enter(description, advance)
                return

    def _is_mine(self, reference):
        return any(reference == request_reference(ra, fn) for ra, fn in self._bursts)

    def _rejected(self, kind, body):
        """IMMEDIATE ASSIGNMENT REJECT (9.1.20): four references, each with its T3122 in seconds."""
        if self.state != "ACCESS":
            return
        reader = l3.Reader(body)
        reader.octet()
        for _ in range(4):
            reference, wait = reader.take(3), reader.octet()
            if self._is_mine(reference):
                self.timers.stop("burst", "T3126")
                self._become("IDLE")
                self._user.rr_failed("rejected", wait)
                return

    # -- the dedicated channel ------------------------------------------------------------------------------------

    def _enter(self, description, advance):
        place = place_of(description)
        self._become("DEDICATED")
        self.cipher = 0
        self.channel = PhoneChannel(self._clock, self._air, self.frames, self, place, advance)
        self.channel.links[0].establish(self._message)

    def _drop_channel(self):
        for channel in (self.channel, self._old):
            if channel:
                channel.close()
        self.channel = self._old = None

    def send(self, message, sapi=0):
        """Layer 3, on the dedicated channel; nothing where there is none."""
        if self.state == "DEDICATED" and self.channel:
            if self._old:
                self._suspended.append((message, sapi))
            else:
                self._link(sapi).send(message)

    def _go_on(self, message):
        """The assignment is over: `message` says how, then the messages that waited."""
        self._link(0).send(message)
        waiting, self._suspended = self._suspended, []
        for message, sapi in waiting:
            self._link(sapi).send(message)

    def establish_sapi3(self):
        """SAPI 3, for short messages: on SACCH while there is a traffic channel (TS 44.006 Annex)."""
        self._link(3).establish()

    def _link(self, sapi):
        on_sacch = sapi == 3 and self.channel.channel == FACCH_F
        return (self.channel.sacch_links if on_sacch else self.channel.links)[sapi]

    @property
    def sapi3_up(self):
        return bool(self.channel) and self._link(3).state == "ESTABLISHED"

    def abort(self, why):
        """Leave without a word."""
        if self.state in ("DEDICATED", "ACCESS", "LEAVING"):
            self._leave(why)

    def _leave(self, why):
        self._drop_channel()
        self.timers.stop("burst", "T3126", "T3110")
        self._become("IDLE")
        self._user.rr_released(why)

    # from PhoneChannel

    def link_established(self, channel, sapi):
        if sapi == 3:
            self._user.sapi3(True, "")
        elif channel is self.channel and self._old:
            self._assignment_done()
        elif channel is self.channel:
            self._user.rr_connected()

    def link_received(self, channel, sapi, message):
        if channel is not self.channel or self.state != "DEDICATED":
            return
        if sapi == 0 and message[0] & 0x0F == l3.RR:
            self._received(message)
        else:
            self._user.rr_received(sapi, message)

    def link_released(self, channel, sapi, why):
        if sapi == 3:
            self._user.sapi3(False, why)
        elif channel is self.channel and self._old:
            self._assignment_failed(0x01)
        elif channel is self.channel:
            if self.state == "LEAVING":
                why = ""
            self._leave(why)

    def link_lost(self, channel):
        if channel is self.channel:
            self._leave("radio link lost")

    def speech_heard(self, frame):
        self._user.speech(frame)

    # -- messages -------------------------------------------------------------------------------------------------

    def _received(self, message):
        handler = self._messages.get(message[1] if len(message) > 1 else None)
        try:
            if handler:
                handler(l3.Reader(message, 2))
            else:
                self.send(bytes((l3.RR, RR_STATUS, MESSAGE_TYPE_UNKNOWN)))
        except l3.BadMessage:
            self.bad_messages += 1

    def _on_release(self, reader):
        """CHANNEL RELEASE: DISC, and away after T3110 at the latest (3.4.13.1)."""
        reader.octet()
        self._become("LEAVING")
        self.channel.speak(False)
        self.channel.links[0].release()
        self.timers.start("T3110", 2, lambda: self._leave(""))

    def _on_assignment(self, reader):
        """ASSIGNMENT COMMAND (9.1.2): over to the traffic channel; the old one waits until that has worked."""
        description = reader.take(3)
        reader.octet()
        mode = reader.elements({0x63: 1}).get(0x63, b"\0")
        place = place_of(description)
        refuses = "refuse assignment" in self._user.habits
        if refuses or place[2] != FACCH_F or mode not in (b"\x00", b"\x01"):
            self.send(bytes((l3.RR, ASSIGNMENT_FAILURE, CHANNEL_UNACCEPTABLE)))
            return
        self._old = self.channel
        self._old.park()
        self._suspended = [(message, 0) for message in self._old.links[0].unacknowledged]
        self.channel = PhoneChannel(self._clock, self._air, self.frames, self, place)
        self._mode = mode[0]
        self.channel.links[0].establish()

    def _assignment_done(self):
        self._old.close()
        self._old = None
        self._go_on(bytes((l3.RR, ASSIGNMENT_COMPLETE, 0)))
        self._set_mode(self._mode)

    def _assignment_failed(self, cause):
        self.channel.close()
        self.channel, self._old = self._old, None
        self.channel.resume()
        self.channel.links[0].establish()
        self._go_on(bytes((l3.RR, ASSIGNMENT_FAILURE, cause)))

    def _set_mode(self, mode):
        self.channel.source = self.speech_source
        self.channel.speak(mode == 1)

    def _on_mode(self, reader):
        description, mode = reader.take(3), reader.octet()
        if self.channel.channel == FACCH_F:
            self._set_mode(mode)
        self.send(bytes((l3.RR, MODE_ACKNOWLEDGE)) + description + bytes((mode,)))

    def _on_cipher(self, reader):
        setting = reader.octet()
        self.cipher = (setting >> 1 & 7) + 1 if setting & 1 else 0
        answer = bytes((l3.RR, CIPHERING_COMPLETE))
        self.send(answer + (l3.tlv(0x17, self._user.imeisv()) if setting & 0x10 else b""))
        self._user.secured()

    def _on_enquiry(self, reader):
        self.send(bytes((l3.RR, CLASSMARK_CHANGE)) + l3.lv(l3.CLASSMARK_2))

    def _on_status(self, reader):
        reader.octet()


def request_reference(ra, fn):
    """REQUEST REFERENCE (TS 44.018 10.5.2.30) of a burst."""
    t1, t2, t3 = reduced(fn)
    return bytes((ra, t1 << 3 | t3 >> 3, (t3 & 7) << 5 | t2))


def place_of(description):
    """(arfcn, tn, channel, sub_slot) of a CHANNEL DESCRIPTION."""
    number, arfcn = l3.channel_description(description)
    bits, tn = number >> 3, number & 7
    if bits == 1:
        return arfcn, tn, FACCH_F, 0
    if bits & 0x1C == 4:
        return arfcn, tn, SDCCH4, bits & 3
    if bits & 0x18 == 8:
        return arfcn, tn, SDCCH8, bits & 7
    raise l3.BadMessage(f"channel type {bits:05b}")


def paged_identities(kind, body):
    """(type, digits or octets) of those that a PAGING REQUEST (9.1.22 to 9.1.24) names."""
    reader = l3.Reader(body)
    reader.octet()
    if kind == PAGING_1:
        yield l3.read_identity(reader.lv())
    else:
        for _ in range(2 if kind == PAGING_2 else 4):
            yield l3.TMSI, reader.take(4)
    if kind != PAGING_3 and 0x17 in (more := reader.elements()):
        yield l3.read_identity(more[0x17])
