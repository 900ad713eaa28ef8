"""MD5 and the digest against the vectors of their RFCs."""

import hashlib
import re

import pytest
import sipmessage
from hypothesis import given
from hypothesis import strategies as st

from femtojack.sip import digest
from femtojack.sip.digest import authorization, parse_challenge
from femtojack.sip.md5 import md5

RFC2617 = (  # 3.5
    b'Digest realm="testrealm@host.com", qop="auth,auth-int", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", '
    b'opaque="5ccc069c403ebaf9f0171e9517f40e41"'
)


@pytest.mark.parametrize(
    ("data", "expected"),
    [  # RFC 1321 A.5
        (b"", "d41d8cd98f00b204e9800998ecf8427e"),
        (b"a", "0cc175b9c0f1b6a831c399e269772661"),
        (b"abc", "900150983cd24fb0d6963f7d28e17f72"),
        (b"message digest", "f96b697d7cb7938d525a2f31aaf161d0"),
        (b"abcdefghijklmnopqrstuvwxyz", "c3fcd3d76192e4007dfb496cca67e13b"),
        (b"1234567890" * 8, "57edf4a22be3c955ac49da2e2107b67a"),
    ],
)
def test_md5_vectors(data, expected):
    assert md5(data).hex() == digest.md5(data).hex() == expected


@given(st.binary(max_size=200))
def test_own_md5_is_md5(data):
    assert md5(data) == hashlib.md5(data).digest()


def answer(challenge, count=1):
    return authorization(
        parse_challenge(challenge), b"GET", b"/dir/index.html", b"Mufasa", b"Circle Of Life", b"0a4f113b", count
    )


def test_rfc2617_vector():
    value = answer(RFC2617)
    assert b'response="6629fae49393a05397450978507c4ef1"' in value
    assert b'qop=auth, nc=00000001, cnonce="0a4f113b"' in value
    assert b'opaque="5ccc069c403ebaf9f0171e9517f40e41"' in value
    assert b"nc=0000000a" in answer(RFC2617, 10)


def test_without_qop():
    """RFC 2617 3.2.2.1, compatibility with RFC 2069; vector from its errata."""
    challenge = RFC2617.replace(b' qop="auth,auth-int",', b"")
    ha1 = hashlib.md5(b"Mufasa:testrealm@host.com:Circle Of Life").hexdigest()
    ha2 = hashlib.md5(b"GET:/dir/index.html").hexdigest()
    expected = hashlib.md5(f"{ha1}:dcd98b7102dd2f0e8b11d0f600bfb0c093:{ha2}".encode()).hexdigest()
    value = answer(challenge).decode()
    assert f'response="{expected}"' in value and "nc=" not in value and "cnonce" not in value


def test_another_parser_reads_the_header():
    credentials = sipmessage.AuthCredentials.parse(answer(RFC2617).decode())
    assert credentials.parameters["username"] == "Mufasa"
    assert credentials.parameters["response"] == "6629fae49393a05397450978507c4ef1"


@pytest.mark.parametrize(
    "value",
    [b"Basic realm=x", b'Digest realm="x', b"Digest ,", b"Digest", b""],
)
def test_no_digest_challenge(value):
    assert parse_challenge(value) is None


@pytest.mark.parametrize(
    "value",
    [
        b'Digest realm="r", nonce="n", algorithm=SHA-256',
        b'Digest realm="r", nonce="n", qop="auth-int"',
        b'Digest realm="r"',
    ],
)
def test_challenge_we_cannot_answer(value):
    assert answer(value) is None


def test_algorithm_md5_is_said_back():
    assert b", algorithm=MD5" in answer(b'digest realm="r", nonce="n", algorithm=md5, stale=TRUE')
    assert parse_challenge(b'Digest realm="r", nonce="n", stale=TRUE').stale


@given(st.binary(max_size=80))
def test_any_challenge_is_harmless(data):
    challenge = parse_challenge(b"Digest " + data)
    if challenge:
        value = authorization(challenge, b"REGISTER", b"sip:x", b"u", b"p", b"c", 1)
        assert value is None or re.search(rb'response="[0-9a-f]{32}"', value)
