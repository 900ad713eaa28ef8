"""The phones that the cell knows: IMSI, TMSI, IMEI and number, kept in `board.store`.

A record, "gsm-N" in the store: flags u8 (bit 0 registered), IMSI, IMEISV and number (8 octets each, BCD padded with
1111, TS 24.008 table 10.5.118), TMSI (4, all ones: none).
"""

from micropython import const

from femtojack.config import parse_subscribers
from femtojack.gsm.l3 import bcd, bcd_digits

MOST = const(128)  # subscribers
_BCD = const(8)  # octets
_RECORD = const(29)
_REGISTERED = const(1)
_NO_TMSI = b"\xff\xff\xff\xff"  # TS 23.003 2.4: never a TMSI


class Subscriber:
    """One phone. `imsi`, `imei` (16 digits, with software version) and `number` are digits, "" where not known.

    `tmsi` is what the phone is known to have, four octets or None; `new_tmsi` what it has been sent and may have.
    """

    def __init__(self, index, imsi, number, tmsi=None):
        self.index = index
        self.imsi = imsi
        self.imei = ""
        self.number = number
        self.tmsi = tmsi
        self.new_tmsi = None
        self.registered = False
        self.key_number = 0  # ciphering key sequence number of the last authentication, 0..6
        self.seen = 0  # ticks of the last sign of life, valid while registered


class Subscribers:
    """All of them. `settings` is section gsm of femtojack.config; `store` may be None."""

    def __init__(self, store, settings, entropy):
        self._store = store
        self._entropy = entropy
        self._open = settings["registration"] == "open"
        self._first_number = settings["first_number"]
        self._listed = parse_subscribers(settings["subscribers"])
        self._all = []
        self._load()
        for imsi, _ in self._listed:
            if self.find(imsi=imsi) is None:
                self._add(imsi)
        for subscriber in self._all:
            subscriber.number = self._listed_number(subscriber.imsi) or subscriber.number

    def __iter__(self):
        return iter(self._all)

    def __len__(self):
        return len(self._all)

    def find(self, number=None, imsi=None, tmsi=None):
        """The subscriber with this number, IMSI or TMSI (one of them is given); None if there is none."""
        for s in self._all:
            if number and s.number == number:
                return s
            if imsi and s.imsi == imsi:
                return s
            if tmsi and tmsi in (s.tmsi, s.new_tmsi):
                return s
        return None

    def admit(self, imsi):
        """The subscriber with this IMSI, a new one where anyone may register. None: not here."""
        found = self.find(imsi=imsi)
        if self._open:
            return found or self._add(imsi)
        return found if self._is_listed(imsi) else None

    def save(self, subscriber):
        """Write a subscriber's record, if it has changed."""
        if self._store and subscriber.index >= 0:
            record, key = _pack(subscriber), f"gsm-{subscriber.index}"
            if self._store.get(key) != record:
                self._store.put(key, record)

    def allocate_tmsi(self, subscriber):
        """Four octets that nobody has, as its `new_tmsi`."""
        tmsi = bytearray(4)
        while True:
            self._entropy(tmsi)
            new = bytes(tmsi)
            if new != _NO_TMSI and self.find(tmsi=new) is None:
                subscriber.new_tmsi = new
                return new

    def confirm_tmsi(self, subscriber):
        """The phone has taken its new TMSI."""
        if subscriber.new_tmsi:
            subscriber.tmsi, subscriber.new_tmsi = subscriber.new_tmsi, None
            self.save(subscriber)

    # -- records ------------------------------------------------------------------------------------------------------

    def _load(self):
        for index in range(MOST if self._store else 0):
            record = self._store.get(f"gsm-{index}")
            if record and len(record) == _RECORD:
                self._all.append(_unpack(index, record))

    def _add(self, imsi):
        taken = [s.index for s in self._all]
        for index in range(MOST):
            if index not in taken:
                subscriber = Subscriber(index, imsi, self._listed_number(imsi) or self._free_number())
                self._all.append(subscriber)
                self.save(subscriber)
                return subscriber
        return self._replace(imsi)

    def _replace(self, imsi):
        """The place of one who is gone and whom nobody listed, for a new one; None: there is none."""
        for gone in self._all:
            if not gone.registered and not self._is_listed(gone.imsi):
                self._all.remove(gone)
                subscriber = Subscriber(gone.index, imsi, self._listed_number(imsi) or self._free_number())
                gone.index = -1
                self._all.append(subscriber)
                self.save(subscriber)
                return subscriber
        return None

    def _is_listed(self, imsi):
        return any(listed == imsi for listed, _ in self._listed)

    def _listed_number(self, imsi):
        for listed, number in self._listed:
            if listed == imsi:
                return number
        return ""

    def _free_number(self):
        number = self._first_number
        while self.find(number=str(number)) or any(listed == str(number) for _, listed in self._listed):
            number += 1
        return str(number)


def _field(digits):
    return (bcd(digits) + b"\xff" * _BCD)[:_BCD]


def _pack(s):
    flags = _REGISTERED if s.registered else 0
    return bytes((flags,)) + _field(s.imsi) + _field(s.imei) + _field(s.number) + (s.tmsi or _NO_TMSI)


def _unpack(index, record):
    tmsi = bytes(record[25:29])
    imsi, imei, number = bcd_digits(record[1:9]), bcd_digits(record[9:17]), bcd_digits(record[17:25])
    s = Subscriber(index, imsi, number, None if tmsi == _NO_TMSI else tmsi)
    s.imei = imei
    s.registered = bool(record[0] & _REGISTERED)
    return s
