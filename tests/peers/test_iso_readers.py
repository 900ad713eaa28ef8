"""Installer images as other programs read them: every file is there, whole, by its Joliet and its ISO 9660 name."""

import hashlib
import random
import subprocess

import pytest
from programs import needs

from femtohost.iso import build


@pytest.fixture(scope="module")
def disc(tmp_path_factory):
    """(folder, image): files of awkward sizes and names, a folder of many, seven levels."""
    tmp_path = tmp_path_factory.mktemp("disc")
    folder, rng = tmp_path / "files", random.Random(1)
    (folder / "a/b/c/d/e/f").mkdir(parents=True)
    (folder / "many").mkdir()
    for name, size in (("none", 0), ("one", 1), ("sector", 2048), ("more", 2049), ("big.bin", 3_000_000)):
        (folder / name).write_bytes(rng.randbytes(size))
    (folder / "a/b/c/d/e/f/a name with blanks - and more than thirty letters.text.txt").write_text("deep")
    for number in range(300):  # more than one sector of directory records
        (folder / "many" / f"file number {number:03}.dat").write_bytes(rng.randbytes(number))
    image = tmp_path / "disc.iso"
    build(folder, image)
    return folder, image


def hashes(folder):
    """{name within the folder: SHA-256}"""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@needs("xorriso", package="xorriso")
def test_xorriso(disc, tmp_path):
    folder, image = disc
    command = ["xorriso", "-abort_on", "WARNING", "-osirrox", "on", "-indev", image, "-extract", "/", tmp_path / "out"]
    subprocess.run(command, check=True, capture_output=True, timeout=600)
    (tmp_path / "out/autorun.inf").unlink()
    assert hashes(tmp_path / "out") == hashes(folder)


@needs("isoinfo", package="genisoimage")
@pytest.mark.parametrize("tree", [["-J"], []], ids=["Joliet", "ISO 9660"])
def test_isoinfo(disc, tree):
    folder, image = disc

    def isoinfo(*arguments):
        done = subprocess.run(["isoinfo", "-i", image, *tree, *arguments], capture_output=True, check=True, timeout=600)
        return done.stdout

    names = isoinfo("-f").decode().splitlines()
    wanted = hashes(folder)
    assert len(names) == len(wanted) + 8  # seven folders, autorun.inf
    samples = [name for name in names if "/MANY/" not in name.upper()] + [name for name in names if "07" in name]
    found = {hashlib.sha256(isoinfo("-x", name)).hexdigest() for name in samples}
    assert len(found & set(wanted.values())) == 6 + 13
