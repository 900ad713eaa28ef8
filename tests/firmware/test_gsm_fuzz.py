"""Mutated frames and messages: no exception, no lost channel, the other call goes on. Large: gsm_fuzz.py."""

import pytest
from gsm_fuzz import Fuzz


@pytest.mark.parametrize("seed", range(4))
def test_mutated_frames(seed):
    fuzz = Fuzz(seed, combined=bool(seed % 2))
    fuzz.fuzz(5000)
