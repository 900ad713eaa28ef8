"""Every build of the full rate codec gives the same bits, and a small processor has all that it asks for."""

import array
import shutil
import subprocess
from pathlib import Path

import pytest
from gsm_frames import noise, random_frames, signals

from femtohost.voice import Voice

NATIVE = Path(__file__).parents[2] / "native"
SOURCES = sorted(NATIVE.glob("gsm_fr*.c"))
DRIVER = Path(__file__).with_name("gsm_fr_driver.c")
SANITIZERS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
BUILDS = {"O0": ["-O0"], "O2": ["-O2"], "O3": ["-O3"], "sanitized": ["-O1", "-g", *SANITIZERS]}


def records():
    """[(320 bytes of samples, 33 octets)]: all signals, among frames, SID frames, lost frames and no frames."""
    pcm = b"".join(samples.tobytes() for _, samples in signals())
    n = len(pcm) // 320
    frames, choice, anything = random_frames(n), noise(n, "choice"), noise(33 * n, "anything")
    kinds = (frames, frames, frames, b"\xd1" + bytes(33 * n), bytes(33 * n), anything)
    for i in range(n):
        octets = kinds[choice[i] % len(kinds) if i % 300 < 150 else 4]  # now and then a long loss
        yield pcm[320 * i : 320 * i + 320], octets[33 * i : 33 * i + 33]


@pytest.fixture(scope="module")
def given():
    return list(records())


@pytest.fixture(scope="module")
def expected(given):
    """What the installed codec makes of it, in the driver's order."""
    voice, out = Voice(), bytearray()
    state, other = bytearray(voice.gsm_fr_size()), bytearray(voice.gsm_fr_size())
    voice.gsm_fr_init(state)
    voice.gsm_fr_init(other)
    frame, pcm = bytearray(33), array.array("h", bytes(320))
    for samples, octets in given:
        voice.gsm_fr_encode(state, array.array("h", samples), frame)
        out += frame
        for each, source in ((state, frame), (other, octets)):
            out += b"\x00" if voice.gsm_fr_decode(each, source, pcm) else b"\xff"
            out += pcm.tobytes()
        out.append(voice.gsm_fr_receive(other, octets if octets[0] else None, pcm))
        out += pcm.tobytes()
    return bytes(out)


@pytest.mark.parametrize("build", BUILDS)
def test_builds(build, given, expected, tmp_path):
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler: apt-get install gcc")
    driver = tmp_path / "driver"
    command = [compiler, "-std=c99", "-Wall", "-Wextra", "-Werror", *BUILDS[build], f"-I{NATIVE}", "-o", driver]
    subprocess.run([*command, DRIVER, *SOURCES], check=True)
    stdin = b"".join(samples + octets for samples, octets in given)
    ran = subprocess.run([driver], input=stdin, capture_output=True)
    assert (ran.returncode, ran.stderr.decode()) == (0, "")
    assert ran.stdout == expected


# 32-bit division and copying; anything else that a compiler's library would have to bring is too slow: 64-bit
# arithmetic, floating point.
ALLOWED = {"__aeabi_idiv", "__aeabi_uidiv", "__aeabi_idivmod", "__aeabi_uidivmod", "memcpy", "memmove", "memset"}


@pytest.mark.parametrize("level", ["-O2", "-Os"])
def test_a_cortex_m0plus_needs_no_64_bit_arithmetic_and_no_writable_data(level, tmp_path):
    if not shutil.which("arm-none-eabi-gcc"):
        pytest.skip("no arm-none-eabi-gcc: apt-get install gcc-arm-none-eabi")
    module = tmp_path / "gsm_fr.o"
    options = ["-mcpu=cortex-m0plus", "-mthumb", level, "-std=c99", "-ffreestanding", "-Wall", "-Wextra", "-Werror"]
    subprocess.run(["arm-none-eabi-gcc", *options, "-r", "-nostdlib", "-o", module, *SOURCES], check=True)
    listing = subprocess.run(["arm-none-eabi-nm", "-P", module], capture_output=True, text=True, check=True)
    kinds = {name: kind for name, kind, *_ in (line.split() for line in listing.stdout.splitlines())}
    assert "gsm_fr_encode" in kinds
    assert {name for name, kind in kinds.items() if kind == "U"} <= ALLOWED
    assert not {name for name, kind in kinds.items() if kind in "DdBbC"}
