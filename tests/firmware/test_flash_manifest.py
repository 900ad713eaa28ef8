"""The manifest: its octets, and that nothing is believed of one that is damaged or not for this box."""

import hashlib

import pytest
from flash_bench import BOARD, KEY, OTHER_KEY, REVISION, Bench, make_image, public
from hypothesis import given
from hypothesis import strategies as st

from femtojack.flash import manifest, results

BOX = Bench().board
GOOD = make_image(7, b"payload" * 40)[: manifest.SIZE]


def test_the_octets_are_as_documented():
    payload = b"abc"
    image = make_image(0x01020304, payload, version="2.3")
    assert image[:8] == b"FJIMAGE1"
    assert image[8:24] == BOARD.encode().ljust(16, b"\0")
    assert image[24:28] == REVISION.to_bytes(2, "little") + b"\0\0"
    assert image[28:44] == b"2.3".ljust(16, b"\0")
    assert image[44:48] == b"\x04\x03\x02\x01" and image[48:52] == b"\x03\0\0\0"
    assert image[52:84] == hashlib.sha256(payload).digest()
    assert image[84:92] == hashlib.sha256(public(KEY)).digest()[:8]
    assert image[92:128] == bytes(36)
    KEY.public_key().verify(image[128:192], b"femtojack image v1\0" + image[:128])
    assert image[192:] == payload


def test_the_fields_are_read_back():
    found = manifest.parse(GOOD)
    assert (found.board, found.revision, found.version, found.counter, found.size) == (BOARD, REVISION, "1.0", 7, 280)
    assert found.judge(BOX) == 0


def test_no_single_bit_can_be_flipped():
    for i in range(8 * manifest.SIZE):
        octets = bytearray(GOOD)
        octets[i // 8] ^= 1 << i % 8
        found = manifest.parse(octets)
        assert found is None or found.judge(BOX) != 0, i


def test_no_length_but_the_whole_is_a_manifest():
    for n in (*range(manifest.SIZE), manifest.SIZE + 1):
        assert manifest.parse(GOOD.ljust(n, b"\0")[:n]) is None


@given(st.binary(min_size=manifest.SIZE, max_size=manifest.SIZE))
def test_anything_is_refused_or_read(octets):
    found = manifest.parse(octets)
    assert found is None or found.judge(BOX) != 0


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"key": OTHER_KEY}, results.WRONG_KEY),
        ({"board": "other"}, results.WRONG_BOARD),
        ({"board": "benc"}, results.WRONG_BOARD),
        ({"revision": REVISION + 1}, results.WRONG_REVISION),
        ({"revision": REVISION - 1}, results.WRONG_REVISION),
    ],
)
def test_what_is_not_for_this_box_is_refused(options, code):
    assert manifest.parse(make_image(1, **options)[: manifest.SIZE]).judge(BOX) == code


def test_a_signature_of_the_body_without_the_domain_is_none():
    body = GOOD[: manifest.BODY]
    assert manifest.parse(body + KEY.sign(body)).judge(BOX) == results.BAD_SIGNATURE


def test_another_key_under_the_id_of_ours_is_a_bad_signature():
    body = GOOD[: manifest.BODY]
    forged = body + OTHER_KEY.sign(manifest.signed_part(body))
    assert manifest.parse(forged).judge(BOX) == results.BAD_SIGNATURE


@pytest.mark.parametrize(
    "fields",
    [
        {"board": ""}, {"board": "x" * 17}, {"board": "a b"}, {"version": "é"}, {"revision": 65536}, {"counter": -1},
        {"counter": 1 << 32}, {"size": 0}, {"size": 1 << 32}, {"digest": b""}, {"key": bytes(7)},
    ],
)  # fmt: skip
def test_fields_that_do_not_fit_are_told(fields):
    right = {"board": "b", "revision": 1, "version": "1", "counter": 1, "size": 1, "digest": bytes(32), "key": bytes(8)}
    manifest.pack(**right)
    with pytest.raises(ValueError):
        manifest.pack(**{**right, **fields})


def test_every_result_has_a_name():
    codes = {value for key, value in vars(results).items() if key.isupper() and key != "NAMES"}
    assert codes == set(range(len(results.NAMES))) and len(set(results.NAMES)) == len(results.NAMES)
    assert results.name(200) == "unknown"
