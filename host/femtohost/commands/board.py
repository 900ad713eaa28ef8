"""`femtojack board`: real boards, and what goes onto them."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from femtohost import errors
from femtohost.commands.common import Json, app, progress_bar, say

board = typer.Typer(help="Boards on the desk: build for them, put the firmware there, test and watch it.")
app.add_typer(board, name="board")

Name = Annotated[str, typer.Argument(metavar="BOARD", help="As `femtojack board list` has it.")]
Port = Annotated[str, typer.Option(help="Serial port of the board, or socket://HOST:PORT.", metavar="PORT")]
NoNative = Annotated[bool, typer.Option("--no-native", help="Leave the native module out.")]


@board.command("list")
def list_boards(as_json: Json = False):
    """What boards there are, what each runs, and what it cannot.

    Example: femtojack board list
    """
    from femtohost.desk.catalog import boards

    known = boards()
    if as_json:
        print(json.dumps({"boards": [info.as_dict() for info in known]}))
        return
    table = Table("board", "product", "core", "heap", "runs", "cannot", box=None, pad_edge=False)
    for info in known:
        words = (" ".join(info.runs), " ".join(info.cannot))
        table.add_row(info.name, info.product, info.arch, f"{info.heap_kb} KB", *words)
    Console().print(table)
    say("why a board cannot, and what the firmware does instead: femtojack board list --json", None)


@board.command()
def build(
    name: Name,
    out: Annotated[Path | None, typer.Option("-o", metavar="DIR", help="Folder to write to; build/BOARD here.")] = None,
    image: Annotated[bool, typer.Option("--image", help="MicroPython itself too, with the native code in it.")] = False,
    no_native: NoNative = False,
    as_json: Json = False,
):
    """Compile the firmware for a board: .mpy files and the native module; with --image a whole image to flash.

    Example: femtojack board build rp2_pico --image -o build
    """
    from femtohost.desk.build import build as make
    from femtohost.desk.build import write
    from femtohost.desk.catalog import find

    info = find(name)
    with progress_bar("compiling") as progress:
        bundle = make(info, not no_native, progress)
    folder = out or Path("build") / name
    write(bundle, folder)
    result = {"board": name, "folder": str(folder), "files": len(bundle.files), "octets": bundle.size}
    result["sha256"] = bundle.digest()
    if image:
        from femtohost.toolchain import rp2

        path = folder / "firmware.uf2"
        path.write_bytes(rp2.build(info, tell=lambda text: say(text, None)).read_bytes())
        result["image"] = str(path)
    _tell(result, as_json, f"{folder}: {result['files']} files, {result['octets']} octets, sha256 {result['sha256']}")


@board.command()
def flash(
    name: Name,
    image: Annotated[Path | None, typer.Option(metavar="FILE", help="Image; else one is built, or found.")] = None,
    port: Annotated[str | None, typer.Option(metavar="PORT", help="Serial port, where it goes that way.")] = None,
    as_json: Json = False,
):
    """Put MicroPython itself onto a bare board: UF2 to the BOOTSEL drive, esptool or dfu-util elsewhere.

    Example: femtojack board flash rp2_pico --image firmware.uf2
    """
    from femtohost.desk.catalog import find
    from femtohost.desk.flash import flash as put

    result = put(find(name), image, port, tell=lambda text: say(text, None))
    _tell(result, as_json, f"{name}: {result['image']} is on the board, {result['octets']} octets")


@board.command()
def deploy(
    name: Name,
    port: Port,
    config: Annotated[Path | None, typer.Option(metavar="FILE", help="gateway.toml to put there too.")] = None,
    no_native: NoNative = False,
    force: Annotated[bool, typer.Option("--force", help="Replace a main.py that is not femtojack's.")] = False,
    no_start: Annotated[bool, typer.Option("--no-start", help="Leave the board at its prompt.")] = False,
    as_json: Json = False,
):
    """Put the firmware onto a board: complete and verified, or what was there before.

    Example: femtojack board deploy rp2_pico --port /dev/ttyACM0 --config gateway.toml
    """
    from femtohost.desk.build import build as make
    from femtohost.desk.catalog import find
    from femtohost.desk.deploy import deploy as put
    from femtohost.desk.link import Link
    from femtohost.settings import load_board_settings

    info = find(name)
    settings = None
    if config:
        settings, own = load_board_settings(config)
        settings["board"] = own
    with Link(port) as link:
        with progress_bar("compiling") as progress:
            bundle = make(info, not no_native and not link.has("femtovoice"), progress)
        with progress_bar("deploying") as progress:
            result = put(link, bundle, settings, force, progress)
        if not no_start:
            link.restart()
    text = f"{name}: {result['files']} files, {result['octets']} octets in slot {result['slot']}, verified"
    _tell(result, as_json, text)


@board.command()
def test(name: Name, port: Port, as_json: Json = False):
    """Self-test on the board: SLIC, PCM blocks, canceller vectors, a call that comes back. One JSON result.

    Example: femtojack board test rp2_pico --port /dev/ttyACM0
    """
    from femtohost.desk.catalog import find
    from femtohost.desk.check import check
    from femtohost.desk.link import Link

    with Link(port) as link:
        result = check(link, find(name))
    print(json.dumps(result, indent=None if as_json else 2))
    raise typer.Exit(errors.GOOD if result["passed"] else errors.CHECK_FAILED)


@board.command()
def repl(port: Port):
    """The board's own Python prompt; Ctrl-] ends.

    Example: femtojack board repl --port /dev/ttyACM0
    """
    from femtohost.desk.link import prompt

    raise typer.Exit(prompt(port))


@board.command()
def monitor(
    port: Port,
    seconds: Annotated[float | None, typer.Option(metavar="S", help="How long; else until interrupted.")] = None,
    wav: Annotated[Path | None, typer.Option(metavar="DIR", help="Record rin.wav and sin.wav there.")] = None,
    as_json: Json = False,
):
    """Run the firmware on a board and watch it: states, levels, and recordings that `femtojack ec` reads.

    Example: femtojack board monitor --port /dev/ttyACM0 --seconds 20 --wav recorded
    """
    from femtohost.desk.monitor import watch

    result = watch(port, seconds, wav, tell=_json_line if as_json else _log_line)
    say(json.dumps(result), None)


@board.command()
def budget(as_json: Json = False):
    """Heap that the firmware takes on an emulated Pico, and the limit; exit code 1 if it is passed. Takes a minute.

    Example: femtojack board budget --json
    """
    from femtohost.desk.budget import budget as measure
    from femtohost.desk.budget import rows

    with progress_bar("measuring") as progress:
        result = measure(lambda text: say(text, None), progress)
    if as_json:
        print(json.dumps(result))
    else:
        table = Table("what", "is", "limit", "", box=None, pad_edge=False)
        for row in rows(result):
            table.add_row(*row)
        Console().print(table)
    raise typer.Exit(errors.GOOD if result["passed"] else errors.CHECK_FAILED)


def _tell(result, as_json, text):
    print(json.dumps(result) if as_json else text)


def _json_line(event):
    print(json.dumps(event), flush=True)


def _log_line(event):
    say("  ".join(f"{key} {value}" for key, value in event.items()), None)
    sys.stderr.flush()
