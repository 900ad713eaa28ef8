"""A whole board: `pytest tests/targets/test_board.py --target pico`, with a real image of MicroPython in an emulated
Raspberry Pi Pico, or `--target serial:/dev/ttyACM0` with what hangs there.

The firmware gets there by `femtojack board deploy`; what runs after that is what a board on the desk runs.
"""

import json
import shlex
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from rigs import EmulatedRig, Pty, SerialRig, command

from femtohost.clock import Clock
from femtohost.desk import budget
from femtohost.desk.catalog import find
from femtohost.desk.check import VECTORS, check, digest_here
from femtohost.desk.link import Link
from femtohost.desk.monitor import watch
from femtohost.desk.slots import ENTER
from femtohost.errors import BoardLost, UserError
from femtohost.misuse import MisuseLog
from femtohost.models.ear import country_tones
from femtohost.models.line import Line
from femtohost.models.phone import Phone
from femtohost.models.slic import Si3210

DRX, DTX = 4, 5
RUN_S = 120  # of silence, on a machine that does other things too


@pytest.fixture(scope="module")
def rig(request, tmp_path_factory):
    target, _, port = request.config.getoption("--target").partition(":")
    if target not in ("pico", "serial"):
        pytest.skip("a whole board runs with --target pico or --target serial:PORT")
    pytest.importorskip("mpremote", reason="no mpremote: pip install 'femtojack[boards]'")
    try:
        made = SerialRig(port) if target == "serial" else emulated(tmp_path_factory.mktemp("pico"))
    except UserError as error:
        pytest.skip(str(error))
    yield made
    made.stop()


def emulated(folder):
    from femtohost.targets import pico
    from femtohost.toolchain import rp2

    pico.emulator()
    pico.rom()
    return EmulatedRig(rp2.build(find("rp2_pico"), lambda text: print(text)), folder / "flash.bin")


@pytest.fixture(scope="module")
def deployed(rig):
    """What `femtojack board deploy` said."""
    port = rig.start()
    began = time.monotonic()
    said = json.loads(command("deploy", rig.info.name, "--port", port, "--json"))
    rig.after_reset()  # by the command, so that the firmware starts
    print(f"deployed in {time.monotonic() - began:.0f} s")
    return said


@pytest.fixture
def link(rig, deployed):
    """`link(**options) -> Link`: the board from power-on, with what is wired to it, at its prompt."""
    opened = []

    def start(**options):
        opened.append(Link(rig.start(**options)))
        return opened[-1]

    yield start
    for one in opened:
        one.close()


def on_emulated(rig, why):
    if not rig.emulated:
        pytest.skip(f"{why}: runs on the emulated Pico")


def test_the_command_says_what_is_there(rig, deployed):
    assert deployed["verified"] and deployed["slot"] in ("a", "b") and deployed["files"] > 40
    assert rig.info.machine in deployed["machine"]
    assert deployed["kind"] == "romfs" or not rig.emulated


def test_files_survive_resets(rig, link):
    first = link()
    first.run("f = open('kept', 'w')\nf.write('7')\nf.close()")
    first.close()
    rig.reset()
    with Link(first.port) as again:
        assert again.run("print(open('kept').read())").strip() == "7"
        again.run("import os\nos.remove('kept')")


def chip():
    """A Si3210 on a line with a telephone that is on-hook."""
    clock = Clock()
    rng = np.random.default_rng(1)
    return Si3210(clock, MisuseLog(clock), rng, Line(Phone(clock, country_tones("us")), rng, (0.0,)))


def test_native_code_gives_the_same_bits(link):
    code = ENTER + "import femtovoice as voice\n" + VECTORS + "print(''.join('%02x' % b for b in total.digest()))"
    assert link().run(code, RUN_S).strip() == digest_here()


def test_the_self_test_of_the_board(rig, link):
    """`femtojack board test`; the emulated board has a SLIC, and DRX and DTX joined."""
    wiring = {"slic": chip(), "wires": [(DRX, DTX)]} if rig.emulated else {}
    result = check(link(**wiring), rig.info)
    print(json.dumps(result))
    assert result["voice"]["passed"] and result["pcm"]["passed"] and result["call"]["passed"], result
    assert not rig.emulated or (result["passed"] and result["slic"]["passed"] and result["pcm"]["wired"])


