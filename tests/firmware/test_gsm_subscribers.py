"""The subscribers: numbers, records, TMSIs, and room for new ones; triplets; the mailbox."""

from itertools import count

import pytest
from gsm_cell_bench import Store

from femtojack.config import ConfigError, validate
from femtojack.gsm import l1
from femtojack.gsm.auth import Triplets
from femtojack.gsm.subscribers import MOST, Subscribers

NUMBERS = count(1)


def entropy(buf):
    buf[:] = next(NUMBERS).to_bytes(len(buf), "big")


def make(store=None, **settings):
    return Subscribers(store, validate({"gsm": settings})["gsm"], entropy)


def imsi(i):
    return f"0010100000{i:05}"


def test_numbers_are_given_in_turn_and_never_twice():
    subscribers = make(first_number=100, subscribers=imsi(1) + "=102 " + imsi(2))
    found = [subscribers.admit(imsi(i)) for i in (3, 1, 2, 4)]
    assert [s.number for s in found] == ["103", "102", "101", "104"]  # 100 is the line's
    assert subscribers.admit(imsi(3)) is found[0] and len(subscribers) == 4


def test_listed_only():
    subscribers = make(registration="listed", subscribers=imsi(1))
    assert subscribers.admit(imsi(1)).number == "201" and subscribers.admit(imsi(2)) is None


def test_record_by_hand():
    store = Store()
    s = make(store).admit("001010000000001")
    s.imei, s.registered, s.tmsi = "3512345678901203", True, b"\1\2\3\4"
    subscribers = make(store)
    subscribers.save(s)
    assert store.values["gsm-0"].hex() == (
        "01" + "00010100000000f1" + "5321436587092130" + "02f1ffffffffffff" + "01020304"
    )
    again = make(store).find(imsi="001010000000001")
    assert vars(again) == {**vars(s), "seen": 0}


@pytest.mark.parametrize("record", [b"", b"\1", bytes(28), bytes(30), b"\xff" * 29, bytes(29)])
def test_bad_records_do_no_harm(record):
    store = Store()
    store.put("gsm-5", record)
    subscribers = make(store)
    assert subscribers.admit(imsi(1)).number == "201"
    assert subscribers.find(number="201").imsi == imsi(1)


def test_listed_number_wins_over_the_stored():
    store = Store()
    make(store).admit(imsi(1))
    assert make(store, subscribers=imsi(1) + "=555").find(imsi=imsi(1)).number == "555"


def test_tmsis():
    subscribers = make()
    a, b = subscribers.admit(imsi(1)), subscribers.admit(imsi(2))
    first, second = subscribers.allocate_tmsi(a), subscribers.allocate_tmsi(b)
    assert first != second and subscribers.find(tmsi=first) is a
    subscribers.confirm_tmsi(a)
    third = subscribers.allocate_tmsi(a)
    assert subscribers.find(tmsi=first) is subscribers.find(tmsi=third) is a
    subscribers.confirm_tmsi(a)
    assert subscribers.find(tmsi=first) is None and a.tmsi == third


def test_tmsi_is_never_all_ones_or_anothers():
    values = iter([b"\xff" * 4, b"\0\0\0\1", b"\0\0\0\1", b"\0\0\0\2"])

    def choose(buf):
        buf[:] = next(values)

    subscribers = Subscribers(None, validate({})["gsm"], choose)
    a, b = subscribers.admit(imsi(1)), subscribers.admit(imsi(2))
    assert (subscribers.allocate_tmsi(a), subscribers.allocate_tmsi(b)) == (b"\0\0\0\1", b"\0\0\0\2")


def test_full():
    """Who is gone and not listed makes room; who is registered does not."""
    store = Store()
    subscribers = make(store, subscribers=imsi(0))
    for i in range(1, MOST):
        subscribers.admit(imsi(i)).registered = True
    assert len(subscribers) == MOST and subscribers.admit(imsi(500)) is None  # the listed one stays
    gone = subscribers.find(imsi=imsi(7))
    gone.registered = False
    new = subscribers.admit(imsi(500))
    assert (new.index, new.number) == (7, gone.number) and subscribers.find(imsi=imsi(7)) is None
    subscribers.save(gone)  # a session that still has it
    assert make(store).find(imsi=imsi(500)) and make(store).find(imsi=imsi(7)) is None


