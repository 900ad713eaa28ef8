"""Phones register on the whole box: by its air and its baseband, with keys and without."""

import numpy as np
import pytest

from femtohost.gsm_auth import comp128v1, provision, triplets
from femtohost.store import MemoryStore

IMSI = "001010000000001"
KI = bytes.fromhex("00112233445566778899aabbccddeeff")


@pytest.fixture
def keyed():
    """A store with the triplets of IMSI."""
    pytest.importorskip("comp128", reason="comp128 is missing; pip install femtojack[peers]")
    store = MemoryStore()
    provision(store, IMSI, triplets(comp128v1(KI), np.random.default_rng(1).bytes, 5))
    return store


def cell(make_box, store=None, **gsm):
    return make_box({"gsm": {"enabled": True, **gsm}}, store=store)


def settled(box):
    """Nothing that a standard forbids, and nothing left behind."""
    box.run_for(30)
    assert box.misuse == []
    assert all(phone.bad == (0, 0) and phone.state == "idle" for phone in box.gsm)
    return True


@pytest.mark.parametrize("combined", [False, True])
def test_camps_and_registers(make_box, combined):
    box = cell(make_box, combined=combined)
    phone = box.gsm.add(IMSI)
    phone.power_on()
    box.run_until(lambda: phone.registered, timeout_s=10)
    assert box.app.status()["gsm"]["phones"] == ["201"]
    assert settled(box) and phone.tmsi


@pytest.mark.parametrize("algorithm", [0, 1, 3])
def test_authenticates_and_ciphers(make_box, keyed, algorithm):
    box = cell(make_box, keyed, cipher=algorithm, authentication="required")
    phone = box.gsm.add(IMSI, KI)
    phone.power_on()
    box.run_until(lambda: phone.registered, timeout_s=15)
    assert settled(box)


def test_wrong_key_is_refused(make_box, keyed):
    box = cell(make_box, keyed)
    phone = box.gsm.add(IMSI, bytes(16))
    phone.power_on()
    box.run_for(20)
    assert not phone.registered and box.app.status()["gsm"]["phones"] == []


def test_only_the_listed_are_let_in(make_box):
    box = cell(make_box, registration="listed", subscribers=IMSI + "=555", reject_cause=13)
    phone, other = box.gsm.add(IMSI), box.gsm.add("001010000000002")
    phone.power_on()
    other.power_on()
    box.run_until(lambda: phone.registered and other.refused == 13, timeout_s=20)
    assert box.app.status()["gsm"]["phones"] == ["555"]


def test_switched_off_is_not_registered(make_box):
    box = cell(make_box)
    phone = box.gsm.add(IMSI)
    phone.power_on()
    box.run_until(lambda: phone.registered and phone.state == "idle", timeout_s=10)
    phone.power_off()
    box.run_until(lambda: box.app.status()["gsm"]["phones"] == [], timeout_s=10)


def test_thirty_phones_at_once(make_box):
    """Eight SDCCHs: most are refused at first, and come again."""
    box = cell(make_box)
    phones = [box.gsm.add(f"0010100000000{i:02}") for i in range(30)]
    for phone in phones:
        phone.power_on()
    box.run_until(lambda: all(phone.registered for phone in phones), timeout_s=180)
    assert len(set(box.app.status()["gsm"]["phones"])) == 30 and box.misuse == []
