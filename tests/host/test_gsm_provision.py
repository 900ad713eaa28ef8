"""`femtojack gsm provision`, and boxes whose phones then authenticate and cipher."""

import contextlib
import io
import json
import shutil
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from femtohost.errors import UserError
from femtohost.gsm_triplets import read_triplets
from femtohost.peers.gsm_sim import milenage
from femtohost.store import FileStore

IMSI = "001010000000001"
OTHER = "001010000000002"
KI = bytes.fromhex("465b5ce8b199b49faa5f0a2ee238a6bc")
OPC = bytes.fromhex("cd63cb71954a9f4e48a5994e37a02baf")
REQUIRED = {"gsm": {"enabled": True, "cipher": 1, "authentication": "required"}}


def by_milenage(run, *more, imsi=IMSI):
    return run("gsm", "provision", "milenage", imsi, "--ki", KI.hex(), "--opc", OPC.hex(), "--profile", "box", *more)


def listed(run):
    code, out, _ = run("gsm", "provision", "list", "--profile", "box", "--json")
    assert code == 0
    return {one["imsi"]: one["triplets"] for one in json.loads(out)["provisioned"]}


def triplet(number):
    """(RAND, SRES, Kc) of the SIM, as a tool that is not ours could have made them."""
    rand = bytes((number,)) * 16
    return rand, *milenage(OPC)(KI, rand)


def table(count=3, order=(0, 1, 2), between=" ", imsi=""):
    """The text of a file."""
    rows = [[triplet(i)[field].hex() for field in order] for i in range(count)]
    return "# made by hand\n\n" + "".join(between.join([*([imsi] if imsi else []), *row]) + "\n" for row in rows)


def powered(make_box, folder, ki, opc=OPC):
    """A box with that profile, and the phone of IMSI switched on there."""
    box = make_box(REQUIRED, store=FileStore(folder / "box" / "store"))
    phone = box.gsm.add(IMSI, ki, opc=opc)
    phone.power_on()
    return box, phone


def ciphered(box):
    """The algorithms that the box has switched on: CIPHER.req is 46, its payload begins with the A5 number."""
    return [data[8] for _, point, data in box.trace.records if point == "l1.down" and data[0] == 0x46]


def test_a_provisioned_phone_authenticates_and_ciphers(run, make_box, tmp_path):
    assert by_milenage(run)[0] == 0
    box, phone = powered(make_box, tmp_path, KI)
    box.run_until(lambda: phone.registered, timeout_s=15)
    assert ciphered(box) == [1] and box.misuse == []


@pytest.mark.parametrize(("ki", "opc"), [(bytes(16), OPC), (KI, bytes(16))])
def test_a_phone_with_a_wrong_key_is_refused(run, make_box, tmp_path, ki, opc):
    by_milenage(run)
    box, phone = powered(make_box, tmp_path, ki, opc)
    box.run_for(20)
    assert not phone.registered and box.app.status()["gsm"]["phones"] == [] and ciphered(box) == []


def test_a_phone_with_triplets_of_a_file(run, make_box, tmp_path):
    (tmp_path / "triplets.txt").write_text(table())
    code, out, _ = run("gsm", "provision", "triplets", IMSI, "triplets.txt", "--profile", "box", "--json")
    assert code == 0 and json.loads(out) == {"imsi": IMSI, "triplets": 3}
    box, phone = powered(make_box, tmp_path, KI)
    box.run_until(lambda: phone.registered, timeout_s=15)
    assert ciphered(box) == [1]


def test_a_phone_whose_triplets_were_removed_is_refused(run, make_box, tmp_path):
    by_milenage(run)
    by_milenage(run, "--count", "7", imsi=OTHER)
    assert listed(run) == {IMSI: 20, OTHER: 7}
    assert run("gsm", "provision", "remove", IMSI, "--profile", "box")[0] == 0
    assert listed(run) == {OTHER: 7}
    box, phone = powered(make_box, tmp_path, KI)
    box.run_for(20)
    assert not phone.registered


def test_the_list_for_people(run):
    by_milenage(run)
    code, out, _ = run("gsm", "provision", "list", "--profile", "box")
    assert code == 0 and out.split() == ["IMSI", "triplets", IMSI, "20"]


def test_no_key_stands_in_the_profile(run, tmp_path):
    by_milenage(run)
    (file,) = (tmp_path / "box" / "store").iterdir()
    octets = file.read_bytes()
    assert len(octets) == 20 * 28 and KI not in octets and OPC not in octets


def test_a_key_by_standard_input(run, monkeypatch, tmp_path):
    monkeypatch.setattr("sys.stdin", io.StringIO(KI.hex() + "\n"))
    code, *_ = run("gsm", "provision", "milenage", IMSI, "--ki", "-", "--opc", OPC.hex(), "--profile", "box")
    octets = FileStore(tmp_path / "box" / "store").get("gsm-auth-" + IMSI)
    assert code == 0 and milenage(OPC)(KI, octets[:16]) == (octets[16:20], octets[20:28])


def test_comp128(run):
    pytest.importorskip("comp128", reason="comp128 is missing; pip install femtojack[peers]")
    code, out, _ = run("gsm", "provision", "comp128v1", IMSI, "--ki", KI.hex(), "--count", "2", "--profile", "box")
    assert code == 0 and out == f"{IMSI}: 2 triplets\n"


