"""Short messages (TS 24.011, TS 23.040) and USSD (TS 24.080), the phone's side."""

from collections import deque
from typing import NamedTuple

from femtohost.peers import gsm_l3 as l3
from femtohost.peers.gsm_mm import SERVICE_SMS, SERVICE_SS
from femtohost.peers.gsm_text import pack, unpack
from femtohost.peers.gsm_timers import Timers

CP_DATA, CP_ACK, CP_ERROR = 0x01, 0x04, 0x10
RP_DATA_UP, RP_DATA_DOWN, RP_ACK_UP, RP_ACK_DOWN, RP_ERROR_UP, RP_ERROR_DOWN = range(6)  # TS 24.011 8.2.2
RP_USER_DATA, RP_CAUSE_MEMORY = 0x41, 22
SERVICE_CENTRE = "+1234567"
UCS2 = 0x08
TC1_S, TR1M_S, LINK_S = 20, 40, 10
CP_RETRIES = 2


class Text(NamedTuple):
    """A short message: the other's number, and what it says."""

    number: str
    text: str


def address(number):
    """An address of TS 23.040 9.1.2.5: length in digits, type, digits."""
    plain = number.lstrip("+")
    return bytes((len(plain), 0x91 if number.startswith("+") else 0x81)) + l3.bcd(plain)


def submit(reference, number, text):
    """SMS-SUBMIT (9.2.2.2), in the default alphabet, or UCS-2 where that has not all letters."""
    try:
        octets, length = pack(text)
        scheme = 0
    except ValueError:
        octets, scheme = text.encode("utf-16-be"), UCS2
        length = len(octets)
    if len(octets) > 140:
        raise ValueError(f"{len(text)} letters are more than one short message holds")
    return bytes((0x01, reference)) + address(number) + bytes((0, scheme, length)) + octets