def test_pcm_gives_back_what_a_wire_brings(link):
    """DRX and DTX joined: what was captured is what was played, and nothing is allocated."""
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
    assert link(wires=[(DRX, DTX)]).ask(ENTER + code, RUN_S) == (8, 6, 0)


def test_the_firmware_boots_and_brings_the_line_up(rig, link):
    on_emulated(rig, "needs a SLIC")
    slic = chip()
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
board.usb = None
board.trace = trace
app = App(board)
try:
    board.run(app)
except Up:
    pass
"""
    said = link(slic=slic).run(ENTER + code, RUN_S)
    assert "this board has no network" in said and "call.loopback" in said
    assert "slic.stage calibration" in said, said
    assert "fxs DOWN>ON_HOOK" in said, said
    assert slic._misuse == []


def test_the_heap_is_within_its_budget(rig, link, deployed):
    """At most 45 % of the free heap with every part that a Pico can have, after boot and in a call through SIP; and no
    allocation in the call's voice path."""
    on_emulated(rig, "the budget is the Pico's")
    board = link()
    free = board.facts.heap
    board.run(ENTER)
    taken = budget.measure(board, deployed["slot"])
    print(f"heap of {free}: {taken}")
    assert free > 200_000 and taken["steps"] == 100
    assert max(taken["booted"], taken["talking"]) <= budget.HEAP_SHARE * free


def test_a_lost_board_is_one_line(rig, link):
    on_emulated(rig, "pulls the cable")
    board = link()
    rig.board.kill()
    with pytest.raises(BoardLost, match="no answer") as lost:
        board.run("print(1)")
    assert "\n" not in str(lost.value)


# -- what the board is on the USB -------------------------------------------------------------------------------------

JOINED = """
from board import Board
from femtojack.app import App
from time import ticks_ms, ticks_diff, sleep_ms
board = Board()
app = App(board)
app.loopback(True)
began = ticks_ms()
while ticks_diff(ticks_ms(), began) < {ms}:
    app.step(ticks_ms() & 0x3FFFFFFF)
print((board.usb_audio.mute, board.usb_audio.volume, app.pc.audio.streaming))
"""
SERIAL = 2  # interfaces of the image's own serial port, before ours
CONTROL, CAPTURE, PLAYBACK, TELEPHONE = (SERIAL + n for n in (1, 2, 3, 4))
CAPTURE_IN, PLAYBACK_OUT = 0x85, 0x06
FEATURE_UNIT, MUTE, VOLUME = 2, 1, 2
FRAME = 16  # octets of a millisecond at 8 kHz


