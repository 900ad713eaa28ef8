"""Layer 3 messages on dedicated channels: information elements read and written, TS 24.008 and TS 44.018.

A message is octets: protocol discriminator (with TI or skip indicator), message type, mandatory elements in their
order, then optional ones by their identifiers (TS 24.007 11.2). Readers take a memoryview and give None where an
element is missing or cut off; writers give bytes. What the box broadcasts is in femtojack.gsm.broadcast.
"""

from micropython import const

PD_CC = const(3)  # TS 24.007 table 11.2
PD_MM = const(5)
PD_RR = const(6)
PD_SMS = const(9)
PD_SS = const(11)

TYPE_MASK = const(0x3F)  # of MM, CC and SS: bits 8 and 7 are the phone's send sequence number, TS 24.007 11.2.3.2

# RR, TS 44.018 table 10.4.1
CIPHERING_MODE_COMMAND = const(0x35)
CIPHERING_MODE_COMPLETE = const(0x32)
ASSIGNMENT_COMMAND = const(0x2E)
ASSIGNMENT_COMPLETE = const(0x29)
ASSIGNMENT_FAILURE = const(0x2F)
CHANNEL_RELEASE = const(0x0D)
CHANNEL_MODE_MODIFY = const(0x10)
CHANNEL_MODE_MODIFY_ACKNOWLEDGE = const(0x17)
RR_STATUS = const(0x12)
CLASSMARK_ENQUIRY = const(0x13)
CLASSMARK_CHANGE = const(0x16)
MEASUREMENT_REPORT = const(0x15)
PAGING_RESPONSE = const(0x27)
GPRS_SUSPENSION_REQUEST = const(0x34)

# RR causes, TS 44.018 table 10.5.2.31.1
RR_NORMAL = const(0x00)
RR_UNSPECIFIED = const(0x01)
RR_TIMER_EXPIRED = const(0x03)
RR_NO_ACTIVITY = const(0x04)
RR_PREEMPTIVE = const(0x05)
RR_PROTOCOL_ERROR = const(0x6F)

# MM, TS 24.008 table 9.2
IMSI_DETACH_INDICATION = const(0x01)
LOCATION_UPDATING_ACCEPT = const(0x02)
LOCATION_UPDATING_REJECT = const(0x04)
LOCATION_UPDATING_REQUEST = const(0x08)
AUTHENTICATION_REJECT = const(0x11)
AUTHENTICATION_REQUEST = const(0x12)
AUTHENTICATION_RESPONSE = const(0x14)
AUTHENTICATION_FAILURE = const(0x1C)
IDENTITY_REQUEST = const(0x18)
IDENTITY_RESPONSE = const(0x19)
TMSI_REALLOCATION_COMMAND = const(0x1A)
TMSI_REALLOCATION_COMPLETE = const(0x1B)
CM_SERVICE_ACCEPT = const(0x21)
CM_SERVICE_REJECT = const(0x22)
CM_SERVICE_ABORT = const(0x23)
CM_SERVICE_REQUEST = const(0x24)
CM_REESTABLISHMENT_REQUEST = const(0x28)
MM_ABORT = const(0x29)
MM_STATUS = const(0x31)
MM_INFORMATION = const(0x32)

# Reject causes, TS 24.008 table 10.5.95
IMSI_UNKNOWN_IN_HLR = const(0x02)
ILLEGAL_MS = const(0x03)
IMSI_UNKNOWN_IN_VLR = const(0x04)
IMEI_NOT_ACCEPTED = const(0x05)
PLMN_NOT_ALLOWED = const(0x0B)
LA_NOT_ALLOWED = const(0x0C)
NETWORK_FAILURE = const(0x11)
CONGESTION = const(0x16)
SERVICE_NOT_SUPPORTED = const(0x20)
OUT_OF_ORDER = const(0x22)
CALL_NOT_IDENTIFIED = const(0x26)
INCORRECT_MESSAGE = const(0x5F)
INVALID_MANDATORY = const(0x60)
UNKNOWN_TYPE = const(0x61)
NOT_COMPATIBLE = const(0x62)

