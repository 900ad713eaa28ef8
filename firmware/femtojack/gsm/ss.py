"""Components of supplementary services: TS 24.080 3.6, in BER."""

from micropython import const

PROCESS_UNSTRUCTURED = const(59)  # processUnstructuredSS-Request, TS 24.080 4.5
FACILITY_NOT_SUPPORTED = const(21)  # errors, TS 29.002 17.6.6
UNEXPECTED_DATA_VALUE = const(36)

_INVOKE = const(0xA1)
_RESULT = const(0xA2)
_ERROR = const(0xA3)
_INTEGER = const(0x02)
_SEQUENCE = const(0x30)
_OCTETS = const(0x04)
_LINKED = const(0x80)


class Invoke:
    """`number` of the invocation, its `operation`, and the octets of its `parameter`."""

    def __init__(self, number, operation, parameter):
        self.number, self.operation, self.parameter = number, operation, parameter


def invoke(data):
    """The Invoke that `data` begins with, or None."""
    tag, value, _ = element(data)
    if tag != _INVOKE:
        return None
    tag, number, rest = element(value)
    if tag != _INTEGER or len(number) != 1:
        return None
    tag, operation, parameter = element(rest)
    if tag == _LINKED:
        tag, operation, parameter = element(parameter)
    if tag != _INTEGER or len(operation) != 1:
        return None
    return Invoke(number[0], operation[0], parameter)


def element(data):
    """(tag, value, what follows) of the element that `data` begins with; tag -1 if it is not whole."""
    if not data or len(data) < 2:
        return -1, b"", b""
    start, length = 2, data[1]
    if length == 0x81 and len(data) > 2:
        start, length = 3, data[2]
    elif length > 0x7F:
        return -1, b"", b""
    end = start + length
    return (data[0], data[start:end], data[end:]) if end <= len(data) else (-1, b"", b"")


def ber(tag, value):
    head = bytes((tag, len(value))) if len(value) < 0x80 else bytes((tag, 0x81, len(value)))
    return head + value


def result(invoke, parameter):
    """A return result, `parameter` in BER."""
    operation = ber(_INTEGER, bytes((invoke.operation,)))
    return ber(_RESULT, _number(invoke) + ber(_SEQUENCE, operation + parameter))


def error(invoke, code):
    """A return error."""
    return ber(_ERROR, _number(invoke) + ber(_INTEGER, bytes((code,))))


def refusal(components):
    """The answer to what is not had here; None where nothing was asked."""
    asked = invoke(components)
    return error(asked, FACILITY_NOT_SUPPORTED) if asked else None


def text(parameter):
    """(coding scheme, octets) of a USSD string, or None (TS 24.080 annex A, USSD-Arg)."""
    tag, value, _ = element(parameter)
    if tag != _SEQUENCE:
        return None
    tag, coding, rest = element(value)
    if tag != _OCTETS or len(coding) != 1:
        return None
    tag, octets, _ = element(rest)
    return (coding[0], octets) if tag == _OCTETS else None


def text_parameter(coding, octets):
    return ber(_SEQUENCE, ber(_OCTETS, bytes((coding,))) + ber(_OCTETS, octets))


def _number(invoke):
    return ber(_INTEGER, bytes((invoke.number,)))
