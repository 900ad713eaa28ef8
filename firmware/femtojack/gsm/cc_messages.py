"""Messages of call control: TS 24.008 9.3, with the elements of 10.5.4."""

from micropython import const

from femtojack.gsm import causes, number
from femtojack.gsm.l3 import find, lv, tlv, with_length

# Message types, table 10.3
ALERTING = const(0x01)
CALL_PROCEEDING = const(0x02)
PROGRESS = const(0x03)
SETUP = const(0x05)
CONNECT = const(0x07)
CALL_CONFIRMED = const(0x08)
EMERGENCY_SETUP = const(0x0E)
CONNECT_ACKNOWLEDGE = const(0x0F)
MODIFY_REJECT = const(0x13)
MODIFY = const(0x17)
HOLD = const(0x18)
HOLD_ACKNOWLEDGE = const(0x19)
HOLD_REJECT = const(0x1A)
RETRIEVE = const(0x1C)
RETRIEVE_ACKNOWLEDGE = const(0x1D)
RETRIEVE_REJECT = const(0x1E)
DISCONNECT = const(0x25)
RELEASE_COMPLETE = const(0x2A)
RELEASE = const(0x2D)
STOP_DTMF = const(0x31)
STOP_DTMF_ACKNOWLEDGE = const(0x32)
STATUS_ENQUIRY = const(0x34)
START_DTMF = const(0x35)
START_DTMF_ACKNOWLEDGE = const(0x36)
START_DTMF_REJECT = const(0x37)
CONGESTION_CONTROL = const(0x39)
FACILITY = const(0x3A)
STATUS = const(0x3D)
NOTIFY = const(0x3E)

# Elements
BEARER = const(0x04)
_CAUSE = const(0x08)
_FACILITY = const(0x1C)
_PROGRESS_INDICATOR = const(0x1E)
_KEYPAD = const(0x2C)
_KEYPAD_FIXED = b"\x2c\x01"  # it has no length, 10.5.4.17
_SIGNAL = const(0x34)
_CONNECTED_NUMBER = const(0x4C)
_CALLING_NUMBER = const(0x5C)
_CALLED_NUMBER = const(0x5E)
_CLIR_INVOCATION = const(0xA2)

_FULL_RATE_SPEECH = bytes((BEARER, 1, 0xA0))  # 10.5.4.5: full rate channel, speech
_TRANSFER = const(0x07)  # information transfer capability; 0 is speech
_IN_BAND = b"\xe1\x88"  # 10.5.4.21: by the network next to the phone; an appropriate pattern is in-band
_CALL_WAITING_ON = bytes((_SIGNAL, 0x07))  # 10.5.4.23
_LOCATION = const(0xE1)  # 10.5.4.11: coding of GSM, private network serving the local user
_WITHHELD = b"\x01\xa0"  # calling number: presentation restricted
_NOT_AVAILABLE = b"\x01\xc0"  # ... number not available due to interworking
_KEYS = b"0123456789*#ABCDabcd"  # TS 23.014
_STATE_CODING = const(0xC0)  # 10.5.4.6: the states are those of GSM


# -- read -----------------------------------------------------------------------------------------------------------


def is_speech(data):
    """Whether a SETUP asks for speech."""
    bearer = find(data, 2, BEARER)
    return not bearer or bearer[0] & _TRANSFER == 0


def called_number(data):
    """The number that a SETUP calls; "" if there is none."""
    return number.read(find(data, 2, _CALLED_NUMBER))


def withholds_number(data):
    """Whether a SETUP asks that its caller shall not be known (CLIR)."""
    return find(data, 2, _CLIR_INVOCATION) is not None


def cause(data, missing):
    """The cause of a DISCONNECT, RELEASE or RELEASE COMPLETE, 0..127; `missing` if there is none."""
    value = lv(data, 2) if data[1] & 0x3F == DISCONNECT else find(data, 2, _CAUSE)
    at = 1 if value and value[0] & 0x80 else 2  # octet 3a
    return value[at] & 0x7F if value and at < len(value) else missing


def key(data):
    """The character of a START DTMF, "" if there is none."""
    value = find(data, 2, _KEYPAD, _KEYPAD_FIXED)
    return chr(value[0]).upper() if value and value[0] in _KEYS else ""


def facility(data):
    """The components of a FACILITY, or None."""
    return lv(data, 2)


# -- written: what follows the message type -------------------------------------------------------------------------


def cause_element(cause):
    """An optional cause."""
    return bytes((_CAUSE,)) + disconnect(cause)


def disconnect(cause):
    """Of DISCONNECT and the refusals: the cause."""
    return with_length(bytes((_LOCATION, 0x80 | cause)))


def status(cause, state):
    """`state`: its number in TS 24.008 5.1.2."""
    return disconnect(cause) + bytes((_STATE_CODING | state,))


def setup(caller, called, waiting):
    """Of SETUP to a phone: `caller` is a number, None where it shall not be known, or what nobody can dial."""
    calling = _calling(caller)
    signal = _CALL_WAITING_ON if waiting else b""
    return _FULL_RATE_SPEECH + signal + tlv(_CALLING_NUMBER, calling) + tlv(_CALLED_NUMBER, number.value(called))


def _calling(caller):
    if caller is None:
        return _WITHHELD
    return number.value(caller) if number.can_be_dialled(caller) else _NOT_AVAILABLE


def connect(answered_by):
    return tlv(_CONNECTED_NUMBER, number.value(answered_by)) if number.can_be_dialled(answered_by) else b""


def progress():
    return with_length(_IN_BAND)


def start_dtmf_acknowledge(key):
    return bytes((_KEYPAD, ord(key)))


def facility_of(components):
    return with_length(components)


def modify_reject(data):
    """It names the bearer of the MODIFY `data` again, and says why not."""
    bearer = lv(data, 2)
    return with_length(bytes(bearer) if bearer else _FULL_RATE_SPEECH[2:]) + disconnect(causes.ONLY_RESTRICTED)
