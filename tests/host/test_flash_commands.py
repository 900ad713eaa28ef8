"""`femtojack image` and `femtojack flash`, as a person types them."""

import json
from itertools import pairwise

import pytest

from femtohost.flash import image, keys
from femtohost.flash.memory import open_image
from femtojack.flash import results
from femtojack.flash.layout import BLOCK, COPIES


@pytest.fixture
def profile(run, tmp_path):
    code, _, err = run("flash", "provision", "--serial", "ABC123", "--number", "5550123", "--profile", "box")
    assert code == 0, err
    return tmp_path / "box"


@pytest.fixture
def update(run, profile):
    """`update(version, counter, board="emulator", key=the profile's) -> path` of a signed file."""

    def make(version, counter, board="emulator", key=None, payload=b"firmware"):
        path = profile.parent / f"{version}.fji"
        private = keys.load_private(key or profile / "keys" / "factory")
        path.write_bytes(image.sign(image.assemble(payload, board, version, counter), private))
        return path

    return make


def install(run, path, profile):
    code, out, _ = run("image", "install", path, "--profile", profile, "--json")
    return code, json.loads(out)["result"]


def test_from_a_key_to_a_box_that_runs_the_update(run, profile, tmp_path):
    assert run("image", "keygen", "-o", "vendor")[0] == 0
    (tmp_path / "firmware").mkdir()
    (tmp_path / "firmware" / "main.py").write_text("# small, so that it is soon there\n")
    of = ("--board", "emulator", "--version", "1.1", "--security-counter", 1)
    assert run("image", "build", "firmware", *of, "-o", "up.fji")[0] == 0
    code, out, _ = run("image", "inspect", "up.fji", "--json")
    assert not json.loads(out)["signed"]
    assert run("image", "sign", "up.fji", "--key", "vendor", "-o", "signed.fji")[0] == 0
    assert run("image", "verify", "signed.fji", "--key", "vendor.pub")[0] == 0
    code, _, err = run("image", "verify", "up.fji", "--key", "vendor.pub")
    assert code == 1 and "not signed" in err
    code, out, err = run("image", "install", "signed.fji", "--profile", profile)
    assert code == 1 and out.startswith("wrong-key") and "keys" in err
    (profile / "keys" / "vendor.pub").write_bytes((tmp_path / "vendor.pub").read_bytes())
    code, out, _ = run("image", "install", "signed.fji", "--profile", profile, "--json")
    assert code == 0 and json.loads(out) == {"result": "confirmed", "slot": "a", "version": "1.1"}
    facts = json.loads(run("flash", "info", "--profile", profile, "--json")[1])
    assert facts["boots"] == "a" and facts["floor"] == 1 and facts["slots"]["golden"]["good"]
    assert facts["protected"] == [0, 0x800000]


def test_every_refusal_has_its_name(run, profile, update, tmp_path):
    assert install(run, update("2", 5), profile) == (0, "confirmed")
    assert install(run, update("2", 5), profile) == (1, "replay")
    assert install(run, update("1.9", 4), profile) == (1, "downgrade")
    assert install(run, update("3", 6, board="toaster"), profile) == (1, "wrong-board")
    keys.generate(tmp_path / "other")
    assert install(run, update("3", 6, key=tmp_path / "other"), profile) == (1, "wrong-key")
    good = update("3", 6).read_bytes()
    for content, name in (
        (good[:-1], "truncated"), (good[:100], "truncated"), (good + b"\0", "oversize"), (b"\0" * 300, "not-an-image"),
        (good[:150] + bytes((good[150] ^ 1,)) + good[151:], "bad-signature"),
        (good[:-1] + bytes((good[-1] ^ 1,)), "bad-hash"),
    ):  # fmt: skip
        (tmp_path / "bad.fji").write_bytes(content)
        assert install(run, tmp_path / "bad.fji", profile) == (1, name)
        assert name in results.NAMES
    assert install(run, update("3", 6), profile) == (0, "confirmed")
    assert json.loads(run("flash", "identity", "--profile", profile, "--json")[1])["serial"] == "ABC123"