def test_comp128_where_it_is_not_installed(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "comp128.comp128v1", None)
    code, _, err = run("gsm", "provision", "comp128v1", IMSI, "--ki", KI.hex(), "--profile", "box")
    assert code == 2 and "femtojack[peers]" in err and err.count("\n") == 1


def test_a_profile_that_cannot_be(run, tmp_path):
    (tmp_path / "box").write_text("no folder")
    for done in (by_milenage(run), run("gsm", "provision", "list", "--profile", "box")):
        code, out, err = done
        assert (code, out) == (2, "") and err.count("\n") == 1


def test_new_triplets_take_the_place_of_the_old_ones(run):
    by_milenage(run)
    by_milenage(run, "--count", "3")
    assert listed(run) == {IMSI: 3}


@pytest.mark.parametrize(
    "words",
    [
        ("milenage", "12345", "--ki", "00" * 16, "--opc", "00" * 16),
        ("milenage", "00101000000000x", "--ki", "00" * 16, "--opc", "00" * 16),
        ("milenage", "0010100000000012", "--ki", "00" * 16, "--opc", "00" * 16),
        ("milenage", "../../../../etc/x", "--ki", "00" * 16, "--opc", "00" * 16),
        ("milenage", IMSI, "--ki", "5ec12e7", "--opc", "00" * 16),
        ("milenage", IMSI, "--ki", "5ec12e7g" * 4, "--opc", "00" * 16),
        ("milenage", IMSI, "--ki", "00" * 16, "--opc", ""),
        ("milenage", IMSI, "--ki", "00" * 16),
        ("milenage", IMSI, "--ki", "00" * 16, "--opc", "00" * 16, "--count", "0"),
        ("milenage", IMSI, "--ki", "00" * 16, "--opc", "00" * 16, "--count", "101"),
        ("comp128v1", IMSI, "--ki", "-" * 32),
        ("triplets", IMSI, "nothing.txt"),
        ("triplets", IMSI, "."),
        ("remove", IMSI),
    ],
)
def test_what_is_wrong_is_told_in_a_line(run, tmp_path, words):
    code, out, err = run("gsm", "provision", *words, "--profile", "box")
    assert (code, out) == (2, "") and err.count("\n") == 1 and "Traceback" not in err
    assert "5ec12e7" not in err, "a key in a message"
    assert listed(run) == {} and not (tmp_path / "box").exists()


@pytest.mark.parametrize(
    ("order", "between", "imsi"),
    [((0, 1, 2), " ", ""), ((2, 1, 0), ":", IMSI), ((0, 1, 2), ",", IMSI), ((1, 0, 2), "\t; ", "")],
)
def test_tables_as_tools_write_them(tmp_path, order, between, imsi):
    file = tmp_path / "triplets"
    file.write_text(table(order=order, between=between, imsi=imsi))
    assert read_triplets(file, IMSI) == b"".join(b"".join(triplet(i)) for i in range(3))


def test_a_table_of_several_sims(tmp_path):
    file = tmp_path / "triplets"
    file.write_text(table(count=2, between=":", imsi=OTHER) + table(count=1, between=":", imsi=IMSI))
    assert read_triplets(file, IMSI) == b"".join(triplet(0))
    with pytest.raises(UserError, match="0 triplets of IMSI 001010000000003"):
        read_triplets(file, "001010000000003")


def test_what_osmo_auc_gen_prints(tmp_path):
    tool = shutil.which("osmo-auc-gen")
    if tool is None:
        pytest.skip("osmo-auc-gen is missing: apt install libosmocore-utils")
    said = b""
    for i in range(3):
        command = [tool, "-3", "-a", "MILENAGE", "-k", KI.hex(), "-o", OPC.hex(), "-s", "1", "-r", triplet(i)[0].hex()]
        said += subprocess.run(command, capture_output=True, check=True).stdout
    file = tmp_path / "triplets"
    file.write_bytes(said)
    assert read_triplets(file, IMSI) == b"".join(b"".join(triplet(i)) for i in range(3))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "0 triplets"),
        ("# nothing\n", "0 triplets"),
        (table(count=101), "101 triplets"),
        (table(count=1) * 2, "same RAND"),
        (table() + "x\n", ":6: should be RAND"),
        (table(count=1).replace("\n", " 00\n"), "should be RAND"),
        (table(order=(0, 1)), ":3: should be RAND"),
        (table(order=(0, 1, 1)), ":3: should be RAND"),
        ("RAND: " + "00" * 16 + "\nSRES: 00000000\n", "without its SRES or Kc"),
        ("RAND: " + "00" * 16 + "\nSRES: 0000000000\n", ":2: should be RAND"),
        ("SRES: 00000000\n", ":1: should be RAND"),
        ("RAND: " + "00" * 16 + "\nKc: " + "00" * 8 + "\nKc: " + "00" * 8 + "\n", ":3: should be RAND"),
        ("0" * 70000, "larger than"),
    ],
)
def test_files_that_are_refused(run, tmp_path, text, says):
    (tmp_path / "triplets.txt").write_text(text)
    code, _, err = run("gsm", "provision", "triplets", IMSI, "triplets.txt", "--profile", "box")
    assert code == 2 and says in err and err.count("\n") == 1 and not (tmp_path / "box").exists()


@given(st.binary(max_size=400))
def test_any_file_is_read_or_refused(tmp_path_factory, octets):
    file = tmp_path_factory.getbasetemp() / "any-triplets"
    file.write_bytes(octets)
    with contextlib.suppress(UserError):
        assert len(read_triplets(file, IMSI)) % 28 == 0
