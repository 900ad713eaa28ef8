"""Who the box is: its serial number and its telephone number, in three protected copies.

A copy is 108 octets, numbers little-endian:
     0 4 "FJID"                     7 1 zero              44 32 number, zero-padded
     4 1 1: this layout             8 4 sequence: which   76 32 SHA-256 of all before
     5 1 length of the serial         provisioning
     6 1 length of the number      12 32 serial, zero-padded
A page further stands the seal: the same octets again, programmed when the copy has been read back. A copy with its seal
was complete while there was power; one without may be read by luck.

Only `provision` makes an identity up, at the factory. At boot a copy that is not whole is written again from one that
is, one at a time. With no good copy left there is no identity: no default takes its place.

While a copy is written, a processor that runs wild reaches what the chip has open then: copy 0 alone, or copies 1 and 2
(femtojack.flash.layout). So one is opened only while another, that cannot be read by luck, stays out of reach.
"""

from hashlib import sha256
from struct import pack, unpack

from micropython import const

from femtojack.flash.layout import COPIES, PAGE

SIZE = const(108)
_BODY = const(76)
_FIELD = const(32)
_FORMAT = "<4sBBBBI32s32s"
_MAGIC = b"FJID"
_VERSION = const(1)
_NUMBER = "0123456789*#+"
_LAST = const(0xFFFFFFFF)


def pack_copy(serial, number, sequence):
    """The octets of a copy. ValueError: `serial` or `number` is not as it should be."""
    if not is_serial(serial):
        raise ValueError(f"serial {serial!r}: should be 1 to {_FIELD} printable ASCII characters without spaces")
    if not is_number(number):
        raise ValueError(f"number {number!r}: should be up to {_FIELD} of {_NUMBER}")
    texts = serial.encode(), number.encode()
    fields = [text + bytes(_FIELD - len(text)) for text in texts]
    body = pack(_FORMAT, _MAGIC, _VERSION, len(texts[0]), len(texts[1]), 0, sequence, *fields)
    return body + sha256(body).digest()


def parse_copy(octets):
    """(sequence, serial, number) of a copy; None if it is damaged in any bit."""
    body = bytes(octets[:_BODY])
    if len(octets) != SIZE or sha256(body).digest() != bytes(octets[_BODY:]):
        return None
    magic, version, serial_size, number_size, zero, sequence, serial, number = unpack(_FORMAT, body)
    if magic != _MAGIC or version != _VERSION or zero or serial_size > _FIELD or number_size > _FIELD:
        return None
    serial, number = _text(serial, serial_size), _text(number, number_size)
    if serial is None or number is None or not is_serial(serial) or not is_number(number):
        return None
    return sequence, serial, number


def is_serial(text):
    return 0 < len(text) <= _FIELD and all("!" <= c <= "~" for c in text)


def is_number(text):
    return len(text) <= _FIELD and all(c in _NUMBER for c in text)


def _text(field, n):
    """The first n octets of a zero-padded field."""
    if field[n:] != bytes(_FIELD - n) or not all(0x20 < c < 0x7F for c in field[:n]):
        return None
    return field[:n].decode()


class Identity:
    """`serial` and `number` after `load`, None when every copy is lost; `copies` is how many were good then."""

    def __init__(self, nor):
        self._nor = nor
        self._forget()

    def _forget(self):
        self._firm = set()  # copies that are not read by luck
        self._sequence = -1
        self.serial = self.number = None
        self.copies = 0

    def load(self):
        """Take the newest good copy, and heal the others from it."""
        self._forget()
        octets = [self._read(address) for address in COPIES]
        good, wrong = [], []
        for i in range(len(COPIES)):
            parsed = parse_copy(octets[i])
            if parsed:
                good.append((parsed, i))
            else:
                wrong.append(i)
        if not good:
            return
        self.copies = len(good)
        (self._sequence, self.serial, self.number), source = max(good)
        sealed = self._sealed([i for _, i in good], octets)
        self._firm = set(sealed if len(good) > 1 else [source])  # the last one was not open when the others were lost
        # The damaged ones first: an older one is good until there is a second of the newest.
        wrong += [i for _, i in good if i not in sealed or octets[i] != octets[source]]
        self._nor.run(self._write(wrong, octets[source]))

    def provision(self, serial, number):
        """Make the box `serial` with telephone number `number`; at the factory. False: the chip does not hold it.

        ValueError: it is not of the right form. Waits as boot does.
        """
        if self._sequence == _LAST:
            return False
        octets = pack_copy(serial, number, self._sequence + 1)
        written = self._nor.run(self._write(range(len(COPIES)), octets))
        self.load()
        return written and self.serial == serial and self.number == number

    def _read(self, address):
        octets = bytearray(SIZE)
        self._nor.read(address, octets)
        return bytes(octets)

    def _sealed(self, copies, octets):
        return [i for i in copies if self._nor.holds(COPIES[i] + PAGE, octets[i])]

    def _write(self, copies, octets):
        """Script: one by one, the first that may be opened; one that does not take it ends it."""
        left = list(copies)
        while left:
            may = [i for i in left if self._may_open(i)]
            if not may or not (yield from self._write_copy(may[0], octets)):
                return False
            left.remove(may[0])
        return True

    def _may_open(self, i):
        """Whether an identity is left if all is lost that is open together with copy `i`; or there is none to lose."""
        beyond = (0,) if i else (1, 2)
        return not self.copies or any(j in self._firm for j in beyond)

    def _write_copy(self, i, octets):
        nor, address = self._nor, COPIES[i]
        self._firm.discard(i)
        good = nor.open_identity(i)
        if good:
            yield from nor.erase(address)
            good = (yield from nor.write(address, octets)) and (yield from nor.write(address + PAGE, octets))
        nor.close_identity()
        if good:
            self._firm.add(i)
        return good
