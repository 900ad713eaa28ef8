"""The boards that the firmware runs on: the folders under boards/, each told by its board.json."""

import json
import os
from dataclasses import dataclass
from pathlib import Path

from femtohost.errors import UserError

HERE = Path(__file__).resolve().parents[3]  # the repository, in an editable installation


@dataclass(frozen=True)
class BoardInfo:
    """What boards/NAME/board.json says of a board beyond MicroPython's own keys.

    port, board: MicroPython's names of its port and of its board. machine: a part of what sys.implementation calls it.
    arch: mpy-cross's -march. flash: "uf2", "esptool", "dfu" or None. heap_kb: free at the prompt. runs: features;
    cannot: feature -> why, and what the firmware does instead. stubs: the PyPI package of its types.
    """

    name: str
    folder: Path
    product: str
    port: str
    board: str
    machine: str
    arch: str
    flash: str | None
    heap_kb: int
    runs: tuple
    cannot: dict
    stubs: str | None

    def as_dict(self):
        own = ("name", "product", "port", "board", "machine", "arch", "flash", "heap_kb", "runs", "cannot")
        return {key: getattr(self, key) for key in own}


def boards_folder():
    """$FEMTOJACK_BOARDS, else boards/ of the repository."""
    folder = Path(os.environ.get("FEMTOJACK_BOARDS") or HERE / "boards")
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder; set FEMTOJACK_BOARDS to the repository's boards")
    return folder


def boards():
    """[BoardInfo] by name."""
    found = (_read(path) for path in sorted(boards_folder().glob("*/board.json")))
    return [board for board in found if board]


def find(name):
    """The BoardInfo called `name`."""
    known = boards()
    for board in known:
        if board.name == name:
            return board
    raise UserError(f"no board {name!r}; there are: {' '.join(board.name for board in known)}")


def of_machine(machine):
    """The BoardInfo of what calls itself `machine` (sys.implementation._machine): the most particular that fits."""
    fitting = [board for board in boards() if board.machine in machine]
    if not fitting:
        raise UserError(f"{machine}: no board of ours; see femtojack board list")
    return max(fitting, key=lambda board: len(board.machine))


def _read(path):
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
        own = facts.get("femtojack")
        if own is None:
            return None
        return BoardInfo(
            name=path.parent.name, folder=path.parent, product=facts["product"], port=own["port"], board=own["board"],
            machine=own["machine"], arch=own["arch"], flash=own["flash"], heap_kb=own["heap_kb"],
            runs=tuple(own["runs"]), cannot=own["cannot"], stubs=own["stubs"],
        )  # fmt: skip
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path}: {type(error).__name__}: {error}; boards/README.md says what it holds") from None
