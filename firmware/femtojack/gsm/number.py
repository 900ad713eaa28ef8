"""Telephone numbers as elements of TS 24.008 10.5.4 and addresses of TS 23.040 and 24.011 have them."""

from micropython import const

from femtojack.gsm.l3 import bcd, bcd_digits

MOST_DIGITS = const(32)

_DIALLED = "0123456789*#abc"
_UNKNOWN = const(0x81)  # type of number unknown, ISDN plan; TS 24.008 table 10.5.118
INTERNATIONAL = const(0x91)
_INTERNATIONAL_TYPE = const(0x10)
_TYPE = const(0x70)
_LAST = const(0x80)  # no octet 3a follows


def can_be_dialled(text):
    """Whether `text` is digits, perhaps after a +."""
    digits = text[1:] if text[:1] == "+" else text
    return 0 < len(digits) <= MOST_DIGITS and all(c in _DIALLED for c in digits)


def kind(text):
    """Octet 3: type of number and numbering plan."""
    return INTERNATIONAL if text[:1] == "+" else _UNKNOWN


def digits(text):
    """Octets of the digits of `text`."""
    return bcd(text[1:] if text[:1] == "+" else text)


def value(text):
    """The value of an element that holds a number: kind and digits."""
    return bytes((kind(text),)) + digits(text)


def read(octets):
    """The number in the value of such an element, with + if it is international; "" if there is none or it is long."""
    if not octets:
        return ""
    text = bcd_digits(octets[1 if octets[0] & _LAST else 2 :])
    if not text or len(text) > MOST_DIGITS:
        return ""
    return "+" + text if octets[0] & _TYPE == _INTERNATIONAL_TYPE else text
