"""MD5 (RFC 1321) for boards whose hashlib has none. Digest authentication is its only user."""

import struct
from binascii import unhexlify

# RFC 1321 3.4: floor(2**32 * |sin(i + 1)|), i = 0..63, big-endian
_SINES = unhexlify(
    "d76aa478e8c7b756242070dbc1bdceeef57c0faf4787c62aa8304613fd469501698098d88b44f7afffff5bb1895cd7be"
    "6b901122fd987193a679438e49b40821f61e2562c040b340265e5a51e9b6c7aad62f105d02441453d8a1e681e7d3fbc8"
    "21e1cde6c33707d6f4d50d87455a14eda9e3e905fcefa3f8676f02d98d2a4c8afffa39428771f6816d9d6122fde5380c"
    "a4beea444bdecfa9f6bb4b60bebfbc70289b7ec6eaa127fad4ef308504881d05d9d4d039e6db99e51fa27cf8c4ac5665"
    "f4292244432aff97ab9423a7fc93a039655b59c38f0ccc92ffeff47d85845dd16fa87e4ffe2ce6e0a30143144e0811a1"
    "f7537e82bd3af2352ad7d2bbeb86d391"
)
_SHIFTS = ((7, 12, 17, 22), (5, 9, 14, 20), (4, 11, 16, 23), (6, 10, 15, 21))
_STEPS = ((1, 0), (5, 1), (3, 5), (7, 0))  # word index of step i in each round: (a * i + b) % 16
_MASK = 0xFFFFFFFF


def md5(data):
    """16 octets of digest."""
    length = len(data)
    data = data + b"\x80" + bytes((55 - length) % 64) + struct.pack("<II", length << 3 & _MASK, length >> 29)
    state = (0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476)
    for at in range(0, len(data), 64):
        state = _block(state, struct.unpack_from("<16I", data, at))
    return struct.pack("<IIII", state[0], state[1], state[2], state[3])


def _block(state, words):
    a, b, c, d = state
    for i in range(64):
        kind = i >> 4
        step, offset = _STEPS[kind]
        x = a + _mix(kind, b, c, d) + words[(step * i + offset) & 15] + struct.unpack_from(">I", _SINES, 4 * i)[0]
        x &= _MASK
        shift = _SHIFTS[kind][i & 3]
        a, b, c, d = d, (b + (x << shift | x >> (32 - shift))) & _MASK, b, c
    return (
        (state[0] + a) & _MASK,
        (state[1] + b) & _MASK,
        (state[2] + c) & _MASK,
        (state[3] + d) & _MASK,
    )


def _mix(kind, b, c, d):
    if kind == 0:
        return b & c | ~b & d
    if kind == 1:
        return d & b | ~d & c
    if kind == 2:
        return b ^ c ^ d
    return c ^ (b | ~d & _MASK)
