"""OpenSSL, which we did not write, on our keys and signatures."""

import subprocess

import pytest
from programs import find, needs

from femtohost.flash import image, keys
from femtojack.flash import manifest

pytestmark = needs("openssl", package="openssl")


@pytest.fixture
def signed(tmp_path):
    """An update file, and its key's files."""
    keys.generate(tmp_path / "key")
    octets = image.sign(image.build("emulator", "1.1", 1), keys.load_private(tmp_path / "key"))
    return octets, tmp_path


def verify(octets, folder):
    """Whether OpenSSL takes the manifest's signature."""
    (folder / "message").write_bytes(b"femtojack image v1\0" + octets[:128])
    (folder / "signature").write_bytes(octets[128:192])
    command = [find("openssl"), "pkeyutl", "-verify", "-pubin", "-inkey", "key.pub", "-rawin"]
    done = subprocess.run([*command, "-in", "message", "-sigfile", "signature"], cwd=folder, capture_output=True)
    return done.returncode == 0


def test_it_verifies_our_manifests_and_no_other(signed):
    octets, folder = signed
    assert verify(octets, folder)
    for i in (0, 40, 127, 128, 191):
        assert not verify(octets[:i] + bytes((octets[i] ^ 1,)) + octets[i + 1 :], folder)


def test_a_signature_of_its_own_is_taken(signed):
    octets, folder = signed
    body = octets[: manifest.BODY]
    (folder / "message").write_bytes(manifest.signed_part(body))
    command = [find("openssl"), "pkeyutl", "-sign", "-inkey", "key", "-rawin", "-in", "message", "-out", "signature"]
    subprocess.run(command, cwd=folder, check=True)
    theirs = body + (folder / "signature").read_bytes() + octets[manifest.SIZE :]
    assert image.why_not(theirs, keys.load_public(folder / "key.pub")) is None


def test_a_key_of_its_own_is_taken(tmp_path):
    subprocess.run([find("openssl"), "genpkey", "-algorithm", "ed25519", "-out", "key"], cwd=tmp_path, check=True)
    subprocess.run([find("openssl"), "pkey", "-in", "key", "-pubout", "-out", "key.pub"], cwd=tmp_path, check=True)
    octets = image.sign(image.assemble(b"x", "emulator", "1", 1), keys.load_private(tmp_path / "key"))
    assert image.why_not(octets, keys.load_public(tmp_path / "key.pub")) is None
    assert verify(octets, tmp_path)
