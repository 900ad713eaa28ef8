"""The way to a board's prompt: mpremote's transport, with errors that tell a person what to do.

A board that does not answer, or goes away, is BoardLost: one line, exit code 5.
"""

import ast
import contextlib
import struct
import subprocess
import sys
import time
from dataclasses import dataclass

from femtohost.errors import BoardLost, UserError

_ANSWER_S = 60  # between two octets of an answer: an emulated board is slow
_AWAY_S = 120  # in which a port that went away comes back
_TRY_S = 30  # for one try to get its prompt
_LOOK_S = 0.2  # between two looks for it

# A reset of a board whose firmware has joined in on the USB takes its port away.
_ON_USB = """
import machine
print(hasattr(machine, 'USBDevice') and machine.USBDevice().active())
"""

_FACTS = """
import gc, os, sys
gc.collect()
try:
    s = os.statvfs('.')
    room = s[0] * s[3]
except (OSError, AttributeError):
    room = 0
v = sys.implementation
print((v[1][:3], getattr(v, '_machine', sys.platform), getattr(v, '_mpy', 0) & 255, gc.mem_free(), room))
"""


@dataclass(frozen=True)
class Facts:
    """What a board says of itself. version: (1, 25, 0); mpy: bytecode version; heap, room: octets free."""

    version: tuple
    machine: str
    mpy: int
    heap: int
    room: int


class Link:
    """A board at its raw prompt; use it in `with`. `transport` is mpremote's; `facts` are what the board is.

    The firmware is stopped by a soft reset. UserError: there is no such port, or mpremote is missing.
    """

    def __init__(self, port):
        self.port = port
        self.transport = _open(port)
        try:
            with self.guarded():
                self._stop()
                self.facts = Facts(*ast.literal_eval(self.transport.exec(_FACTS).decode()))
        except BaseException:
            self.close()
            raise

    def _stop(self):
        from mpremote.transport import TransportError

        try:
            self._interrupt()
        except (TransportError, OSError):  # it may just be joining in on the USB
            self.come_back(self._interrupt)
        if b"True" in self.transport.exec(_ON_USB):
            with contextlib.suppress(OSError):
                self.transport.serial.write(b"\x04")
            self.come_back(self._interrupt)
        else:
            self.transport.enter_raw_repl(timeout_overall=_AWAY_S)

    def _interrupt(self):
        self.transport.enter_raw_repl(soft_reset=False, timeout_overall=_TRY_S)

    def come_back(self, then=lambda: None):
        """Open the port anew once it has gone and is there again, and `then` do what can be done with a board that is
        up. BoardLost: it stays away."""
        from mpremote.transport import TransportError

        end = time.monotonic() + _AWAY_S
        while True:
            self.close()
            time.sleep(_LOOK_S)
            try:
                self.transport = _open(self.port)
                return then()
            except (UserError, TransportError, OSError):
                if time.monotonic() > end:
                    raise BoardLost(f"{self.port}: no answer; check the cable, reset the board") from None

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    def close(self):
        with contextlib.suppress(Exception):
            self.transport.close()

    @contextlib.contextmanager
    def guarded(self):
        """Whatever breaks here because the board is away becomes BoardLost; what the board raised, its last line."""
        from mpremote.transport import TransportError, TransportExecError

        try:
            with contextlib.redirect_stdout(sys.stderr):  # mpremote prints what it did not expect
                yield
        except TransportExecError as error:
            raise UserError(f"{self.port}: the board says: {_last_line(error.error_output)}") from None
        except (TransportError, OSError, struct.error) as error:
            raise BoardLost(f"{self.port}: no answer ({error}); check the cable, reset the board") from None

    def run(self, code, timeout=_ANSWER_S, on_output=None):
        """Run `code` (str) on the board; what it printed, str. timeout: seconds of silence."""
        from mpremote.transport import TransportExecError

        with self.guarded():
            out, error = self.transport.exec_raw(code, timeout=timeout, data_consumer=on_output)
            if error:
                raise TransportExecError(out, error.decode(errors="replace"))
            return out.decode(errors="replace")

    def ask(self, code, timeout=_ANSWER_S):
        """The Python literal that `code` prints."""
        said = self.run(code, timeout)
        try:
            return ast.literal_eval(said)
        except (ValueError, SyntaxError):
            raise BoardLost(f"{self.port}: the board said something else than its answer: {said[:60]!r}") from None

    def has(self, module):
        """Whether the image has a module of that name."""
        return self.ask(f"try:\n    import {module}\n    print(True)\nexcept ImportError:\n    print(False)\n")

    def expect(self, board):
        """UserError unless this is a `board` (BoardInfo) with the pinned MicroPython or a later one."""
        machine, version = self.facts.machine, ".".join(map(str, self.facts.version))
        if board.machine not in machine:
            raise UserError(f"{self.port}: is a {machine}, not a {board.product}; see femtojack board list")
        if self.facts.version < (1, 25):
            raise UserError(f"{self.port}: runs MicroPython {version}: needs 1.25; femtojack board flash {board.name}")

    def restart(self):
        """Reset the board, so that it starts what is deployed. The link is over."""
        with contextlib.suppress(Exception), contextlib.redirect_stdout(sys.stderr):
            self.transport.exec_raw_no_follow("import machine\nmachine.reset()")
            self.transport.read_until(1, b"\x04", timeout=1)


def prompt(port):
    """mpremote's own prompt on this terminal; its exit code."""
    if not sys.stdin.isatty():
        raise UserError("repl: needs a terminal")
    return subprocess.call([sys.executable, "-m", "mpremote", "connect", port, "repl"])


def _open(port):
    try:
        from mpremote.transport import TransportError
        from mpremote.transport_serial import SerialTransport
        from serial import SerialException
    except ImportError:
        raise UserError("no mpremote: pip install 'femtojack[boards]'") from None
    try:
        return SerialTransport(port, baudrate=115200, timeout=_ANSWER_S)
    except (TransportError, SerialException, OSError, ValueError):
        raise UserError(f"--port {port}: cannot be opened; {_ports()}") from None


def _ports():
    from serial.tools.list_ports import comports

    found = [port.device for port in comports()]
    return f"there are: {' '.join(found)}" if found else "there is no serial port here: plug the board in"


def _last_line(text):
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "nothing"