def test_the_map(run, profile):
    found = json.loads(run("flash", "map", "--profile", profile, "--json")[1])["regions"]
    names = ["identity", "boot", "golden", "cd", "identity", "journal", "floor", "slot_a", "slot_b", "littlefs"]
    assert [r["name"] for r in found] == names
    for r, following in pairwise(found):
        assert r["start"] + r["size"] <= following["start"]
        assert r["protected"] == (r["start"] < 0x800000)
    assert "protected" in run("flash", "map", "--profile", profile)[1]


def test_the_identity_is_written_by_provisioning_only(run, profile):
    def identity():
        return json.loads(run("flash", "identity", "--profile", profile, "--json")[1])

    assert identity() == {"serial": "ABC123", "number": "5550123", "copies": 3}
    for lost in range(1, 4):
        flash = open_image(profile)
        flash.silicon.rot(COPIES[lost - 1] + 40, 5)
        flash.close()
        code, out, _ = run("flash", "identity", "--profile", profile, "--json")
        assert json.loads(out)["copies"] == 3 - lost
        assert code == (1 if lost == 3 else 0)
    assert identity() == {"serial": None, "number": None, "copies": 0}
    assert "NO-IDENTITY" in run("flash", "identity", "--profile", profile)[1]
    assert run("flash", "provision", "--serial", "S", "--number", "1", "--profile", profile)[0] == 0
    assert identity() == {"serial": "S", "number": "1", "copies": 3}


def test_a_dump_is_the_image(run, profile, tmp_path):
    assert run("flash", "dump", "--profile", profile, "-o", "all.bin")[0] == 0
    assert (tmp_path / "all.bin").read_bytes() == (profile / "flash.bin").read_bytes()
    assert run("flash", "dump", "--profile", profile, "--region", "journal", "-o", "part.bin")[0] == 0
    assert (tmp_path / "part.bin").stat().st_size == 0x3000
    assert run("flash", "dump", "--profile", profile, "--region", "identity", "-o", "part.bin")[0] == 0
    part = (tmp_path / "part.bin").read_bytes()
    assert len(part) == 3 * BLOCK and {part[i * BLOCK :][:4] for i in range(3)} == {b"FJID"}
    code, _, err = run("flash", "dump", "--profile", profile, "--region", "moon", "-o", "part.bin")
    assert code == 2 and "there are identity, boot" in err


OF = ("--version", "1", "--security-counter", "1", "-o", "f")


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (("flash", "info", "--profile", "absent"), "no flash image"),
        (("flash", "provision", "--serial", "a b", "--number", "1", "--profile", "box"), "--serial"),
        (("flash", "provision", "--serial", "S", "--number", "no", "--profile", "box"), "--number"),
        (("image", "inspect", "absent.fji"), "No such file"),
        (("image", "build", "absent", "--board", "b", *OF), "no folder"),
        (("image", "build", "--board", "moon", *OF), "no board 'moon'"),
        (("image", "build", "--board", "emulator", *OF, "--version", "1 2"), "printable"),
        (("image", "keygen", "-o", "box/keys/factory"), "never overwritten"),
    ],
)
def test_mistakes_are_one_line(run, profile, command, said):
    code, out, err = run(*command)
    assert code == 2 and said in err and err.count("\n") == 1 and not out


def test_an_image_that_is_broken_is_named(run, profile):
    (profile / "flash.bin").write_bytes(b"short")
    code, _, err = run("flash", "info", "--profile", profile)
    assert code == 2 and "5 octets" in err


def test_looking_changes_nothing(run, profile):
    """Not even what a boot would heal or roll back."""
    flash = open_image(profile)
    flash.silicon.rot(COPIES[0] + 3, 1)
    flash.close()
    before = (profile / "flash.bin").read_bytes()
    for command in ("info", "identity", "map"):
        assert run("flash", command, "--profile", profile)[0] == 0
    assert (profile / "flash.bin").read_bytes() == before
