"""Authentication triplets for the box: what the owner of the SIMs' keys makes, so that no key enters the box.

    provision(store, imsi, triplets(comp128v1(ki), secrets.token_bytes, 20))

`store` is the box's (femtohost.store); the firmware reads them as femtojack.gsm.auth says.
"""

import re

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from femtohost.errors import UserError

RAND_OCTETS = 16
SRES_OCTETS = 4
KC_OCTETS = 8
KEY_OCTETS = 16  # of Ki, K and OPc
TRIPLET = RAND_OCTETS + SRES_OCTETS + KC_OCTETS
MOST = 100  # triplets of a subscriber
_STORED = "gsm-auth-"
IMSI = re.compile(r"[0-9]{6,15}")  # TS 23.003 2.2; the firmware takes none that is shorter


def provision(store, imsi, octets):
    """Let the box authenticate the SIM `imsi` by these triplets."""
    store.put(_STORED + checked_imsi(imsi), octets)


def provisioned(store):
    """[(IMSI, how many triplets)] of a femtohost.store.FileStore, in the order of the IMSIs."""
    keys = [key for key in store.names() if key.startswith(_STORED)]
    return [(key.removeprefix(_STORED), len(store.get(key)) // TRIPLET) for key in keys]


def withdraw(store, imsi):
    """Forget the triplets of the SIM `imsi`. UserError: there are none."""
    known = [known for known, _ in provisioned(store)]
    if checked_imsi(imsi) not in known:
        raise UserError(f"IMSI {imsi}: no triplets of it; there are those of: {' '.join(known) or 'nobody'}")
    store.remove(_STORED + imsi)


def checked_imsi(text):
    """The same text. UserError: it is no IMSI."""
    if not IMSI.fullmatch(text):
        raise UserError(f"IMSI {text!r}: 6 to 15 digits")
    return text


def triplets(algorithm, random, count):
    """`count` triplets, RAND SRES Kc each, of an algorithm (rand) -> (SRES, Kc); `random` gives that many octets."""
    if not 1 <= count <= MOST:
        raise UserError(f"{count} triplets; give 1 to {MOST}")
    made = b""
    for _ in range(count):
        rand = random(RAND_OCTETS)
        sres, kc = algorithm(rand)
        made += rand + sres + kc
    return made


def comp128v1(ki):
    """The algorithm of a SIM with COMP128 version 1 and this Ki."""
    _checked(ki, "Ki")
    try:
        from comp128.comp128v1 import Comp128v1
    except ImportError:
        raise UserError("COMP128 needs comp128: pip install 'femtojack[peers]'; or give a file of triplets") from None

    def answer(rand):
        sres, kc = Comp128v1().comp128v1(bytearray(ki), bytearray(rand))
        return bytes(sres), bytes(kc)

    return answer


def milenage(k, opc):
    """The algorithm of a USIM with Milenage (TS 35.206), K and OPc, asked for a GSM answer (TS 33.102 6.8.1.2)."""
    _checked(k, "K")
    _checked(opc, "OPc")

    def encrypt(block):
        return Cipher(algorithms.AES(k), modes.ECB()).encryptor().update(block)

    def answer(rand):
        seed = _xor(encrypt(_xor(rand, opc)), opc)
        # f2, f3 and f4: rotations of 0, 32 and 64 bits, constants 1, 2 and 4, TS 35.206 4.1
        res, ck, ik = (
            _xor(encrypt(_xor(seed[octets:] + seed[:octets], constant.to_bytes(16, "big"))), opc)
            for octets, constant in ((0, 1), (4, 2), (8, 4))
        )
        sres = _xor(res[8:12], res[12:])  # c2, TS 33.102 6.8.1.2; f2 is the second half
        kc = _xor(_xor(ck[:8], ck[8:]), _xor(ik[:8], ik[8:]))  # c3
        return sres, kc

    return answer


def _checked(key, name):
    if len(key) != KEY_OCTETS:
        raise UserError(f"{name} of {len(key)} octets; it has {KEY_OCTETS}")


def _xor(a, b):
    return bytes(x ^ y for x, y in zip(a, b, strict=True))
