"""Digest authentication, the client's half (RFC 2617, RFC 7616): MD5, with qop=auth or without."""

import hashlib
from binascii import hexlify

from femtojack.sip import md5 as own
from femtojack.sip.address import param, parse_params, split_outside

_native = getattr(hashlib, "md5", None)  # a board's hashlib may have SHA-256 alone


def md5(data):
    """MD5 of `data`, 16 octets."""
    return _native(data).digest() if _native else own.md5(data)


def md5_hex(*parts):
    """Hexadecimal MD5 of the parts joined by colons, 32 octets."""
    return hexlify(md5(b":".join(parts)))


class Challenge:
    """What a WWW-Authenticate or Proxy-Authenticate header asks. Strings as they were between their quotes."""

    def __init__(self, params):
        self.realm = _bare(params, b"realm") or b""
        self.nonce = _bare(params, b"nonce") or b""
        self.opaque = _bare(params, b"opaque")
        self.algorithm = param(params, b"algorithm")
        self.stale = (_bare(params, b"stale") or b"").lower() == b"true"
        offered = _bare(params, b"qop")
        self.qop = b"auth" if offered and b"auth" in [word.strip() for word in offered.lower().split(b",")] else None
        self._known = (_bare(params, b"algorithm") or b"MD5").upper() == b"MD5" and (self.qop or not offered)

    @property
    def usable(self):
        """Whether `authorization` can answer it."""
        return bool(self._known and self.nonce)


def _bare(params, name):
    value = param(params, name)
    return value[1:-1] if value and len(value) > 1 and value[:1] == b'"' == value[-1:] else value


def parse_challenge(value):
    """A Challenge, or None if the scheme is not Digest or its parameters are broken."""
    scheme, _, rest = value.strip().partition(b" ")
    parts = split_outside(rest, b",")
    params = parse_params(parts) if parts else None
    return Challenge(params) if params and scheme.lower() == b"digest" else None


def authorization(challenge, method, uri, user, password, cnonce, count):
    """Value of the (Proxy-)Authorization header that answers `challenge`; None if it cannot be answered.

    All are bytes but `count`, the nonce count from 1. `cnonce` and `count` matter with qop=auth alone.
    """
    if not challenge.usable:
        return None
    ha1 = md5_hex(user, challenge.realm, password)
    ha2 = md5_hex(method, uri)
    nc = f"{count:08x}".encode()
    if challenge.qop:
        response = md5_hex(ha1, challenge.nonce, nc, cnonce, challenge.qop, ha2)
    else:
        response = md5_hex(ha1, challenge.nonce, ha2)
    fields = ((b"username", user), (b"realm", challenge.realm), (b"nonce", challenge.nonce), (b"uri", uri))
    value = b"Digest " + b"".join([name + b'="' + text + b'", ' for name, text in fields])
    value += b'response="' + response + b'"'
    if challenge.algorithm is not None:
        value += b", algorithm=MD5"
    if challenge.opaque is not None:
        value += b', opaque="' + challenge.opaque + b'"'
    if challenge.qop:
        value += b", qop=auth, nc=" + nc + b', cnonce="' + cnonce + b'"'
    return value