# Types of mobile identity, TS 24.008 10.5.1.4
NO_IDENTITY = const(0)
IMSI = const(1)
IMEI = const(2)
IMEISV = const(3)
TMSI = const(4)

# Values of the CM service request, TS 24.008 table 10.5.91
SERVICE_CALL = const(1)
SERVICE_EMERGENCY = const(2)
SERVICE_SMS = const(4)
SERVICE_SS = const(8)

# Kinds of location updating, TS 24.008 table 10.5.84
UPDATE_NORMAL = const(0)
UPDATE_PERIODIC = const(1)
UPDATE_ATTACH = const(2)

NO_KEY = const(7)  # ciphering key sequence number: none, TS 24.008 10.5.1.2

_DIGITS = "0123456789*#abc"  # TS 24.008 table 10.5.118; 15 ends an odd number
_FILLER = const(0x0F)


# -- elements -------------------------------------------------------------------------------------------------------


def pd(data):
    """The protocol discriminator of a message."""
    return data[0] & 0x0F


def message_type(data):
    """The type of a message: whole for RR, without the sequence number for the others. -1: cut off."""
    if len(data) < 2:
        return -1
    return data[1] if pd(data) in (PD_RR, PD_SMS) else data[1] & TYPE_MASK


def lv(data, at):
    """The value of the element at `at` that is a length and so many octets; None if it is not all there."""
    if at >= len(data) or at + 1 + data[at] > len(data):
        return None
    return data[at + 1 : at + 1 + data[at]]


def after_lv(data, at):
    """Where the element after the LV at `at` begins."""
    return at + 1 + data[at] if at < len(data) else at


def find(data, at, iei, fixed=b""):
    """The value of the first optional element `iei` from `at` on, without identifier and length; None if not there.

    `fixed` holds the elements of this message that have no length: pairs of identifier and octets of value. An
    identifier above 0x7F is one octet whose low half is the value (TS 24.007 11.2.4): it is given as one octet.
    """
    n = len(data)
    while at < n:
        tag = data[at]
        if tag & 0x80:
            if tag == iei or (tag & 0xF0 == iei and tag & 0xF0 != 0xA0):
                return data[at : at + 1]
            at += 1
            continue
        start, size = at + 1, _fixed_size(fixed, tag)
        if size < 0:
            if start >= n:
                return None
            start, size = at + 2, data[start]
        if start + size > n:
            return None
        if tag == iei:
            return data[start : start + size]
        at = start + size
    return None


def _fixed_size(fixed, iei):
    for i in range(0, len(fixed), 2):
        if fixed[i] == iei:
            return fixed[i + 1]
    return -1


def tlv(iei, value):
    """An optional element with a length."""
    return bytes((iei, len(value))) + value


def with_length(value):
    """A mandatory element with a length."""
    return bytes((len(value),)) + value


def bcd(digits):
    """Octets of `digits` (0-9 * # a b c), the first in the low half; ValueError for another character."""
    values = [_DIGITS.index(c) for c in digits]
    if len(values) % 2:
        values.append(_FILLER)
    return bytes([values[i] | values[i + 1] << 4 for i in range(0, len(values), 2)])


def bcd_digits(data):
    """The digits of octets as `bcd` makes them; what follows a filler is left out."""
    found = ""
    for octet in data:
        for half in (octet & 15, octet >> 4):
            if half == _FILLER:
                return found
            found += _DIGITS[half]
    return found


def area(mcc, mnc, lac):
    """Location area identification, 5 octets (TS 24.008 10.5.1.3); `mcc` of 3 digits, `mnc` of 2 or 3."""
    third = int(mnc[2]) if len(mnc) == 3 else _FILLER
    return bytes((
        int(mcc[1]) << 4 | int(mcc[0]),
        third << 4 | int(mcc[2]),
        int(mnc[1]) << 4 | int(mnc[0]),
        lac >> 8,
        lac & 0xFF,
    ))  # fmt: skip


def identity_of_digits(kind, digits):
    """Value of a mobile identity of digits: IMSI, IMEI or IMEISV (TS 24.008 10.5.1.4)."""
    odd = len(digits) % 2
    return bytes((int(digits[0]) << 4 | odd << 3 | kind,)) + bcd(digits[1:])


