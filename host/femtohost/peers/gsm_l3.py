"""Octets of layer 3 as the emulated phone writes and reads them (TS 24.008, TS 44.018, TS 24.007)."""

RR, MM, CC, SS, SMS = 6, 5, 3, 11, 9  # protocol discriminators (TS 24.007 11.2.3.1.1)

NO_IDENTITY, IMSI, IMEI, IMEISV, TMSI = range(5)  # types of identity (TS 24.008 10.5.1.4)
DELETED_LAC = 0xFFFE
BCD = "0123456789*#abc"

# TS 24.008 10.5.1.5, 10.5.1.6: R99, class 4 GSM 900 (2 W), A5/1, SMS over SDCCH, no more
CLASSMARK_1 = bytes((0x33,))
CLASSMARK_2 = bytes((0x33, 0x18, 0x80))


class BadMessage(ValueError):
    """Octets that are no message of the standard: the phone ignores or refuses them."""


class Reader:
    """Takes a message apart from its front. BadMessage when it ends too early."""

    def __init__(self, data, at=0):
        self._data, self._at = bytes(data), at

    def take(self, n):
        end = self._at + n
        if end > len(self._data):
            raise BadMessage(f"{len(self._data)} octets, {end} are needed")
        taken, self._at = self._data[self._at : end], end
        return taken

    def octet(self):
        return self.take(1)[0]

    def lv(self):
        """A value with its length before it."""
        return self.take(self.octet())

    def rest(self):
        return self.take(len(self._data) - self._at)

    def elements(self, fixed=None):
        """{tag: value} of the optional elements that are left (TS 24.007 11.2.1.1.4).

        `fixed`: {tag: octets after it} for those without a length. Of a repeated one the first counts. Type 1 and 2
        (tag in the upper half, bit 8 set) have their lower half as value.
        """
        found = {}
        while self._at < len(self._data):
            tag = self.octet()
            if tag & 0x80:
                found.setdefault(tag & 0xF0, bytes((tag & 0x0F,)))
                continue
            value = self.take(fixed[tag]) if fixed and tag in fixed else self.lv()
            found.setdefault(tag, value)
        return found


def tlv(tag, value):
    return bytes((tag, len(value))) + value


def lv(value):
    return bytes((len(value),)) + value


def bcd(digits):
    """Digits two in an octet, the first in the lower half, an odd one filled with 1111."""
    halves = [BCD.index(digit) for digit in digits.lower()] + [15] * (len(digits) % 2)
    return bytes(low | high << 4 for low, high in zip(halves[::2], halves[1::2], strict=True))


def digits(octets):
    """The digits of `bcd`, up to a filler."""
    text = ""
    for octet in octets:
        for half in (octet & 15, octet >> 4):
            if half == 15:
                return text
            text += BCD[half]
    return text


# -- identities (TS 24.008 10.5.1.3, 10.5.1.4) ------------------------------------------------------------------------


def identity(kind, text):
    """MOBILE IDENTITY, its value: `text` are digits; for TMSI four octets."""
    if kind == TMSI:
        return bytes((0xF4,)) + text
    odd = len(text) % 2
    halves = [int(text[0]) << 4 | odd << 3 | kind]
    return bytes(halves) + bcd(text[1:])


def read_identity(value):
    """(type, digits or octets) of a MOBILE IDENTITY's value."""
    if not value:
        raise BadMessage("an identity without octets")
    kind = value[0] & 7
    if kind == TMSI:
        if len(value) != 5:
            raise BadMessage("a TMSI has four octets")
        return kind, bytes(value[1:])
    if kind == NO_IDENTITY:
        return kind, ""
    return kind, digits(bytes((value[0] >> 4 | 0xF0,)))[:1] + digits(value[1:])


def location_area(mcc, mnc, lac):
    """The 5 octets of a location area identification; MNC of two or three digits."""
    third = mnc[2] if len(mnc) == 3 else "f"
    halves = mcc[0] + mcc[1] + mcc[2] + third + mnc[0] + mnc[1]
    values = [int(half, 16) for half in halves]
    plmn = bytes(low | high << 4 for low, high in zip(values[::2], values[1::2], strict=True))
    return plmn + lac.to_bytes(2, "big")


# -- calls ------------------------------------------------------------------------------------------------------------

# BEARER CAPABILITY (TS 24.008 10.5.4.5): speech, full rate only, version 1. OsmoMSC wants to be told the version.
BEARER_FULL_RATE = tlv(0x04, b"\x20\x80")
CC_CAPABILITIES = tlv(0x15, b"\x01")  # DTMF (10.5.4.5a)
UNKNOWN_ISDN = 0x81  # type of number unknown, plan E.164 (10.5.4.7)


def called_number(number):
    return tlv(0x5E, bytes((UNKNOWN_ISDN,)) + bcd(number))


def read_number(value):
    """The digits of a CALLING or CALLED PARTY BCD NUMBER."""
    if not value:
        return ""
    prefix = "+" if value[0] >> 4 & 7 == 1 else ""
    return prefix + digits(value[1 if value[0] & 0x80 else 2 :])


def cause(number):
    """CAUSE, its length and value: coding GSM, location user (10.5.4.11)."""
    return lv(bytes((0xE0, 0x80 | number)))


def read_cause(value):
    """The number of a CAUSE; 0 for one without."""
    at = 1 if value and value[0] & 0x80 else 2
    return value[at] & 0x7F if len(value) > at else 0


# -- channels (TS 44.018) ---------------------------------------------------------------------------------------------


def channel_description(value):
    """(chan_nr, arfcn) of a CHANNEL DESCRIPTION (10.5.2.5); BadMessage where it hops."""
    if value[1] & 0x10:
        raise BadMessage("frequency hopping")
    return value[0], (value[1] & 3) << 8 | value[2]
