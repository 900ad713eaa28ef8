"""QEMU's Cortex-M boards: programs for the bare core, and scripts in a real MicroPython image.

Virtual time counts instructions (-icount): a run is the same every time. An instruction takes 1024 ns of it, so that
the board's counter of 25 MHz tells them apart.
"""

import subprocess
import tempfile
import threading
from pathlib import Path

from femtohost.errors import UserError
from femtohost.toolchain import compilers, qemu_image

DATA = 0x21000000  # PSRAM of the MPS2 boards, 16 MB: free, the image lives in SSRAM
LIMIT_S = 600  # of the machine's own time: nothing here takes seconds, so this is a hang
MACHINES = {"armv6m": "mps2-an385", "armv7m": "mps2-an385", "armv7emsp": "mps2-an386"}

_RAW, _RUN = b"\x01", b"\x04"  # ctrl-A, ctrl-D
_BANNER = b"raw REPL; CTRL-B to exit\r\n>"


class ScriptFailed(AssertionError):
    """A script ended with a traceback: its text."""


def command(machine, *options):
    program = compilers.need_program("qemu-system-arm", "apt-get install qemu-system-arm")
    fixed = ["-display", "none", "-monitor", "none", "-icount", "shift=10"]
    return [program, "-machine", machine, *fixed, *map(str, options)]


def run_bare(march, program, data):
    """What a program of native/bare made of `data`, octets from file to file through semihosting."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "in"), Path(folder, "out")
        source.write_bytes(data)
        host = f"enable=on,target=native,arg=vectors,arg={source},arg={target}"
        options = ("-serial", "none", "-semihosting-config", host, "-kernel", program)
        done = subprocess.run(
            command(MACHINES[march], *options), capture_output=True, text=True, timeout=LIMIT_S, check=False
        )
        if done.returncode:
            raise UserError(f"{program} under QEMU ended with {done.returncode}: {done.stderr.strip()}")
        return target.read_bytes()


def run(script, data=b""):
    """What a MicroPython script prints in the image of toolchain.qemu_image; `data` stands at DATA in its memory.

    ScriptFailed: it raised. UserError: no QEMU, no image.
    """
    image = qemu_image.build()
    with tempfile.NamedTemporaryFile() as file:
        file.write(data or b"\0")
        file.flush()
        loader = f"loader,file={file.name},addr={DATA:#x},force-raw=on"
        options = ("-serial", "stdio", "-semihosting", "-device", loader, "-kernel", image)
        with subprocess.Popen(
            command(MACHINES[qemu_image.MARCH], *options), stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as qemu:
            hang = threading.Timer(LIMIT_S, qemu.kill)
            hang.start()
            try:
                return _converse(qemu, script.encode())
            finally:
                hang.cancel()
                qemu.kill()


def _converse(qemu, script):
    """One script in the raw REPL: `OK`, output, 0x04, error, 0x04."""
    qemu.stdin.write(_RAW)
    qemu.stdin.flush()
    _read_until(qemu, _BANNER)
    qemu.stdin.write(script + _RUN)
    qemu.stdin.flush()
    _read_until(qemu, b"OK")
    output = _read_until(qemu, _RUN).decode()
    error = _read_until(qemu, _RUN).decode()
    if error:
        raise ScriptFailed(f"{output}{error}".replace("\r\n", "\n"))
    return output.replace("\r\n", "\n")


def _read_until(qemu, end):
    """What comes before `end`, which is taken too."""
    taken = bytearray()
    while not taken.endswith(end):
        octet = qemu.stdout.read(1)
        if not octet:
            raise ScriptFailed(f"QEMU ended: {taken.decode(errors='replace')}")
        taken += octet
    return bytes(taken[: -len(end)])
