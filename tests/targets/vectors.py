"""Signals for the native code wherever it runs, and what this machine makes of them."""

import hashlib
from pathlib import Path

import numpy as np
from _femtonative import ffi, lib

from femtohost.canceller import EchoCanceller
from femtohost.full_rate import FullRate
from femtohost.measure import arm
from femtohost.voice import Voice

SCRIPTS = Path(__file__).parent / "scripts"
SEED = 20
LOST_EVERY = 7  # frames


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


def speech():
    """Whole GSM frames of both talkers, and of a tone, silence and clipped noise at the end."""
    rin, sin = next(signals())
    rng = np.random.default_rng(SEED)
    tone = np.round(8000 * np.sin(np.arange(1600) * 2 * np.pi * 440 / 8000)).astype(np.int16)
    rest = [tone, np.zeros(1600, np.int16), rng.choice([-32768, 32767], 1600).astype(np.int16)]
    pcm = np.concatenate([rin[:8000], sin[:8000], *rest])
    return pcm[: len(pcm) // arm.GSM_SAMPLES * arm.GSM_SAMPLES]


def coded(pcm):
    """(halved, frames, decoded, received) of `pcm` on this machine, as native/bare/vectors.c does it."""
    halved = np.empty((len(pcm) - arm.HALVE_PAST) // 2, np.int16)
    lib.pcm_halve(ffi.from_buffer("int16_t[]", pcm), ffi.from_buffer("int16_t[]", halved), len(halved))
    frames = FullRate().encode(pcm)
    receiver, received = FullRate(), []
    for i in range(len(pcm) // arm.GSM_SAMPLES):
        frame = frames[i * arm.GSM_OCTETS : (i + 1) * arm.GSM_OCTETS]
        received.append(receiver.receive(None if i % LOST_EVERY == LOST_EVERY - 1 else frame)[1])
    return halved, frames, FullRate().decode(frames), np.concatenate(received)


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
