"""Texts on their way: SMS-SUBMIT read, SMS-DELIVER written (TS 23.040 9.2.2)."""

from micropython import const

from femtojack.gsm import alphabet, number
from femtojack.gsm.l3 import bcd_digits

MOST_DATA = const(140)  # octets of user data, 9.2.3.24
MOST_PARTS = const(4)  # of one text to a phone

_TYPE = const(0x03)  # 9.2.3.1
_SUBMIT = const(0x01)
_NO_MORE = const(0x04)  # of DELIVER, 9.2.3.2: no more messages wait
_HAS_HEADER = const(0x40)  # 9.2.3.23
_VALIDITY = (0, 7, 1, 7)  # octets of TP-VP by its format, 9.2.3.3
_MOST_ADDRESS = const(20)  # semi-octets, 9.1.2.5
_ALPHANUMERIC = const(0xD0)
_TYPE_OF_NUMBER = const(0x70)
_INTERNATIONAL_TYPE = const(0x10)

SEPTETS = const(0)  # the alphabets of a coding scheme, TS 23.038 4
OCTETS = const(1)
UCS2 = const(2)

_CONCATENATED = const(6)  # octets of a header that says: one part of several (9.2.3.24.1)
_HEADER_SEPTETS = const(7)
_SEPTETS_ALONE = const(160)
_PART_SEPTETS = const(153)
_PART_UCS2 = const(134)  # octets
_UCS2_CODING = const(8)
_HIGH_SURROGATE = const(0xD8)  # the first octet's upper six bits
# 2000-01-01 00:00, UTC: a box has no clock (9.2.3.11)
_NO_TIME = b"\x00\x10\x10\x00\x00\x00\x00"


class Submit:
    """A text that a phone sends. `destination` is a number; the rest is as TS 23.040 has it.

    `length` counts septets or octets, as `coding` says; `data` is the user data, with its header if `has_header`.
    """

    def __init__(self, destination, protocol, coding, has_header, length, data):
        self.destination = destination
        self.protocol, self.coding = protocol, coding
        self.has_header, self.length, self.data = has_header, length, data

    @property
    def text(self):
        """What it says, without header; octets that are no text are Latin letters or what they look like."""
        kind = alphabet_of(self.coding)
        header = self.data[0] + 1 if self.has_header and self.data else 0
        if kind == SEPTETS:
            skipped = (header * 8 + 6) // 7
            codes = alphabet.unpack(self.data[header:], self.length - skipped, skipped * 7 - header * 8)
            return alphabet.text_of(codes)
        if kind == UCS2:
            return alphabet.ucs2_text(self.data[header:])
        return "".join([chr(octet) for octet in self.data[header:]])

    def deliver(self, origin, more=False):
        """The SMS-DELIVER to the phone it is for."""
        return _deliver(origin, self.protocol, self.coding, self.has_header, self.length, self.data)


def alphabet_of(coding):
    """SEPTETS, OCTETS or UCS2 of a data coding scheme (TS 23.038 4)."""
    group = coding >> 4
    if group < 8 and not coding & 0x20:  # general; what is compressed cannot be read
        return (SEPTETS, OCTETS, UCS2, SEPTETS)[coding >> 2 & 3]
    if group < 8:
        return OCTETS
    if group == 14:
        return UCS2
    return OCTETS if group == 15 and coding & 4 else SEPTETS


def submit(data):
    """The Submit in a TPDU, or None if it is none or is cut off."""
    if len(data) < 4 or data[0] & _TYPE != _SUBMIT:
        return None
    semi = data[2]
    at = 4 + (semi + 1) // 2
    validity = _VALIDITY[data[0] >> 3 & 3]
    if semi > _MOST_ADDRESS or len(data) < at + 3 + validity:
        return None
    destination = bcd_digits(data[4:at])[:semi]
    if data[3] & _TYPE_OF_NUMBER == _INTERNATIONAL_TYPE:
        destination = "+" + destination
    coding = data[at + 1]
    end = at + 2 + validity
    length = data[end]
    octets = (length * 7 + 7) // 8 if alphabet_of(coding) == SEPTETS else length
    body = bytes(data[end + 1 : end + 1 + octets])
    has_header = data[0] & _HAS_HEADER != 0
    if octets > MOST_DATA or len(body) < octets or (has_header and not (body and body[0] < len(body))):
        return None
    return Submit(destination, data[at], coding, has_header, length, body)


def delivers(origin, text, reference):
    """The SMS-DELIVERs that carry `text`, in parts with `reference` (0..255); None: more than MOST_PARTS."""
    data = alphabet.septets(text)
    coding, room, part = 0, _SEPTETS_ALONE, _PART_SEPTETS
    if data is None:
        data = alphabet.ucs2(text)
        coding, room, part = _UCS2_CODING, MOST_DATA, _PART_UCS2
    if len(data) <= room:
        return [_deliver(origin, 0, coding, False, len(data), data if coding else alphabet.pack(data))]
    pieces = _pieces(data, part, coding)
    if len(pieces) > MOST_PARTS:
        return None
    return [
        _part(origin, coding, pieces[i], bytes((5, 0, 3, reference, len(pieces), i + 1))) for i in range(len(pieces))
    ]


def _pieces(data, part, coding):
    """`data` in pieces of at most `part`, no character cut in two."""
    pieces = []
    while data:
        end = min(part, len(data))
        if end < len(data):
            if coding and data[end - 2] & 0xFC == _HIGH_SURROGATE:
                end -= 2
            elif not coding and data[end - 1] == alphabet.ESCAPE:
                end -= 1
        pieces.append(data[:end])
        data = data[end:]
    return pieces


def _part(origin, coding, piece, header):
    if coding:
        return _deliver(origin, 0, coding, True, _CONCATENATED + len(piece), header + piece)
    return _deliver(origin, 0, coding, True, _HEADER_SEPTETS + len(piece), header + alphabet.pack(piece, 1))


def _deliver(origin, protocol, coding, has_header, length, data):
    first = _NO_MORE | (_HAS_HEADER if has_header else 0)
    return bytes((first,)) + _address(origin) + bytes((protocol, coding)) + _NO_TIME + bytes((length,)) + data


def _address(origin):
    """An originating address: a number, or a name of up to 11 letters (9.1.2.5)."""
    if number.can_be_dialled(origin) and len(origin) <= _MOST_ADDRESS:
        count = len(origin) - (origin[:1] == "+")
        return bytes((count, number.kind(origin))) + number.digits(origin)
    codes = alphabet.septets(origin[:11]) or b""
    packed = alphabet.pack(codes[:11])
    return bytes(((len(codes[:11]) * 7 + 3) // 4, _ALPHANUMERIC)) + packed
