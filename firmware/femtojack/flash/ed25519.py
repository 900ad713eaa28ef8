"""Ed25519 verification (RFC 8032 5.1.7) and SHA-512 (FIPS 180-4) for boards that have neither: board.crypto there.

Only public values are handled, so nothing needs constant time. Numbers are the interpreter's long integers.
"""

from struct import unpack

from micropython import const

_PRIME = 2**255 - 19
_ORDER = 2**252 + 27742317777372353535851937790883648493  # of the base point
_D2 = 2 * -121665 * pow(121666, _PRIME - 2, _PRIME) % _PRIME  # twice the curve's d
_D = -121665 * pow(121666, _PRIME - 2, _PRIME) % _PRIME
_ROOT = pow(2, (_PRIME - 1) // 4, _PRIME)  # of -1

_MASK = 0xFFFFFFFFFFFFFFFF
_BLOCK = const(128)
_ROUNDS = const(80)


# -- SHA-512 ------------------------------------------------------------------------------------------------------


def _primes(n):
    found = []
    candidate = 2
    while len(found) < n:
        if all(candidate % p for p in found):
            found.append(candidate)
        candidate += 1
    return found


def _root(n, degree):
    """The whole part of the square or cube root of n."""
    low, high = 0, 1 << 72
    while high - low > 1:
        middle = (low + high) // 2
        if middle**degree <= n:
            low = middle
        else:
            high = middle
    return low


# 4.2.3, 5.3.5: the first 64 bits of the fractional parts of roots of the first primes
_K = tuple([_root(p << 192, 3) & _MASK for p in _primes(_ROUNDS)])
_START = tuple([_root(p << 128, 2) & _MASK for p in _primes(8)])


def _rotated(x, n):
    return x >> n | x << 64 - n


def _mixed(x, i, j, k):
    return (_rotated(x, i) ^ _rotated(x, j) ^ _rotated(x, k)) & _MASK


def _schedule(block):
    w = list(unpack(">16Q", block))
    for t in range(16, _ROUNDS):
        x, y = w[t - 15], w[t - 2]
        low = (_rotated(x, 1) ^ _rotated(x, 8) ^ x >> 7) & _MASK
        high = (_rotated(y, 19) ^ _rotated(y, 61) ^ y >> 6) & _MASK
        w.append(w[t - 16] + low + w[t - 7] + high & _MASK)
    return w


def _compress(state, block):
    a, b, c, d, e, f, g, h = state
    w = _schedule(block)
    for i in range(_ROUNDS):
        t = h + _mixed(e, 14, 18, 41) + (e & f ^ (e ^ _MASK) & g) + _K[i] + w[i]
        u = _mixed(a, 28, 34, 39) + (a & b ^ a & c ^ b & c)
        a, b, c, d, e, f, g, h = t + u & _MASK, a, b, c, d + t & _MASK, e, f, g
    return [state[i] + x & _MASK for i, x in enumerate((a, b, c, d, e, f, g, h))]


def sha512(message):
    """The digest, 64 octets."""
    padding = b"\x80" + bytes(-(len(message) + 17) % _BLOCK) + (8 * len(message)).to_bytes(16, "big")
    message = bytes(message) + padding
    state = _START
    for at in range(0, len(message), _BLOCK):
        state = _compress(state, message[at : at + _BLOCK])
    return b"".join([x.to_bytes(8, "big") for x in state])


# -- the curve: points in extended coordinates (X, Y, Z, T), RFC 8032 5.1.4 ----------------------------------------


def _add(p, q):
    x1, y1, z1, t1 = p
    x2, y2, z2, t2 = q
    a = (y1 - x1) * (y2 - x2) % _PRIME
    b = (y1 + x1) * (y2 + x2) % _PRIME
    c = t1 * t2 % _PRIME * _D2 % _PRIME
    d = 2 * z1 * z2 % _PRIME
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % _PRIME, g * h % _PRIME, f * g % _PRIME, e * h % _PRIME


def _double(p):
    x, y, z, _ = p
    a, b = x * x % _PRIME, y * y % _PRIME
    h = a + b
    e = h - (x + y) * (x + y) % _PRIME
    g = a - b
    f = 2 * z * z % _PRIME + g
    return e * f % _PRIME, g * h % _PRIME, f * g % _PRIME, e * h % _PRIME


def _decoded(octets):
    """The point of an encoding, 5.1.3; None if there is none."""
    y = int.from_bytes(octets, "little")
    sign, y = y >> 255, y & (1 << 255) - 1
    if y >= _PRIME:
        return None
    u, v = (y * y - 1) % _PRIME, (_D * y * y + 1) % _PRIME
    x = u * v * v * v * pow(u * pow(v, 7, _PRIME), (_PRIME - 5) // 8, _PRIME) % _PRIME
    if v * x * x % _PRIME != u:
        x = x * _ROOT % _PRIME
    if v * x * x % _PRIME != u or (not x and sign):
        return None
    if x & 1 != sign:
        x = _PRIME - x
    return x, y, 1, x * y % _PRIME


def _encoded(p):
    x, y, z, _ = p
    inverse = pow(z, _PRIME - 2, _PRIME)
    return (y * inverse % _PRIME | (x * inverse % _PRIME & 1) << 255).to_bytes(32, "little")


_BASE = _decoded((4 * pow(5, _PRIME - 2, _PRIME) % _PRIME).to_bytes(32, "little"))


def verify(public, message, signature):
    """Whether `signature` (64 octets) of `message` is of the key `public` (32 octets). Never raises for octets."""
    if len(public) != 32 or len(signature) != 64:
        return False
    point = _decoded(public)
    s = int.from_bytes(signature[32:], "little")
    if point is None or s >= _ORDER:
        return False
    head = bytes(signature[:32])
    k = int.from_bytes(sha512(head + bytes(public) + bytes(message)), "little") % _ORDER
    x, y, z, t = point
    negative = (_PRIME - x, y, z, _PRIME - t)
    return _encoded(_sum_of_products(s, _BASE, k, negative)) == head


def _sum_of_products(s, p, k, q):
    """s p + k q: both numbers' bits at once, from the top."""
    table = (None, p, q, _add(p, q))
    total = (0, 1, 1, 0)
    for bit in range(252, -1, -1):
        total = _double(total)
        which = (s >> bit & 1) | (k >> bit & 1) << 1
        if which:
            total = _add(total, table[which])
    return total