def read_deliver(tpdu):
    """The Text of an SMS-DELIVER (9.2.2.1)."""
    reader = l3.Reader(tpdu)
    first, count, kind = reader.octet(), reader.octet(), reader.octet()
    value = reader.take((count + 1) // 2)
    if kind >> 4 & 7 == 5:
        number = unpack(value, count * 4 // 7)
    else:
        number = ("+" if kind >> 4 & 7 == 1 else "") + l3.digits(value)[:count]
    reader.octet()
    scheme = reader.octet()
    reader.take(7)
    return Text(number, read_user_data(first, scheme, reader.octet(), reader.rest()))


def read_user_data(first, scheme, length, data):
    """The text; a user data header (9.2.3.24) is left out."""
    header = data[0] + 1 if first & 0x40 and data else 0
    if scheme & 0x0C == UCS2:
        return data[header:length].decode("utf-16-be", "replace")
    if scheme & 0x0C:
        return data[header:length].decode("latin-1")
    return unpack(data, length)[-(-header * 8 // 7) :]


class Messages:
    """Sends one at a time, takes what comes. `sent`: results of `send`, in order: "sent", or why not."""

    def __init__(self, clock, mm, habits):
        self._clock, self._mm, self._habits = clock, mm, habits
        self.timers = Timers(clock)
        self.inbox, self.sent = [], []
        self.on_text = lambda text: None
        self._queue = deque()
        self._reference = 0
        self._state = "IDLE"  # ASKING, LINK, WAIT_CP, WAIT_RP
        self._tis = 0

    @property
    def active(self):
        return bool(self._queue) or self._state != "IDLE"

    # -- outgoing -------------------------------------------------------------------------------------------------

    def send(self, number, text):
        """ValueError: it does not fit."""
        self._reference = self._reference + 1 & 0xFF
        self._queue.append(submit(self._reference, number, text))
        self._next()

    def _next(self):
        if self._queue and self._state == "IDLE":
            self._state = "ASKING"
            self._mm.request(SERVICE_SMS, self)

    def granted(self):
        if self._state != "ASKING":  # the text that asked has been given up in the meantime
            return
        self._state = "LINK"
        if self._mm.rr.sapi3_up:
            self.link(True, "")
        else:
            self.timers.start("link", LINK_S, lambda: self._done("no SAPI 3"))
            self._mm.rr.establish_sapi3()

    def refused(self, cause):
        self._done(f"refused {cause}" if cause else "no channel")

    def released(self, why):
        if self._state not in ("IDLE", "ASKING"):
            self._done(why)

    def link(self, up, why):
        """SAPI 3 is up or down."""
        if up and self._state == "LINK":
            self.timers.stop("link")
            self._state = "WAIT_CP"
            self._tries = 0
            self._tis = (self._tis + 1) % 7
            self._send_cp_data()
        elif not up and self._state not in ("IDLE", "ASKING"):
            self._done(why or "SAPI 3 released")

    def _send_cp_data(self):
        head = bytes((RP_DATA_UP, self._reference, 0))
        destination = l3.lv(bytes((0x91,)) + l3.bcd(SERVICE_CENTRE.lstrip("+")))
        self._send_cp(self._tis << 4, CP_DATA, l3.lv(head + destination + l3.lv(self._queue[0])))
        self.timers.start("TC1", TC1_S, self._again)

    def _again(self):
        self._tries += 1
        if self._tries > CP_RETRIES:
            self._done("TC1")
        else:
            self._send_cp_data()

    def _send_cp(self, ti, kind, rest=b""):
        self._mm.send(bytes((ti | l3.SMS, kind)) + rest, 3)

    def _done(self, result):
        self.timers.stop_all()
        self._state = "IDLE"
        if self._queue:
            self._queue.popleft()
            self.sent.append(result)
        self._next()

    # -- incoming -------------------------------------------------------------------------------------------------

    def received(self, message):
        ti, kind = message[0] & 0xF0, message[1]
        own = bool(ti & 0x80)
        if kind == CP_DATA:
            self._send_cp(ti ^ 0x80, CP_ACK)
            self._received_rp(ti ^ 0x80, l3.Reader(message, 2).lv())
        elif kind == CP_ACK and own and self._state == "WAIT_CP":
            self._state = "WAIT_RP"
            self.timers.stop("TC1")
            self.timers.start("TR1M", TR1M_S, lambda: self._done("TR1M"))
        elif kind == CP_ERROR and own and self._state != "IDLE":
            self._done(f"CP-ERROR {message[2] if len(message) > 2 else 0}")

    def _received_rp(self, ti, rpdu):
        reader = l3.Reader(rpdu)
        kind, reference = reader.octet() & 7, reader.octet()
        if kind == RP_ACK_DOWN:
            self._done("sent")
        elif kind == RP_ERROR_DOWN:
            self._done(f"RP-ERROR {reader.lv()[0] & 0x7F}")
        elif kind == RP_DATA_DOWN:
            reader.lv(), reader.lv()
            self._deliver(ti, reference, reader.lv())

    def _deliver(self, ti, reference, tpdu):
        if "rp error" in self._habits:
            answer = bytes((RP_ERROR_UP, reference, 1, RP_CAUSE_MEMORY))
        else:
            text = read_deliver(tpdu)
            self.inbox.append(text)
            self.on_text(text)
            answer = bytes((RP_ACK_UP, reference))
        self._send_cp(ti, CP_DATA, l3.lv(answer))


# -- USSD -------------------------------------------------------------------------------------------------------------

REGISTER, SS_FACILITY, SS_RELEASE_COMPLETE = 0x3B, 0x3A, 0x2A
INVOKE, RETURN_RESULT, RETURN_ERROR, REJECT = 0xA1, 0xA2, 0xA3, 0xA4
PROCESS_USSD = 59  # processUnstructuredSS-Request (TS 24.080 3.6)
USSD_ALPHABET = 0x0F  # default alphabet, language unspecified (TS 23.038 5)


class Ussd:
    """`answers`: what came back to each request, text, or None where it was refused."""

    def __init__(self, mm):
        self._mm = mm
        self.answers = []
        self._code = None
        self._connected = False

    @property
    def active(self):
        return self._code is not None

    def ask(self, code):
        """Send `code`, such as *#100#."""
        self._code, self._connected = code, False
        self._mm.request(SERVICE_SS, self)

    def granted(self):
        self._connected = True
        octets, _ = pack(self._code)
        parameter = bytes((0x30,)) + l3.lv(l3.tlv(0x04, bytes((USSD_ALPHABET,))) + l3.tlv(0x04, octets))
        invoke = bytes((INVOKE,)) + l3.lv(l3.tlv(2, b"\1") + l3.tlv(2, bytes((PROCESS_USSD,))) + parameter)
        version_2 = l3.tlv(0x7F, b"\0")
        self._mm.send(bytes((l3.SS, REGISTER)) + l3.tlv(0x1C, invoke) + version_2)

    def refused(self, cause):
        self._done(None)

    def released(self, why):
        if self._code is not None and self._connected:
            self._done(None)

    def received(self, message):
        kind, reader = message[1] & 0x3F, l3.Reader(message, 2)
        if kind == SS_FACILITY:
            self._done(self._text(reader.lv()))
        elif kind == SS_RELEASE_COMPLETE:
            facility = reader.elements().get(0x1C)
            if self._code is not None:
                self._done(self._text(facility) if facility else None)

    def _text(self, component):
        """The string of a return result: the last of its octet strings, after the alphabet's."""
        if not component or component[0] != RETURN_RESULT:
            return None
        at = component.find(bytes((0x04, 0x01, USSD_ALPHABET, 0x04)))
        if at < 0:
            raise l3.BadMessage("a result without text in the default alphabet")
        octets = l3.Reader(component, at + 4).lv()
        return unpack(octets, 8 * len(octets) // 7).rstrip("\r")

    def _done(self, answer):
        self._code = None
        self.answers.append(answer)
