"""The GSM phones around an emulated box, as a tester acts on them."""

from femtohost.peers.gsm_phone import GsmPhone
from femtohost.peers.gsm_sim import Sim, comp128v1, milenage

IMEI_BODY = "35387923425263"  # without its check digit


class GsmPhones:
    """`box.gsm`: phones in the coverage of the box's cell. Each has a random stream of its own."""

    def __init__(self, clock, air, seeds, arfcn):
        self._clock, self._air, self._seeds, self._arfcn = clock, air, seeds, arfcn
        self._phones = {}

    def __iter__(self):
        return iter(self._phones.values())

    def __len__(self):
        return len(self._phones)

    def phone(self, imsi):
        """The phone with this IMSI; KeyError: there is none."""
        return self._phones[imsi]

    def add(self, imsi, ki=None, imei=None, opc=None):
        """A new phone, switched off. ki: 16 octets, or None, of a SIM with COMP128 version 1, or of one with Milenage
        and this opc, 16 octets. imei: 15 digits; else one of its own."""
        if imsi in self._phones:
            raise ValueError(f"IMSI {imsi}: there is a phone with it already")
        rng = self._seeds.stream(f"gsm-{imsi}")
        imei = imei or with_check_digit(IMEI_BODY[:8] + imsi[-6:].rjust(6, "0"))
        sim = Sim(imsi, ki, milenage(opc) if opc else comp128v1)
        phone = GsmPhone(self._clock, self._air, rng, imei=imei, arfcn=self._arfcn, sim=sim)
        self._phones[imsi] = phone
        return phone

    def remove(self, imsi):
        """Pull its battery and take it away."""
        self._phones.pop(imsi).pull_battery()


def with_check_digit(digits):
    """An IMEI of 15 digits from its first 14 (TS 23.003 annex B)."""
    doubled = "".join(str(2 * int(d)) if i % 2 else d for i, d in enumerate(digits))
    return digits + str(-sum(map(int, doubled)) % 10)
