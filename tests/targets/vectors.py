"""Signals for the native code wherever it runs, and what this machine makes of them."""

import hashlib
from pathlib import Path

import numpy as np
from _femtonative import lib

from femtohost.canceller import EchoCanceller
from femtohost.measure import arm
from femtohost.voice import Voice

SCRIPTS = Path(__file__).parent / "scripts"
SEED = 20


def signals():
    """(rin, sin): a conversation, noise at full scale, one loud against one quiet side, a tone that leaks back."""
    rng = np.random.default_rng(SEED)
    talk = arm.conversation(2)
    noise = rng.integers(-32768, 32768, 4000).astype(np.int16)
    square = rng.choice([-32768, 32767], 4000).astype(np.int16)
    tone = np.round(12000 * np.sin(np.arange(4000) * 2 * np.pi * 1004 / 8000)).astype(np.int16)
    yield talk.rin, talk.sin
    yield noise, np.roll(noise, 7)
    yield noise // 4000, square
    yield square, noise // 4000
    yield tone, np.roll(tone, 30) // 3


CASES = [arm.Case(rin, sin, taps, flags) for rin, sin in signals() for taps in (16, 128, 1024) for flags in (0, 3)]


def expected(case):
    """Sout and the learnt path (int16) on this machine."""
    canceller = EchoCanceller(case.taps, bool(case.flags), bool(case.flags))
    sout = canceller.process(case.rin, case.sin)
    return sout, np.round(canceller.path() * lib.EC_PATH_ONE).astype("<i2")


def companded():
    """Octets of both laws for every sample and samples of both laws for every octet, on this machine."""
    every = np.arange(-32768, 32768, dtype=np.int16)
    octets, pcm = np.arange(256, dtype=np.uint8), np.empty(256, np.int16)
    encoded, decoded = [], []
    for law in ("ulaw", "alaw"):
        out = bytearray(65536)
        getattr(Voice(), f"{law}_encode")(every, out)
        getattr(Voice(), f"{law}_decode")(octets, pcm)
        encoded.append(bytes(out))
        decoded.append(pcm.tobytes())
    return encoded, decoded


def expected_digests(cases):
    for case in cases:
        yield hashlib.sha256(b"".join(part.astype("<i2").tobytes() for part in expected(case))).hexdigest()
    for encoded, decoded in zip(*companded(), strict=True):
        yield hashlib.sha256(encoded + decoded).hexdigest()


def packed(cases):
    """(octets, [(place, n, taps, flags)]): the cases as scripts/vectors.py reads them."""
    data, table = bytearray(), []
    for case in cases:
        table.append((len(data), len(case.rin), case.taps, case.flags))
        data += case.rin.astype("<i2").tobytes() + case.sin.astype("<i2").tobytes()
    return bytes(data), table


def script(name, **parameters):
    """The text of a script of the folder, with its parameters."""
    return f"PARAMETERS = {parameters!r}\n{(SCRIPTS / name).read_text()}"
