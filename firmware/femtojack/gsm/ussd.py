"""Short codes that a phone dials to ask the box: TS 24.090, network side.

*#100#   the phone's own number        *#101#   how the box is
"""

from micropython import const

from femtojack.gsm import alphabet, ss
from femtojack.gsm.causes import INVALID_MANDATORY, INVALID_TI
from femtojack.gsm.cc_messages import cause_element
from femtojack.gsm.l3 import PD_SS, find, lv, message_type, tlv

OWN_NUMBER = "*#100#"
STATUS = "*#101#"

# TS 24.080 table 3.1
REGISTER = const(0x3B)
RELEASE_COMPLETE = const(0x2A)
FACILITY = const(0x3A)

_FACILITY = const(0x1C)
_FLAG = const(0x80)
_TI = const(0x70)
_CODING = const(0x0F)  # default alphabet, no language named (TS 23.038 5)
_CARRIAGE_RETURN = const(0x0D)
_MOST_SEPTETS = const(182)  # 160 octets


class Ussd:
    """What the cell has for protocol discriminator 11. `status()` is a line on the box, of the default alphabet.

    Each request is answered at once and its transaction ends: nothing is kept.
    """

    def __init__(self, cell, status, trace):
        self._status = status
        self._trace = trace
        cell.users[PD_SS] = self

    def opened(self, connection, now):
        pass

    connected = assigned = opened

    def lost(self, connection, cause, now):
        pass

    assignment_failed = lost

    def received(self, connection, data, now):
        kind = message_type(data)
        has_ti = data[0] & _TI != _TI  # else an extension of it, which nobody has
        if kind >= 0 and kind != RELEASE_COMPLETE and has_ti:
            head = bytes((data[0] ^ _FLAG, RELEASE_COMPLETE))
            connection.send(head + self._answer(kind, data, connection.subscriber), now)
        connection.release(now)

    def _answer(self, kind, data, subscriber):
        """Elements of the RELEASE COMPLETE."""
        if kind != REGISTER:  # there is no transaction that it could belong to (TS 24.080 3.6)
            return cause_element(INVALID_TI)
        invoke = ss.invoke(lv(data, 3) if len(data) > 2 and data[2] == _FACILITY else find(data, 2, _FACILITY))
        if invoke is None:
            return cause_element(INVALID_MANDATORY)
        return tlv(_FACILITY, self._component(invoke, subscriber))

    def _component(self, invoke, subscriber):
        if invoke.operation != ss.PROCESS_UNSTRUCTURED:
            return ss.error(invoke, ss.FACILITY_NOT_SUPPORTED)
        asked = ss.text(invoke.parameter)
        answer = self._say(_read(*asked) if asked else "", subscriber)
        if answer is None:
            return ss.error(invoke, ss.UNEXPECTED_DATA_VALUE)
        return ss.result(invoke, ss.text_parameter(_CODING, _written(answer)))

    def _say(self, code, subscriber):
        self._trace("gsm.ussd", code.encode())
        if code == OWN_NUMBER:
            return "Your number: " + subscriber.number
        return self._status() if code == STATUS else None


def _read(coding, octets):
    return alphabet.text_of(alphabet.unpack(octets, len(octets) * 8 // 7)).rstrip("\r@") if coding == _CODING else ""


def _written(text):
    """Packed; where seven bits are left over, they are a carriage return and no @ (TS 23.038 6.1.2.3.1)."""
    codes = (alphabet.septets(text) or b"")[:_MOST_SEPTETS]
    if len(codes) % 8 == 7:
        codes += bytes((_CARRIAGE_RETURN,))
    return alphabet.pack(codes)
