"""The subscriber identity module of the emulated phone: who it is, its secret, and what it remembers."""

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from femtohost.errors import UserError
from femtohost.peers import gsm_l3 as l3

NO_KEY = 7  # CKSN: no key is available (TS 24.008 10.5.1.2)


def comp128v1(ki, rand):
    """(SRES, Kc) of A3/A8 as COMP128 version 1 has it; octets of 16, 16, 4 and 8."""
    try:
        from comp128.comp128v1 import Comp128v1
    except ImportError:
        raise UserError("a phone with a Ki needs comp128; pip install femtojack[peers]") from None
    sres, kc = Comp128v1().comp128v1(bytearray(ki), bytearray(rand))
    return bytes(sres), bytes(kc)


def milenage(opc):
    """A3/A8 of a card with the Milenage algorithm set (TS 35.206) and this OPc, 16 octets: for Sim's `a3a8`.

    What f2, f3 and f4 give is made into SRES and Kc by the conversion functions of TS 33.102 6.8.1.2.
    """

    def a3a8(k, rand):
        encrypt = _aes(k)
        start = _xor(encrypt(_xor(rand, opc)), opc)

        def output(rotation, constant):
            turned = start[rotation // 8 :] + start[: rotation // 8]
            return _xor(encrypt(_xor(turned, bytes(15) + bytes((constant,)))), opc)

        response, ck, ik = output(0, 1)[8:], output(32, 2), output(64, 4)
        kc = _xor(_xor(ck[:8], ck[8:]), _xor(ik[:8], ik[8:]))
        return _xor(response[:4], response[4:]), kc

    return a3a8


def _aes(key):
    """octets of one block -> the same encrypted"""
    return Cipher(algorithms.AES(key), modes.ECB()).encryptor().update  # one block is one: no chaining


def _xor(one, other):
    return bytes(a ^ b for a, b in zip(one, other, strict=True))


class Sim:
    """imsi: 15 digits, those of the network first. ki: 16 octets, or None for one that cannot authenticate.

    a3a8(ki, rand) -> (SRES, Kc). `area`, `tmsi`, `kc` and `cksn` outlive the phone's power.
    """

    def __init__(self, imsi, ki=None, a3a8=comp128v1):
        if not (imsi.isdigit() and 6 <= len(imsi) <= 15):
            raise ValueError(f"IMSI {imsi!r}: 6 to 15 digits")
        if ki is not None and len(ki) != 16:
            raise ValueError(f"a Ki of {len(ki)} octets; it has 16")
        self.imsi, self._ki, self._a3a8 = imsi, ki, a3a8
        self.forget()

    def forget(self):
        """As new: no area, no TMSI, no key."""
        self.area = l3.location_area(self.imsi[:3], self.imsi[3:5], l3.DELETED_LAC)
        self.tmsi = None
        self.kc, self.cksn = None, NO_KEY

    def authenticate(self, rand, cksn):
        """SRES; Kc and its number are kept."""
        sres, self.kc = self._a3a8(self._ki or bytes(16), rand)
        self.cksn = cksn
        return sres

    def identity(self):
        """MOBILE IDENTITY by which the network knows it: TMSI if there is one."""
        return l3.identity(l3.TMSI, self.tmsi) if self.tmsi else l3.identity(l3.IMSI, self.imsi)
