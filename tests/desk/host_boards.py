"""A board on the host: the raw prompt of a real MicroPython, over littlefs in a file whose power can be cut."""

import socket
import subprocess
import threading
from pathlib import Path

import pytest

from femtohost.desk.build import Bundle
from femtohost.desk.catalog import BoardInfo
from femtohost.targets import interpreter

PROMPT = Path(__file__).with_name("raw_repl.py")
FLASH = 1 << 20  # the file system
ROMFS = 64 << 10  # a partition behind it


class HostBoard:
    """`port` is what mpremote takes; each connection finds the interpreter started anew, as after power-on.

    cut: block writes after which the power goes, 0: never. `writes`: how many there were in the last connection.
    romfs: octets of a partition for ROMFS, 0: the image has none.
    """

    def __init__(self, program, flash, romfs=0):
        self._program, self.flash, self._romfs = program, flash, romfs
        if not flash.exists():
            flash.write_bytes(b"\xff" * (FLASH + romfs))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = f"socket://127.0.0.1:{self._listener.getsockname()[1]}"
        self.cut = 0
        self.writes = None
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                done = subprocess.run(
                    [self._program, PROMPT, self.flash, str(self.cut), str(self._romfs)],
                    stdin=connection, stdout=connection, stderr=subprocess.PIPE, check=False,
                )  # fmt: skip
                self.writes = int((done.stderr.split() or [b"0"])[-1])

    def close(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(timeout=300)


def make_board(flash, romfs=0):
    program = interpreter.find()
    if program is None:
        pytest.skip(f"no MicroPython here: {interpreter.HINT}")
    pytest.importorskip("mpremote", reason="no mpremote: pip install 'femtojack[boards]'")
    return HostBoard(program, flash, romfs)


INFO = BoardInfo(
    name="host", folder=Path(), product="host", port="unix", board="standard", machine="linux", arch="x64", flash=None,
    heap_kb=1000, runs=(), cannot={}, stubs=None,
)  # fmt: skip
STARTER = (Path(__file__).parents[2] / "boards/common/starter.py").read_bytes()


def bundle_of(version, extra=None):
    """A small firmware that prints `version`, if all of it is there."""
    files = {
        "main.py": b"from part.one import VALUE\nprint('runs', VALUE)\n",
        "part/__init__.py": b"",
        "part/one.py": f"VALUE = {version}\n".encode(),
        "filler.bin": bytes(range(256)) * 20,
    }
    return Bundle(INFO, dict(sorted({**files, **(extra or {})}.items())), STARTER)
