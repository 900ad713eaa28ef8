"""The C core on Cortex-M: its output, bit for bit, and its cost in instructions, both from QEMU."""

import struct
from dataclasses import dataclass

import numpy as np

from femtohost.errors import UserError
from femtohost.targets import qemu
from femtohost.toolchain import bare, compilers

RATE_KHZ = 8
LIMITS_MHZ = {"armv6m": 35, "armv7emsp": 12}  # canceller of 128 taps; Cortex-M33 runs the code of armv7emsp
NLP, COMFORT_NOISE = 1, 2


@dataclass(frozen=True)
class Case:
    """Signals for the canceller: int16 arrays of one length, at most 65536."""

    rin: np.ndarray
    sin: np.ndarray
    taps: int = 128
    flags: int = NLP | COMFORT_NOISE


@dataclass(frozen=True)
class Outcome:
    """`sout`: int16, one array a case. `instructions`: a sample, one number a case. `companded`: as vectors.c puts it:
    both laws' octets for -32768..32767, then both laws' samples for the octets 0..255."""

    sout: tuple
    instructions: tuple
    companded: bytes


@dataclass(frozen=True)
class Coded:
    """One signal through the other codecs, as vectors.c does it: `halved`, `decoded`, `received` int16, `frames` bytes;
    `instructions`: {name: a sample at 8 kHz} of each."""

    halved: np.ndarray
    frames: bytes
    decoded: np.ndarray
    received: np.ndarray
    instructions: dict


CODERS = ("pcm_halve", "gsm_fr_encode", "gsm_fr_decode", "gsm_fr_receive")
GSM_SAMPLES, GSM_OCTETS = 160, 33
HALVE_PAST = 38


def run_codecs(march, pcm):
    """Coded of an int16 array of whole GSM frames. UserError names the package that is missing."""
    n = len(pcm)
    output = qemu.run_bare(march, bare.build(march), _packed(Case(pcm, pcm, taps=0, flags=0)))
    halved, octets = (n - HALVE_PAST) // 2, n // GSM_SAMPLES * GSM_OCTETS
    at = 2 * halved + octets
    spent = struct.unpack_from("<4I", output, at + 4 * n)
    return Coded(
        np.frombuffer(output, "<i2", halved),
        output[2 * halved : at],
        np.frombuffer(output, "<i2", n, at),
        np.frombuffer(output, "<i2", n, at + 2 * n),
        {name: total / count for name, total, count in zip(CODERS, spent, (halved, n, n, n), strict=True)},
    )


def run(march, cases):
    """Outcome of the cases on one of qemu.MACHINES. UserError names the package that is missing."""
    output = qemu.run_bare(march, bare.build(march), b"".join(map(_packed, cases)))
    sout, instructions, at = [], [], 0
    for case in cases:
        n = len(case.rin)
        sout.append(np.frombuffer(output, "<i2", n, at))
        instructions.append(struct.unpack_from("<I", output, at + 2 * n)[0] / n)
        at += 2 * n + 4
    return Outcome(tuple(sout), tuple(instructions), output[at:])


def _packed(case):
    header = struct.pack("<iii", len(case.rin), case.taps, case.flags)
    return header + case.rin.astype("<i2").tobytes() + case.sin.astype("<i2").tobytes()


def conversation(seconds=2):
    """Case: speech-like sound over a G.168 path with a near talker, NLP and comfort noise on; the same every time."""
    from femtohost.measure import g168
    from femtohost.speech import speech_like

    rng = np.random.default_rng(1)
    far, near = (speech_like(seconds, rng, voice).astype(float) for voice in ("low", "high"))
    rin = g168.companded(far)
    echo = g168.echo(g168.hybrid("d4", 8), rin.astype(float))
    return Case(rin, g168.companded(echo + near * 0.5))


def mhz(instructions):
    """Million instructions a second for that many a sample."""
    return round(instructions * RATE_KHZ / 1000, 2)


def budget():
    """[dict] for each Cortex-M: march, core, limit_mhz (None: no limit), and for 128 taps with NLP and comfort noise
    instructions (a sample), mhz, good (within the limit).

    Where something is missing, `missing` says what, in place of the figures.
    """
    return [_figures(march) for march in qemu.MACHINES]


def _figures(march):
    limit = LIMITS_MHZ.get(march)
    row = {"march": march, "core": compilers.CORES[march].name, "limit_mhz": limit}
    try:
        instructions = run(march, [conversation()]).instructions[0]
    except UserError as error:
        return {**row, "missing": str(error)}
    cost = mhz(instructions)
    return {**row, "instructions": round(instructions), "mhz": cost, "good": limit is None or cost <= limit}
