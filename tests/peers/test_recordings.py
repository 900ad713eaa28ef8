"""Calls with real recordings: the voice prompts of Debian's asterisk-core-sounds-en-wav."""

from pathlib import Path

import pytest

from femtohost.call import CallOptions, make_call

PROMPTS = Path("/usr/share/asterisk/sounds/en_US_f_Allison")
NEAR, FAR = PROMPTS / "demo-instruct.wav", PROMPTS / "demo-echotest.wav"

pytestmark = pytest.mark.skipif(
    not (NEAR.exists() and FAR.exists()),
    reason="real recordings are missing: apt-get install asterisk-core-sounds-en-wav",
)


@pytest.mark.parametrize("path", ["d2", "d5", "d8"])
def test_the_echo_of_a_real_voice_is_cancelled(path):
    run = make_call(CallOptions(near=str(NEAR), far=str(FAR), path=path))
    assert run.call["erle_db"] >= 25
    assert run.call["misuse"] == []


def test_a_noisy_line_sets_the_limit():
    run = make_call(CallOptions(near=str(NEAR), far=str(FAR), line_noise=-55))
    assert run.call["erle_db"] >= 25
