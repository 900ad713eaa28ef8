"""Causes of TS 24.008 and SIP status codes: every one has its like."""

import pytest

from femtojack.gsm import causes
from femtojack.sip.message import REASONS

# RFC 3398 7.2.4.1 and 8.2.6.1
TO_SIP = {
    1: 404, 2: 404, 3: 404, 17: 486, 18: 408, 19: 480, 20: 480, 22: 410, 26: 404, 27: 502, 28: 484, 29: 501, 31: 480,
    34: 503, 38: 503, 41: 503, 42: 503, 47: 503, 55: 403, 57: 403, 58: 503, 65: 488, 70: 488, 79: 501, 87: 403,
    88: 503, 102: 504, 111: 500, 127: 500,
}  # fmt: skip
FROM_SIP = {
    400: 41, 401: 21, 403: 21, 404: 1, 405: 63, 406: 79, 407: 21, 408: 102, 410: 22, 413: 127, 415: 79, 420: 127,
    480: 18, 481: 41, 482: 25, 483: 25, 484: 28, 485: 1, 486: 17, 500: 41, 501: 79, 502: 38, 503: 41, 504: 102,
    505: 127, 600: 17, 603: 21, 604: 1,
}  # fmt: skip


@pytest.mark.parametrize(("cause", "status"), TO_SIP.items())
def test_to_sip_as_rfc_3398_has_it(cause, status):
    assert causes.status_of(cause) == status


@pytest.mark.parametrize(("status", "cause"), FROM_SIP.items())
def test_from_sip_as_rfc_3398_has_it(status, cause):
    assert causes.cause_of(status) == cause


def test_every_cause_is_a_refusal_with_a_reason():
    for cause in range(128):
        status = causes.status_of(cause)
        assert 400 <= status < 700
        assert status in REASONS or status == 483


def test_every_status_is_a_cause():
    assert all(1 <= causes.cause_of(status) <= 127 for status in range(100, 700))
    assert causes.cause_of(200) == causes.NORMAL_CLEARING


def test_who_is_busy_stays_busy():
    for cause in (causes.USER_BUSY, causes.UNASSIGNED, causes.CALL_REJECTED):
        assert causes.cause_of(causes.status_of(cause)) == cause