def test_the_pc_sees_a_disc_a_sound_card_and_a_telephone(rig, link):
    """Real TinyUSB: enumeration with the serial port beside, settings, mute and volume, and sound to and fro."""
    on_emulated(rig, "plays the USB host")
    board = link()
    pico = rig.board
    board.transport.exec_raw_no_follow(ENTER + JOINED.format(ms=700))
    pico.enumerated()
    classes = [pico.descriptors[at + 5] for at in interfaces(pico.descriptors)]
    assert classes == [2, 10, 8, 1, 1, 1, 1, 1, 1, 3]  # CDC, storage, audio with its alternate settings, HID
    assert pico.request((0xA1, 0x81, 0, VOLUME, CONTROL, FEATURE_UNIT, 2, 0)) == b"\0\0"
    pico.request((0x21, 0x01, 0, VOLUME, CONTROL, FEATURE_UNIT, 2, 0), (-1280).to_bytes(2, "little", signed=True))
    pico.request((0x21, 0x01, 0, MUTE, CONTROL, FEATURE_UNIT, 1, 0), b"\1")
    for interface, alternate in ((CAPTURE, 1), (PLAYBACK, 2)):
        pico.request((0x01, 11, alternate, 0, interface, 0, 0, 0))
        assert pico.request((0x81, 10, 0, 0, interface, 0, 1, 0)) == bytes((alternate,))
    packets = [bytes((n, 1) * (FRAME // 2)) for n in range(1, 101)]
    pico.record(CAPTURE_IN, 200)
    pico.play(PLAYBACK_OUT, packets)
    heard = [packet for packet in pico.recorded() if any(packet)]
    assert heard == packets, "by the firmware's loop-back of the sound card, after its cushion of silence"
    said, error = board.transport.follow(RUN_S)
    assert not error and eval(said.splitlines()[-1]) == (True, -1280, False)


def interfaces(descriptors):
    at = 0
    while at < len(descriptors):
        if descriptors[at + 1] == 4:
            yield at
        at += descriptors[at]


def test_the_prompt_comes_back_from_a_board_that_is_on_the_usb(rig, link):
    """The firmware runs and has joined the USB, as it does from power-on: deploy, test and monitor find the prompt."""
    board = link()
    board.transport.exec_raw_no_follow(ENTER + JOINED.format(ms=10**6))
    if rig.emulated:
        rig.board.enumerated()
    board.close()
    with Link(board.port) as again:
        assert again.run("import machine\nprint(machine.USBDevice().active())").strip() == "False"


def test_the_monitor_shows_a_running_board(rig, link, tmp_path):
    """`femtojack board monitor`: states, a status a second, and audio that `femtojack ec` reads."""
    wiring = {"slic": chip(), "wires": [(DRX, DTX)]} if rig.emulated else {}
    link(**wiring).close()
    port = rig.start(**wiring)
    told = []
    seen = watch(port, 600, tmp_path, told.append, lambda seen: len(seen.rin) >= 150)
    assert seen["blocks"] >= 150 and (tmp_path / "rin.wav").stat().st_size > 2 * 80 * 150
    statuses = [event for event in told if event["event"] == "status"]
    assert statuses and all(status["heap_free"] > 50_000 for status in statuses)
    assert not rig.emulated or any(event.get("point") == "slic.stage" for event in told)


def readme_steps():
    """The commands of the README's section "Onto a board", without its comments."""
    text = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    section = text.partition("## Onto a board")[2].partition("```sh")[2].partition("```")[0]
    commands = [shlex.split(line, comments=True) for line in section.splitlines() if line.startswith("femtojack")]
    return [words[1:] for words in commands]


def test_the_readme_s_steps(rig, tmp_path, monkeypatch):
    """From a bare Pico to a recording through its canceller, as the README has it; prints the time of each step."""
    on_emulated(rig, "flashes a board")
    from femtohost.targets.pico import Pico

    drive = tmp_path / "RPI-RP2"
    drive.mkdir()
    (drive / "INFO_UF2.TXT").write_text("Board-ID: RPI-RP2\n")
    monkeypatch.setenv("FEMTOJACK_BOOTSEL", str(drive))
    monkeypatch.chdir(tmp_path)
    flash, *rest = readme_steps()
    femtojack(flash)
    with Pico(drive / "femtojack.uf2", slic=chip(), wires=[(DRX, DTX)]) as pico:
        for words in rest:
            femtojack([pico.port if word == "/dev/ttyACM0" else word for word in words])
            if words[1] == "deploy":
                pico.wait_for_reset()
    assert [words[1] for words in rest[:3]] == ["deploy", "test", "monitor"]
    assert (tmp_path / "sout.wav").stat().st_size > 44


def femtojack(words):
    began = time.monotonic()
    done = subprocess.run([sys.executable, "-m", "femtohost", *words], capture_output=True, text=True, timeout=900)
    print(f"{time.monotonic() - began:.0f} s: femtojack {' '.join(words)}")
    assert done.returncode == 0, done.stdout + done.stderr


# -- the same on a serial port ----------------------------------------------------------------------------------------


def test_these_tests_run_on_a_serial_port(rig, tmp_path):
    """`pytest tests/targets/test_board.py --target serial:PORT`, the port being a pseudoterminal before the Pico."""
    on_emulated(rig, "is one itself")
    pty = Pty(rig.start())
    try:
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", __file__, "--target"]
        done = subprocess.run([*command, f"serial:{pty.path}"], capture_output=True, text=True, timeout=900)
        print(done.stdout[-2000:])
        assert done.returncode == 0
        assert "6 passed, 7 skipped" in done.stdout  # those need what only the emulator has
    finally:
        pty.close()
