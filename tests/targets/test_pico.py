"""A real image of MicroPython for the Raspberry Pi Pico, in an emulated one: `pytest tests/targets --target pico`.

The firmware gets there by `femtojack board deploy`; what runs after that is what a board on the desk runs.
"""

import ast
import json
import subprocess
import sys
import time

import numpy as np
import pytest

from femtohost.clock import Clock
from femtohost.desk.budget import HEAP_SHARE, MEASURE
from femtohost.desk.catalog import find
from femtohost.desk.check import VECTORS, check, digest_here
from femtohost.desk.slots import ENTER
from femtohost.errors import UserError
from femtohost.misuse import MisuseLog
from femtohost.models.ear import country_tones
from femtohost.models.line import Line
from femtohost.models.phone import Phone
from femtohost.models.slic import Si3210

DRX, DTX = 4, 5
RUN_S = 120  # of silence, on a machine that does other things too


@pytest.fixture(scope="module")
def image(request):
    if request.config.getoption("--target") != "pico":
        pytest.skip("the emulated Pico runs with --target pico")
    pytest.importorskip("mpremote", reason="no mpremote: pip install 'femtojack[boards]'")
    from femtohost.targets import pico
    from femtohost.toolchain import rp2

    try:
        pico.emulator()
        pico.rom()
        return rp2.build(find("rp2_pico"), lambda text: print(text))
    except UserError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def deployed(image, tmp_path_factory):
    """The flash of a Pico onto which the firmware was deployed, and the command's result."""
    from femtohost.targets.pico import Pico

    flash = tmp_path_factory.mktemp("pico") / "flash.bin"
    with Pico(image, flash) as board:
        began = time.monotonic()
        command = ["-m", "femtohost", "board", "deploy", "rp2_pico", "--port", board.port, "--no-native", "--json"]
        done = subprocess.run([sys.executable, *command], capture_output=True, text=True, timeout=600)
        assert done.returncode == 0, done.stderr
        board.wait_for_reset()  # by the command, so that the firmware starts
        print(f"USB up in {board.boot_s:.1f} s, deployed in {time.monotonic() - began:.0f} s")
    return flash, json.loads(done.stdout)


@pytest.fixture
def pico(image, deployed):
    """`pico(**options) -> (Pico, Link)`: an emulated Pico with that flash, at its prompt."""
    from femtohost.desk.link import Link
    from femtohost.targets.pico import Pico

    opened = []

    def start(**options):
        board = Pico(image, deployed[0], **options)
        opened.append(board)
        link = Link(board.port)
        opened.append(link)
        return board, link

    yield start
    for thing in reversed(opened):
        thing.close()


def test_the_command_says_what_is_there(deployed):
    result = deployed[1]
    assert result["verified"] and result["slot"] == "a" and result["files"] > 40
    assert "RP2040" in result["machine"]


def test_files_survive_resets(pico):
    from femtohost.desk.link import Link

    board, link = pico()
    link.run("f = open('kept', 'w')\nf.write('7')\nf.close()")
    link.close()
    board.reset()
    with Link(board.port) as again:
        assert again.run("print(open('kept').read())").strip() == "7"
        again.run("import os\nos.remove('kept')")


def chip():
    """A Si3210 on a line with a telephone that is on-hook."""
    clock = Clock()
    rng = np.random.default_rng(1)
    return Si3210(clock, MisuseLog(clock), rng, Line(Phone(clock, country_tones("us")), rng, (0.0,)))


def test_native_code_gives_the_same_bits(pico):
    _, link = pico()
    code = "import femtovoice as voice\n" + VECTORS + "print(''.join('%02x' % b for b in total.digest()))"
    assert link.run(code, RUN_S).strip() == digest_here()


def test_the_self_test_of_the_board(pico):
    """`femtojack board test`, with a SLIC and with DRX and DTX joined."""
    _, link = pico(slic=chip(), wires=[(DRX, DTX)])
    result = check(link, find("rp2_pico"))
    print(json.dumps(result))
    assert result["passed"], result
    assert result["slic"]["passed"] and result["pcm"]["wired"]


def test_pcm_gives_back_what_a_wire_brings(pico):
    """DRX and DTX joined: what was captured is what was played, and nothing is allocated."""
    _, link = pico(wires=[(DRX, DTX)])
    code = """
import machine, micropython
from array import array
machine.freq(128_000_000)
from rp2_common.pcm import PcmPort
port = PcmPort(128_000_000, 2, 4, 5)
play, captured, ref = (array('h', bytes(160)) for _ in range(3))
same, heard = 0, 0
for k in range(8):
    for i in range(80):
        play[i] = (k * 1000 + i * 37) % 20000 - 10000
    while not port.due():
        pass
    micropython.heap_lock()
    port.exchange(play, captured, ref)
    micropython.heap_unlock()
    same += captured == ref
    heard += captured[1] == (k - 2) * 1000 + 37 - 10000
port.close()
print((same, heard, port.missed))
"""
    assert link.ask(ENTER + code, RUN_S) == (8, 6, 0)


def test_the_firmware_boots_and_brings_the_line_up(pico):
    slic = chip()
    _, link = pico(slic=slic)
    code = """
from board import Board
from femtojack.app import App
class Up(Exception):
    pass
def trace(point, data):
    print(point, bytes(data).decode())
    if point == 'fxs':
        raise Up
board = Board()
board.trace = trace
app = App(board)
try:
    board.run(app)
except Up:
    pass
"""
    said = link.run(ENTER + code, RUN_S)
    assert "this board has no network" in said and "call.loopback" in said
    assert "slic.stage calibration" in said, said
    assert "fxs DOWN>ON_HOOK" in said, said
    assert slic._misuse == []


def test_the_heap_is_within_its_budget(pico):
    """At most 45 % of the Pico's free heap, after boot and in a call that comes back."""
    _, link = pico()
    said = link.run(MEASURE.format(path="a"), RUN_S).splitlines()[-1]
    free, booted, talking, running = ast.literal_eval(said)
    print(f"heap of {free}: {booted} after boot, {talking} in a call")
    assert running and free > 200_000
    assert max(booted, talking) <= HEAP_SHARE * free


def test_a_lost_board_is_one_line(image, deployed):
    from femtohost.desk.link import Link
    from femtohost.errors import BoardLost
    from femtohost.targets.pico import Pico

    with Pico(image, deployed[0]) as board, Link(board.port) as link:
        board.kill()
        with pytest.raises(BoardLost, match="no answer") as lost:
            link.run("print(1)")
        assert "\n" not in str(lost.value)
