"""Triplets: published vectors, and osmo-auc-gen's word on random ones."""

import shutil
import subprocess

import numpy as np
import pytest

from femtohost.errors import UserError
from femtohost.gsm_auth import comp128v1, milenage, triplets

KI = bytes.fromhex("00112233445566778899aabbccddeeff")
OPC = bytes.fromhex("cd63cb71954a9f4e48a5994e37a02baf")


def test_comp128v1():
    pytest.importorskip("comp128", reason="comp128 is missing; pip install femtojack[peers]")
    sres, kc = comp128v1(KI)(bytes(range(16)))
    assert (sres.hex(), kc.hex()) == ("fda6288e", "2397a92ef9683000")


def test_milenage():
    """TS 35.208 4.3.1 test set 1: XRES a54211d5e3ba50bf and its CK and IK, converted."""
    answer = milenage(bytes.fromhex("465b5ce8b199b49faa5f0a2ee238a6bc"), OPC)
    sres, kc = answer(bytes.fromhex("23553cbe9637a89d218ae64dae47bf35"))
    assert (sres.hex(), kc.hex()) == ("46f8416a", "eae4be823af9a08b")


@pytest.mark.parametrize("name", ["COMP128v1", "MILENAGE"])
def test_as_osmo_auc_gen_has_it(name):
    tool = shutil.which("osmo-auc-gen")
    if tool is None:
        pytest.skip("osmo-auc-gen is missing: apt install libosmocore-utils")
    if name == "COMP128v1":
        pytest.importorskip("comp128", reason="comp128 is missing; pip install femtojack[peers]")
    rng = np.random.default_rng(7)
    for _ in range(10):
        ki, opc, rand = (rng.bytes(16) for _ in range(3))
        command = [tool, "-2" if name == "COMP128v1" else "-3", "-a", name, "-k", ki.hex(), "-r", rand.hex()]
        if name == "MILENAGE":
            command += ["-o", opc.hex(), "-f", "0000", "-s", "0"]
        told = dict(
            line.split(":\t", 1) for line in subprocess.check_output(command, text=True).splitlines() if ":\t" in line
        )
        sres, kc = (comp128v1(ki) if name == "COMP128v1" else milenage(ki, opc))(rand)
        assert (sres.hex(), kc.hex()) == (told["SRES"].strip(), told["Kc"].strip())


def test_triplets():
    made = triplets(lambda rand: (rand[:4], rand[8:]), np.random.default_rng(1).bytes, 3)
    assert len(made) == 3 * 28 and made[:4] == made[16:20] and made[8:16] == made[20:28] and made[:16] != made[28:44]


@pytest.mark.parametrize(
    "wrong",
    [lambda: comp128v1(b"short"), lambda: milenage(KI, b""), lambda: triplets(None, None, 0)],
)
def test_wrong_keys_are_refused(wrong):
    with pytest.raises(UserError):
        wrong()
