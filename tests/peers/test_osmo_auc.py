"""The emulated phone's A3/A8 against those of libosmocore's osmo-auc-gen."""

import re
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from programs import find, needs

from femtohost.peers.gsm_sim import comp128v1, milenage

pytestmark = needs("osmo-auc-gen", package="libosmocore-utils")

BLOCK = st.binary(min_size=16, max_size=16)


def osmocom(generation, algorithm, key, rand, *more):
    """(SRES, Kc) as osmo-auc-gen has them."""
    command = [find("osmo-auc-gen"), generation, "-a", algorithm, "-k", key.hex(), "-r", rand.hex(), *more]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return tuple(bytes.fromhex(re.search(rf"^{name}:\s*(\w+)", said, re.MULTILINE)[1]) for name in ("SRES", "Kc"))


@settings(max_examples=25, deadline=None)
@given(BLOCK, BLOCK)
def test_comp128(ki, rand):
    pytest.importorskip("comp128", reason="no comp128: pip install femtojack[peers]")
    assert comp128v1(ki, rand) == osmocom("-2", "COMP128v1", ki, rand)


@settings(max_examples=25, deadline=None)
@given(BLOCK, BLOCK, BLOCK)
def test_milenage(k, opc, rand):
    assert milenage(opc)(k, rand) == osmocom("-3", "MILENAGE", k, rand, "-o", opc.hex(), "-s", "1")
