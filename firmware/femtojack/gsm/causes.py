"""Why a call ended: causes of TS 24.008 10.5.4.11 (Q.850) to SIP status codes and back (RFC 3398 7.2.4.1, 8.2.6.1)."""

from micropython import const

UNASSIGNED = const(1)
NORMAL_CLEARING = const(16)
USER_BUSY = const(17)
NO_USER_RESPONDING = const(18)
NO_ANSWER = const(19)
SUBSCRIBER_ABSENT = const(20)
CALL_REJECTED = const(21)
PREEMPTION = const(25)
NON_SELECTED = const(26)  # non-selected user clearing: another one answered
OUT_OF_ORDER = const(27)
INVALID_NUMBER = const(28)
RESPONSE_TO_STATUS_ENQUIRY = const(30)
NORMAL_UNSPECIFIED = const(31)
NO_CHANNEL = const(34)
NETWORK_OUT_OF_ORDER = const(38)
TEMPORARY_FAILURE = const(41)
CONGESTION = const(42)
RESOURCES_UNAVAILABLE = const(47)
BEARER_NOT_IMPLEMENTED = const(65)
ONLY_RESTRICTED = const(79)  # service or option not implemented
INVALID_TI = const(81)
INVALID_MANDATORY = const(96)
MESSAGE_UNKNOWN = const(97)
MESSAGE_NOT_COMPATIBLE = const(98)  # with the call state: 101; 98 for message types
NOT_IN_THIS_STATE = const(101)
TIMER_EXPIRED = const(102)
PROTOCOL_ERROR = const(111)
INTERWORKING = const(127)

# cause -> status; what is not here has its class's
_STATUS = {
    1: 404, 2: 404, 3: 404, 6: 403, 8: 403, 16: 480, 17: 486, 18: 408, 19: 480, 20: 480, 21: 603, 22: 410, 25: 483,
    26: 404, 27: 502, 28: 484, 29: 501, 31: 480, 34: 503, 38: 503, 41: 503, 42: 503, 47: 503, 50: 403, 55: 403,
    57: 403, 58: 503, 63: 503, 65: 488, 68: 503, 69: 501, 70: 488, 79: 501, 87: 403, 88: 503, 102: 504, 111: 500,
    127: 500,
}  # fmt: skip
_CLASS_STATUS = (480, 480, 503, 503, 501, 400, 500, 500)

# status -> cause; what is not here has its class's
_CAUSE = {
    400: 41, 401: 21, 402: 21, 403: 21, 404: 1, 405: 63, 406: 79, 407: 21, 408: 102, 410: 22, 413: 127, 414: 127,
    415: 79, 416: 127, 420: 127, 421: 127, 423: 127, 480: 18, 481: 41, 482: 25, 483: 25, 484: 28, 485: 1, 486: 17,
    487: 16, 488: 65, 500: 41, 501: 79, 502: 38, 503: 41, 504: 102, 505: 127, 513: 127, 600: 17, 603: 21, 604: 1,
    606: 65,
}  # fmt: skip
_CLASS_CAUSE = {2: 16, 3: 31, 4: 31, 5: 41, 6: 21}


def status_of(cause):
    """The SIP status, 400..699, with which a call is refused that ended with `cause`, 0..127."""
    return _STATUS.get(cause) or _CLASS_STATUS[cause >> 4 & 7]


def cause_of(status):
    """The cause, 1..127, of a call that ended with the SIP `status`; 2xx: it was cleared as calls are."""
    return _CAUSE.get(status) or _CLASS_CAUSE.get(status // 100, NORMAL_UNSPECIFIED)
