"""`board.crypto` of the emulated board: Ed25519 (RFC 8032), by PyPI's cryptography."""

from functools import lru_cache

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def ed25519_verify(public, message, signature):
    """Whether `signature` (64 octets) of `message` was made with the key whose public half (32 octets) is `public`."""
    return _verify(bytes(public), bytes(message), bytes(signature))


@lru_cache(1 << 12)  # a sweep of power cuts asks the same again and again
def _verify(public, message, signature):
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True
