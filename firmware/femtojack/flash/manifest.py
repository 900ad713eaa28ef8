"""The manifest of a firmware image, 192 octets, numbers little-endian. An update file is it and the payload.

 0 8 "FJIMAGE1"               44 4 security counter
 8 16 board, zero-padded      48 4 size of the payload, 1 or more
24 2 hardware revision        52 32 SHA-256 of the payload
26 2 zero                     84 8 key id: the first octets of SHA-256 of the public key
28 16 version, zero-padded    92 36 zero
                             128 64 Ed25519 (RFC 8032) signature of DOMAIN and octets 0 to 127
"""

from hashlib import sha256
from struct import pack as _pack
from struct import unpack

from micropython import const

from femtojack.flash import results

SIZE = const(192)
BODY = const(128)
DOMAIN = b"femtojack image v1\0"  # so that a signature for anything else is none for an image
_MAGIC = b"FJIMAGE1"
_FORMAT = "<8s16sHH16sII32s8s36s"
_TEXT = const(16)
_ZEROS = b"\0" * 36


def key_id(public):
    return sha256(public).digest()[:8]


def signed_part(octets):
    """What the signature of a manifest is made over."""
    return DOMAIN + bytes(octets[:BODY])


def pack(board, revision, version, counter, size, digest, key):
    """The body: 128 octets. `digest` is the payload's SHA-256, `key` a key_id. ValueError: a field is wrong."""
    for number, bits in ((revision, 16), (counter, 32), (size, 32)):
        if not 0 <= number < 1 << bits:
            raise ValueError(f"{number}: should fit {bits} bits")
    if not size or len(digest) != 32 or len(key) != 8:
        raise ValueError("a payload of 1 octet or more, a SHA-256, and a key id of 8 octets are wanted")
    return _pack(_FORMAT, _MAGIC, _padded(board), revision, 0, _padded(version), counter, size, digest, key, _ZEROS)


def parse(octets):
    """A Manifest; None if it is not of this form. Nothing of it is to be believed before `judge` has."""
    if len(octets) != SIZE:
        return None
    octets = bytes(octets)
    magic, board, revision, zero, version, counter, size, digest, key, zeros = unpack(_FORMAT, octets[:BODY])
    board, version = _text(board), _text(version)
    if magic != _MAGIC or zero or zeros != _ZEROS or not size or board is None or version is None:
        return None
    return Manifest(octets, board, revision, version, counter, size, digest, key)


class Manifest:
    """Fields as above; `octets` is all of it."""

    def __init__(self, octets, board, revision, version, counter, size, digest, key):
        self.octets = octets
        self.board, self.revision, self.version, self.counter = board, revision, version, counter
        self.size, self.sha256, self.key_id = size, digest, key

    def judge(self, board):
        """Whether it is for `board` (femtojack.board) and from one whom it trusts: 0, or the result that refuses it."""
        code = self._signature(board)
        if code:
            return code
        name, revision = board.hardware
        if self.board != name:
            return results.WRONG_BOARD
        return 0 if self.revision == revision else results.WRONG_REVISION

    def _signature(self, board):
        for public in board.keys:
            if key_id(public) == self.key_id:
                good = board.crypto.ed25519_verify(public, signed_part(self.octets), self.octets[BODY:])
                return 0 if good else results.BAD_SIGNATURE
        return results.WRONG_KEY


def _is_word(octets):
    return 0 < len(octets) <= _TEXT and all(0x20 < c < 0x7F for c in octets)


def _padded(text):
    octets = text.encode()
    if not _is_word(octets):
        raise ValueError(f"{text!r}: should be 1 to {_TEXT} printable ASCII characters without spaces")
    return octets + bytes(_TEXT - len(octets))


def _text(field):
    """The word in a zero-padded field; None if it holds anything else."""
    word = field.rstrip(b"\0")
    return word.decode() if _is_word(word) else None
