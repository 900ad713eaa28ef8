"""The disc and the store: files of a person, which may be anything."""

import os

import pytest

from femtohost.clock import SECOND, Clock
from femtohost.disc import BLOCK, Disc, DiscError
from femtohost.store import FileStore, MemoryStore, provision


def image(blocks=20, fill=b"\x5a"):
    octets = bytearray(fill * (blocks * BLOCK))
    octets[16 * BLOCK + 1 : 16 * BLOCK + 6] = b"CD001"
    return bytes(octets)


@pytest.fixture
def file(tmp_path):
    (tmp_path / "a.iso").write_bytes(image())
    return tmp_path / "a.iso"


def test_blocks_are_read(file):
    disc, block, two = Disc(str(file)), bytearray(BLOCK), bytearray(2 * BLOCK)
    assert disc.count == 20
    disc.read(16, block)
    assert block[1:6] == b"CD001"
    disc.read(18, two)
    assert two == b"\x5a" * 2 * BLOCK


@pytest.mark.parametrize(("lba", "size"), [(20, BLOCK), (19, 2 * BLOCK), (0, 100), (1 << 40, BLOCK)])
def test_what_is_not_there_is_an_error(file, lba, size):
    with pytest.raises(OSError):
        Disc(str(file)).read(lba, bytearray(size))


def test_no_medium(file):
    disc = Disc()
    assert disc.count == 0
    with pytest.raises(OSError):
        disc.read(0, bytearray(BLOCK))
    disc.load(str(file))
    disc.eject()
    disc.eject()
    assert disc.count == 0


def test_an_image_that_becomes_shorter_is_an_error_and_no_crash(file):
    disc = Disc(str(file))
    os.truncate(file, 17 * BLOCK)
    with pytest.raises(OSError):
        disc.read(17, bytearray(BLOCK))


@pytest.mark.parametrize(
    "octets", [b"", bytes(100), image()[:-1], bytes(20 * BLOCK), image(16)], ids=lambda octets: str(len(octets))
)
def test_what_is_no_image_is_refused_in_one_line(tmp_path, octets):
    (tmp_path / "bad.iso").write_bytes(octets)
    with pytest.raises(DiscError) as refused:
        Disc(str(tmp_path / "bad.iso"))
    assert "bad.iso" in str(refused.value) and "\n" not in str(refused.value)


def test_what_cannot_be_opened_is_refused(tmp_path):
    for name in ("missing.iso", "."):
        with pytest.raises(DiscError):
            Disc(str(tmp_path / name))


def test_a_refused_image_leaves_the_old_one(file, tmp_path):
    disc = Disc(str(file))
    with pytest.raises(DiscError):
        disc.load(str(tmp_path / "missing.iso"))
    assert disc.count == 20


def test_a_swap_leaves_the_drive_empty_for_a_second(file):
    disc = Disc(str(file))
    disc.clock = Clock()
    disc.swap(image(30))
    assert disc.count == 0
    disc.clock.run_next()
    assert disc.clock.now == SECOND and disc.count == 30


# -- store ------------------------------------------------------------------------------------------------------------


@pytest.fixture(params=["memory", "file"])
def store(request, tmp_path):
    return MemoryStore() if request.param == "memory" else FileStore(tmp_path / "store")


def test_a_value_stays_until_the_next(store):
    assert store.get("serial") is None
    store.put("serial", b"one")
    store.put("serial", bytearray(b"two"))
    assert store.get("serial") == b"two" and store.get("other") is None


@pytest.mark.parametrize("key", ["", "../escape", ".hidden", "UPPER", "a" * 33, "a/b"])
def test_keys_name_no_other_file(store, key):
    with pytest.raises(ValueError):
        store.put(key, b"")


def test_a_serial_number_is_given_once(store):
    provision(store, bytes.fromhex("0a1b2c3d4e5f"))
    provision(store, bytes(6))
    assert store.get("serial") == b"0A1B2C3D4E5F"


def test_files_survive_the_process_and_leave_no_drafts(tmp_path):
    FileStore(tmp_path / "s").put("number", b"555")
    assert FileStore(tmp_path / "s").get("number") == b"555"
    assert [path.name for path in (tmp_path / "s").iterdir()] == ["number"]


def test_a_cut_before_the_end_leaves_the_old_value(tmp_path, monkeypatch):
    store = FileStore(tmp_path / "s")
    store.put("number", b"old")
    monkeypatch.setattr(os, "fsync", lambda descriptor: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        store.put("number", b"new")
    assert store.get("number") == b"old"


def test_a_disc_on_its_way_is_in_when_the_power_is_back():
    disc = Disc(image())
    disc.clock = Clock()
    disc.swap(image(30))
    assert disc.count == 0
    disc.clock = Clock()
    assert disc.count == 30


def test_of_two_that_are_put_in_the_second_stays_and_an_ejected_one_never_comes():
    disc = Disc(image())
    disc.clock = clock = Clock()
    disc.swap(image(30))
    clock.advance(SECOND // 2)
    disc.swap(image(40))
    assert clock.run_next() and clock.now == SECOND and disc.count == 0
    assert clock.run_next() and clock.now == 3 * SECOND // 2 and disc.count == 40
    disc.swap(image(30))
    disc.eject()
    assert clock.run_next() and disc.count == 0
