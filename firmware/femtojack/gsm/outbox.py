"""Texts that wait for their phones, kept in the board's store."""

from micropython import const

SLOTS = const(16)

_HEAD = const(4)  # order (2 octets), lengths of the number and of the TPDU
_ORDERS = const(0x10000)


class Waiting:
    """One text: `number` of the phone it is for, and the `tpdu`, an SMS-DELIVER."""

    def __init__(self, slot, order, number, tpdu):
        self.slot, self.order, self.number, self.tpdu = slot, order, number, tpdu


class Outbox:
    """At most SLOTS `texts` in the order in which they came; `store` may be None: then they are lost with the power."""

    def __init__(self, store):
        self._store = store
        self.texts = []
        self._order = 0
        for slot in range(SLOTS if store else 0):
            text = _read(slot, store.get(_key(slot)) or b"")
            if text:
                self.texts.append(text)
        self.texts.sort(key=lambda text: text.order)
        if self.texts:
            self._order = self.texts[-1].order

    @property
    def waiting(self):
        return len(self.texts)

    @property
    def room(self):
        return SLOTS - len(self.texts)

    def add(self, number, tpdu):
        """Keep a text. False if there is no room, or the store is lost."""
        taken = [text.slot for text in self.texts]
        free = [slot for slot in range(SLOTS) if slot not in taken]
        if not free:
            return False
        self._order = (self._order + 1) % _ORDERS
        octets = number.encode()
        head = bytes((self._order >> 8, self._order & 0xFF, len(octets), len(tpdu)))
        if not self._put(free[0], head + octets + tpdu):
            return False
        self.texts.append(Waiting(free[0], self._order, number, tpdu))
        return True

    def remove(self, text):
        """It arrived, or never will."""
        self.texts.remove(text)
        self._put(text.slot, b"")

    def _put(self, slot, octets):
        try:
            if self._store:
                self._store.put(_key(slot), octets)
        except OSError:
            return False
        return True


def _key(slot):
    return f"sms-{slot}"


def _read(slot, octets):
    """The text that was kept, or None."""
    if len(octets) < _HEAD or len(octets) != _HEAD + octets[2] + octets[3]:
        return None
    end = _HEAD + octets[2]
    number = "".join([chr(octet) for octet in octets[_HEAD:end]])
    return Waiting(slot, octets[0] << 8 | octets[1], number, octets[end:])
