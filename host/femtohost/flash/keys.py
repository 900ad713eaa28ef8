"""Ed25519 keys of update files, as PEM: a private key in FILE, its public half in FILE.pub. OpenSSL reads both."""

import os
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from femtohost.errors import UserError

PUBLIC = ".pub"


class KeyFileError(UserError):
    """A file that is no such key, or must not be written: one line."""


def generate(path):
    """Make a key; returns the paths of its two files. KeyFileError: one of them is there already."""
    path = Path(path)
    public = path.with_name(path.name + PUBLIC)
    for each in (path, public):
        if each.exists():
            raise KeyFileError(f"{each}: there is one already; a key is never overwritten")
    key = Ed25519PrivateKey.generate()
    path.parent.mkdir(parents=True, exist_ok=True)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(private)
    public.write_bytes(
        key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    return path, public


def load_private(path):
    """The Ed25519PrivateKey in a file. KeyFileError, OSError."""
    octets = Path(path).read_bytes()
    try:
        key = serialization.load_pem_private_key(octets, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyFileError(f"{path}: no private Ed25519 key in PEM; make one with: femtojack image keygen -o KEY")
    return key


def load_public(path):
    """The 32 octets of a public key; `path` may also hold the private one. KeyFileError, OSError."""
    octets = Path(path).read_bytes()
    if b"PRIVATE KEY" in octets:
        return public_octets(load_private(path))
    try:
        key = serialization.load_pem_public_key(octets)
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PublicKey):
        raise KeyFileError(f"{path}: no public Ed25519 key in PEM; femtojack image keygen writes it to KEY{PUBLIC}")
    return key.public_bytes_raw()


def public_octets(private):
    """The 32 octets of its public half."""
    return private.public_key().public_bytes_raw()


def trusted(folder):
    """The public keys, 32 octets each, of every `.pub` file in `folder`. KeyFileError."""
    return tuple(load_public(path) for path in sorted(Path(folder).glob("*" + PUBLIC)))
