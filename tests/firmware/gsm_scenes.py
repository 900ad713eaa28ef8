"""Phones of a test that have a key, that are in a call, that have a traffic channel."""

from gsm_cell_bench import IMSI, Store, mobile_identity, service_request

RAND, SRES, KC = bytes(range(16)), bytes.fromhex("fda6288e"), bytes.fromhex("2397a92ef9683000")
SETUP = bytes.fromhex("03450403600280" + "5e038120a1" + "150101")
CP_DATA = bytes.fromhex("090103aabbcc")


def with_key(imsi=IMSI):
    store = Store()
    store.put("gsm-auth-" + imsi, RAND + SRES + KC)
    return store


def right_answer(phone, message):
    assert message[3:19] == RAND
    phone.say(b"\x05\x54" + SRES)


def complete_cipher(phone, message):
    phone.say(b"\x06\x32\x17\x09" + mobile_identity(3, "3500000000000777"))


def keyed(phone):
    phone.answers[b"\x05\x12"] = right_answer
    phone.answers[b"\x06\x35"] = complete_cipher
    return phone


def in_call(bench, service=1, ra=0xE0, phone=None):
    """(phone, connection) of a phone that asked for a service."""
    phone = phone or bench.registered()
    phone.access(ra, service_request(phone.tmsi, service))
    bench.run(2000)
    return phone, bench.users[{1: 3, 2: 3, 4: 9, 8: 11}[service]].connections[-1]


def with_traffic_channel(bench):
    phone, connection = in_call(bench)
    phone.say(SETUP)
    connection.assign(bench.now)
    bench.run(2000)
    assert bench.users[3].names == ["opened", "received", "assigned"]
    return phone, connection


def only(bench, kind):
    return [message for message in bench.l1.sent if message[0] == kind]
