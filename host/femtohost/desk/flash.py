"""MicroPython itself onto a bare board: a UF2 file onto its boot loader's drive, or through esptool or dfu-util."""

import os
import shutil
import struct
import subprocess
import sys
from pathlib import Path

from femtohost.errors import BoardLost, UserError

_UF2_MAGIC = 0x0A324655
FAMILIES = {"rp2040": (0xE48BFF56,), "rp2350": (0xE48BFF59, 0xE48BFF5A, 0xE48BFF5B)}  # secure, RISC-V, non-secure
_UF2_ANY = 0xE48BFF57  # absolute blocks, before the image proper
_INFO = "INFO_UF2.TXT"
_MODELS = {"rp2040": "RP2", "rp2350": "RP2350"}
_MOUNTS = ("/media/*/*", "/run/media/*/*", "/mnt/*", "/Volumes/*")
_ESP_OFFSET = "0x0"  # ESP32-S3: the image begins with its boot loader
_TOOLS = {
    "esptool": ("esptool", "pip install esptool"),
    "dfu": ("dfu-util", "apt-get install dfu-util"),
}


def flash(board, image, port, tell):
    """Put `image` (path, or None: one is built where packages allow it) onto a `board` (BoardInfo). A dict of what was
    done. `tell` gets lines for a person. UserError: no image, drive or tool. BoardLost: it went away meanwhile."""
    if board.flash is None:
        raise UserError(f"{board.name}: is started with its image, there is nothing to flash")
    data = _image(board, image, tell)
    place = _onto_drive(board, data) if board.flash == "uf2" else _through_tool(board, image, port)
    return {"board": board.name, "image": str(image or "the built image"), "octets": len(data), "to": place}


def _image(board, image, tell):
    """Octets of the image, checked as far as its kind allows."""
    if image is None:
        if board.flash != "uf2":
            raise UserError(
                f"{board.name}: give --image: MicroPython's own, {board.board} 1.25, from its download page"
            )
        from femtohost.toolchain import rp2

        image = rp2.build(board, tell)
    try:
        data = Path(image).read_bytes()
    except OSError as error:
        raise UserError(f"--image {image}: {error.strerror}") from None
    if board.flash == "uf2":
        check_uf2(data, _chip(board), image)
    return data


def _chip(board):
    return "rp2350" if "RP2350" in board.machine else "rp2040"


def check_uf2(data, chip, name):
    """UserError unless `data` is a whole UF2 file for `chip`."""
    if len(data) < 512 or len(data) % 512:
        raise UserError(f"--image {name}: no whole UF2 file ({len(data)} octets)")
    families = set()
    for start in range(0, len(data), 512):
        magic, *_, family = struct.unpack_from("<8I", data, start)
        if magic != _UF2_MAGIC:
            raise UserError(f"--image {name}: no UF2 file: octet {start} does not begin a block")
        families.add(family)
    if not families & set(FAMILIES[chip]) or families - set(FAMILIES[chip]) - {_UF2_ANY}:
        raise UserError(f"--image {name}: is for another chip than {chip}")


def _onto_drive(board, data):
    """Copy to the boot loader's drive; the boot loader checks each block, restarts, and takes its drive away."""
    drive = _drive(_MODELS[_chip(board)])
    if drive is None:
        raise UserError(
            f"{board.name}: no BOOTSEL drive: hold BOOTSEL while you plug it in, and mount the drive that appears"
        )
    target = drive / "femtojack.uf2"
    try:
        with open(target, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        if drive.exists() and (drive / _INFO).exists():
            raise BoardLost(
                f"{drive}: {error.strerror}; plug the board in again, BOOTSEL held, and try again"
            ) from None
    return str(drive)


def _drive(model):
    """The mounted drive of a boot loader for `model`, or None; $FEMTOJACK_BOOTSEL names another place."""
    given = os.environ.get("FEMTOJACK_BOOTSEL")
    places = [Path(given)] if given else [p for pattern in _MOUNTS for p in sorted(Path("/").glob(pattern[1:]))]
    for place in places:
        try:
            about = (place / _INFO).read_text(errors="replace")
        except OSError:
            continue
        if f"Board-ID: {model}" in about or f"Board-ID: RPI-{model}" in about:
            return place
    return None


def _through_tool(board, image, port):
    program, remedy = _TOOLS[board.flash]
    path = shutil.which(program) or shutil.which(program, path=str(Path(sys.executable).parent))
    if path is None:
        raise UserError(f"no {program}: {remedy}")
    if board.flash == "esptool":
        if port is None:
            raise UserError(f"{board.name}: give --port, the board's serial port")
        command = [path, "--chip", "esp32s3", "--port", port, "write_flash", _ESP_OFFSET, str(image)]
    else:
        command = [path, "-a", "0", "-d", "0483:df11", "-D", str(image)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        said = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()] or ["it failed"]
        raise BoardLost(f"{program}: {said[-1]}")
    return port or "DFU"