def identity_of_tmsi(tmsi):
    """Value of a mobile identity: a TMSI of four octets."""
    return b"\xf4" + tmsi


def identity(value) -> tuple:
    """(kind, digits as str, or four octets of a TMSI) of a mobile identity's value; (NO_IDENTITY, "") if it is bad."""
    if not value:
        return NO_IDENTITY, ""
    kind = value[0] & 7
    if kind == TMSI:
        return (TMSI, bytes(value[1:5])) if len(value) == 5 else (NO_IDENTITY, "")
    if kind not in (IMSI, IMEI, IMEISV) or len(value) > 9:
        return NO_IDENTITY, ""
    digits = _DIGITS[value[0] >> 4] if value[0] >> 4 < 10 else ""
    for i in range(1, len(value)):
        last = i == len(value) - 1 and not value[0] & 8
        for half in (value[i] & 15,) if last else (value[i] & 15, value[i] >> 4):
            if half > 9:
                return NO_IDENTITY, ""
            digits += _DIGITS[half]
    return (kind, digits) if len(digits) >= 6 else (NO_IDENTITY, "")


def channel_description(chan_nr, tsc, arfcn):
    """Channel description without hopping, 3 octets (TS 44.018 10.5.2.5)."""
    return bytes((chan_nr, tsc << 5 | arfcn >> 8, arfcn & 0xFF))


# -- radio resource, to the phone -----------------------------------------------------------------------------------


def channel_release(cause):
    return bytes((PD_RR, CHANNEL_RELEASE, cause))


def ciphering_mode_command(algorithm, ask_imeisv):
    """`algorithm`: 0 none, else n for A5/n (TS 44.018 10.5.2.9); the phone is to answer with its IMEISV or not."""
    setting = (algorithm - 1) << 1 | 1 if algorithm else 0
    return bytes((PD_RR, CIPHERING_MODE_COMMAND, ask_imeisv << 4 | setting))


def assignment_command(description, power, mode):
    """`description` as `channel_description` makes it; `mode`: 0 signalling, 1 speech full rate."""
    return bytes((PD_RR, ASSIGNMENT_COMMAND)) + description + bytes((power, 0x63, mode))


def channel_mode_modify(description, mode):
    return bytes((PD_RR, CHANNEL_MODE_MODIFY)) + description + bytes((mode,))


def classmark_enquiry():
    return bytes((PD_RR, CLASSMARK_ENQUIRY))


def rr_status(cause):
    return bytes((PD_RR, RR_STATUS, cause))


# -- mobility management, to the phone ------------------------------------------------------------------------------


def identity_request(kind):
    return bytes((PD_MM, IDENTITY_REQUEST, kind))


def authentication_request(key_number, rand, autn=b""):
    return bytes((PD_MM, AUTHENTICATION_REQUEST, key_number)) + rand + (tlv(0x20, autn) if autn else b"")


def authentication_reject():
    return bytes((PD_MM, AUTHENTICATION_REJECT))


def location_updating_accept(lai, tmsi=None):
    """`tmsi`: four octets, or None: the phone keeps the one it has."""
    return bytes((PD_MM, LOCATION_UPDATING_ACCEPT)) + lai + (tlv(0x17, identity_of_tmsi(tmsi)) if tmsi else b"")


def location_updating_reject(cause):
    return bytes((PD_MM, LOCATION_UPDATING_REJECT, cause))


def tmsi_reallocation_command(lai, tmsi):
    return bytes((PD_MM, TMSI_REALLOCATION_COMMAND)) + lai + with_length(identity_of_tmsi(tmsi))


def cm_service_accept():
    return bytes((PD_MM, CM_SERVICE_ACCEPT))


def cm_service_reject(cause):
    return bytes((PD_MM, CM_SERVICE_REJECT, cause))


def mm_abort(cause):
    return bytes((PD_MM, MM_ABORT, cause))


def mm_status(cause):
    return bytes((PD_MM, MM_STATUS, cause))