def test_nothing_is_written_twice():
    store = Store()
    subscribers = make(store)
    s = subscribers.admit(imsi(1))
    puts = []
    store.put = lambda key, data: puts.append(key)
    subscribers.save(s)
    s.registered = True
    subscribers.save(s)
    assert puts == ["gsm-0"]


@pytest.mark.parametrize(
    "text", ["1234", "00101000000001=12x", "001010000000001 001010000000001", "0010100000000012", "x"]
)
def test_bad_lists(text):
    with pytest.raises(ConfigError, match=r"gsm.subscribers: .*IMSI"):
        make(subscribers=text)


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        ({"arfcn": 0}, "arfcn"),
        ({"arfcn": 50, "arfcn_dedicated": 512}, "arfcn_dedicated"),
        ({"arfcn": 512, "arfcn_dedicated": 624}, "arfcn_dedicated"),
        ({"mcc": "1"}, "mcc"),
        ({"cipher": 2}, "cipher"),
        ({"periodic_update": 7}, "periodic_update"),
        ({"traffic_channels": 8}, "traffic_channels"),
    ],
)
def test_bad_settings(settings, key):
    with pytest.raises(ConfigError, match="gsm." + key):
        validate({"gsm": settings})


def test_triplets_go_round():
    store = Store()
    octets = [bytes([i]) * 16 + bytes([i + 100]) * 4 + bytes([i + 200]) * 8 for i in range(3)]
    store.put("gsm-auth-" + imsi(1), b"".join(octets) + b"left over")
    triplets = Triplets(store, entropy)
    taken = [triplets.take(imsi(1)) for _ in range(4)]  # from anywhere on
    assert taken[0].rand == taken[3].rand and len({t.rand for t in taken}) == 3
    assert all(t.rand + t.sres + t.key in octets for t in taken)
    assert triplets.take(imsi(2)) is None and triplets.take("") is None and Triplets(None, entropy).take("1") is None


class Port:
    def __init__(self, *messages):
        self.messages = list(messages)
        self.sent = []
        self.room = True

    def recv_into(self, buf):
        if not self.messages:
            return 0
        message = self.messages.pop(0)
        buf[: len(message)] = message
        return len(message)

    def send(self, buf, n):
        self.sent.append(bytes(buf[:n]).hex())
        return self.room


def test_messages_up():
    data = bytes.fromhex("02410017002967ff") + bytes(range(23))
    mailbox = l1.Mailbox(Port(b"\1\2", data[:30], b"\1\x41\0\1\0\0\0\0", data))
    assert mailbox.receive() and mailbox.bad == 3
    assert (mailbox.type, mailbox.chan_nr, mailbox.link_id, mailbox.length) == (2, 0x41, 0, 23)
    assert mailbox.fn == 2713599 and mailbox.block == bytes(range(23)) and mailbox.sacch_block == bytes(range(2, 23))
    assert not mailbox.receive()


def test_messages_down():
    port = Port()
    mailbox = l1.Mailbox(port)
    mailbox.out[:] = bytes(23)
    mailbox.data(0x41, 0, 2713599)
    mailbox.sacch_out[:] = b"\xee" * 21
    mailbox.sacch(0x41, 5, 14, 2)
    mailbox.activate(0x0A, 3, 14)
    mailbox.mode(0x0A, True)
    mailbox.cipher(0x0A, 1, bytes(range(8)))
    mailbox.deactivate(0x0A)
    mailbox.speak(0x0A, b"\xd0" + bytes(32))
    mailbox.grant(bytes(23))
    mailbox.page(bytes(23), 9)
    mailbox.system_information(5, bytes(21))
    assert port.sent == [
        "41410017002967ff" + "00" * 23,
        "4141401700000005" + "0e02" + "ee" * 21,
        "430a000200000000" + "030e",
        "450a000100000000" + "01",
        "460a000900000000" + "010001020304050607",
        "440a000000000000",
        "420a002200000000" + "01d0" + "00" * 32,
        "4190001700000000" + "00" * 23,
        "4190011800000000" + "00" * 23 + "09",
        "4780401600000000" + "05" + "00" * 21,
    ]
    port.room = False
    assert not mailbox.deactivate(0x0A) and mailbox.refused == 1
