"""Every build and every kernel of the canceller gives the same bits."""

import hashlib
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from cffi import FFI

from femtohost.canceller import KERNELS, EchoCanceller
from femtohost.measure import g168
from femtohost.speech import speech_like

NATIVE = Path(__file__).parents[2] / "native"
NUMBERS = {"scalar": 1, "sse2": 2, "avx2": 3}
BUILDS = {"O0": ["-O0"], "sanitized": ["-O1", "-fsanitize=undefined", "-fno-sanitize-recover=all"]}


def inputs():
    """(rin, sin) of speech with double talk, of noise at full scale, and of one loud against one quiet side."""
    rng = np.random.default_rng(1)
    far, near = (speech_like(1.5, rng, voice).astype(float) for voice in ("low", "high"))
    rin = g168.companded(far)
    noise = rng.integers(-32768, 32768, 4000).astype(np.int16)
    square = rng.choice([-32768, 32767], 4000).astype(np.int16)
    yield rin, g168.companded(g168.echo(g168.hybrid("d4", 8), rin.astype(float)) + near * 0.5)
    yield noise, np.roll(noise, 7)
    yield noise // 4000, square
    yield square, noise // 4000


CASES = [(rin, sin, taps, flags) for rin, sin in inputs() for taps in (16, 128, 1024) for flags in (0, 3)]


def digest(outputs):
    return hashlib.sha256(b"".join(output.tobytes() for output in outputs)).hexdigest()


def installed(kernel):
    for rin, sin, taps, flags in CASES:
        yield EchoCanceller(taps, bool(flags), bool(flags), kernel).process(rin, sin)


@pytest.fixture(scope="module")
def expected():
    return digest(installed("scalar"))


@pytest.mark.parametrize("kernel", KERNELS)
def test_kernels(kernel, expected):
    assert digest(installed(kernel)) == expected


def compiled(folder, options):
    """The canceller as a library, built with the machine's C compiler."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler")
    library = folder / "canceller.so"
    sources = [str(path) for path in sorted(NATIVE.glob("ec*.c"))]
    subprocess.run([compiler, "-std=c99", "-shared", "-fPIC", *options, "-o", str(library), *sources], check=True)
    return library


def run(ffi, lib, kernel, rin, sin, taps, flags):
    state, sout = bytearray(lib.ec_size(taps)), np.empty(len(sin), np.int16)
    native = ffi.from_buffer(state)
    assert lib.ec_init(native, taps, flags) == 0
    assert lib.ec_kernel(native, NUMBERS[kernel]) == NUMBERS[kernel]
    lib.ec_process(native, *(ffi.from_buffer("int16_t[]", x) for x in (rin, sin, sout)), len(sin))
    return sout


def undefined(library):
    """Names that a library takes from elsewhere, but for the compiler's own."""
    listing = subprocess.run(["nm", "-D", "--undefined-only", str(library)], capture_output=True, text=True)
    names = {line.split()[-1].split("@")[0] for line in listing.stdout.splitlines()}
    return {name for name in names if not name.startswith("_")}


@pytest.mark.parametrize("build", BUILDS)
def test_builds(build, expected, tmp_path):
    library = compiled(tmp_path, BUILDS[build])
    if build == "O0" and shutil.which("nm"):
        assert undefined(library) <= {"memcpy", "memmove", "memset"}  # no malloc, no stdio
    ffi = FFI()
    ffi.cdef((NATIVE / "ec.h").read_text().partition("/* api */")[2].partition("/* end api */")[0])
    lib = ffi.dlopen(str(library))
    for kernel in KERNELS:
        assert digest(run(ffi, lib, kernel, *case) for case in CASES) == expected
