"""The flash chip behind the Board contract: pins, trace, power."""

import hashlib

import pytest

from femtohost.emulator import Emulator
from femtohost.flash.memory import Flash, open_image


def frame(nor, *octets, read=0):
    buffer = bytearray(octets) + bytes(read)
    nor.cs.value(0)
    nor.spi.write_readinto(buffer, buffer)
    nor.cs.value(1)
    return bytes(buffer[len(octets) :])


@pytest.fixture
def flash():
    return Flash()


def test_a_board_without_flash_is_one():
    with Emulator() as box:
        assert box.board.nor is None and box.nor is None


def test_the_bus(flash):
    with Emulator(flash=flash) as box:
        assert frame(box.board.nor, 0x9F, read=3) == b"\xef\x40\x18"
        records = [data for _, data in box.trace.find("nor") if data[0] == 0x9F]
        assert records and records[-1][:4] == b"\x9f\0\0\0" and records[-1][4:7] == b"\0\0\4"


def test_what_it_holds_outlives_the_power_and_a_cut_leaves_it_torn():
    left = set()
    for seed in range(12):
        flash = Flash(seed=seed)
        with Emulator(flash=flash) as box:
            nor = box.board.nor
            frame(nor, 0x06)
            frame(nor, 0x02, 0xFF, 0xF0, 0, *bytes(200))
        with Emulator(flash=flash) as box:
            left.add(frame(box.board.nor, 0x03, 0xFF, 0xF0, 0, read=200))
    assert len(left) > 3


def test_the_image_of_a_profile(tmp_path):
    Flash().save(tmp_path)
    flash = open_image(tmp_path)
    with Emulator(flash=flash) as box:
        frame(box.board.nor, 0x06)
        frame(box.board.nor, 0x02, 0xFF, 0xF0, 0, *b"here")
        box.run_for(0.01)
    flash.close()
    image = (tmp_path / "flash.bin").read_bytes()
    assert image[0xFFF000:0xFFF004] == b"here"


def test_what_a_board_verifies_with():
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"key").digest())
    public = key.public_key().public_bytes_raw()
    with Emulator(flash=Flash(keys=(public,))) as box:
        verify = box.board.crypto.ed25519_verify
        assert box.board.keys == (public,)
        assert verify(public, b"message", key.sign(b"message"))
        assert not verify(public, b"massage", key.sign(b"message"))
        assert not verify(b"short", b"message", key.sign(b"message"))
        assert not verify(b"\xff" * 32, b"message", b"")
