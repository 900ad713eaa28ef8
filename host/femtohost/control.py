"""Commands to a running box: a socket in its profile, one JSON object a line each way.

Request {"do": "dial", ...}, answer {"ok": true, "result": ...} or {"error": "one line"}. What takes time (dial, say,
record) answers when it is done; the box goes on meanwhile, and serves other clients.
"""

import base64
import json

import numpy as np

from femtohost.clock import SECOND
from femtohost.control_gsm import GsmCommands
from femtohost.control_usb import UsbCommands
from femtohost.errors import UserError
from femtohost.profile import connect
from femtohost.repl import Interpreter

RATE = 8000
LONGEST_LINE = 64 << 20  # an hour of speech in base64
TONES = ("dial", "ringback", "busy", "reorder", "silence", "speech")


class ControlError(UserError):
    """What the box answered to a command that it cannot do: one line."""


# -- the box's side -----------------------------------------------------------------------------------------------


class ControlServer:
    """Serves the commands of `gateway` (femtohost.gateway) on a listening socket."""

    def __init__(self, gateway, listener):
        self._gateway, self._listener = gateway, listener
        self._interpreter = Interpreter(gateway)
        self._connections = []
        gateway.loop.watch(listener, self._accept)
        self._commands = {
            "status": self._status, "power": self._power, "off-hook": self._off_hook, "on-hook": self._on_hook,
            "flash": self._flash, "dial": self._dial, "say": self._say, "record": self._record, "hears": self._hears,
            "execute": self._execute, "complete": self._complete, "install": self._install,
        } | UsbCommands(gateway).commands | GsmCommands(gateway).commands  # fmt: skip

    def _accept(self):
        client, _ = self._listener.accept()
        client.setblocking(False)
        self._connections = [connection for connection in self._connections if not connection.closed]
        self._connections.append(Connection(self._gateway.loop, client, self._serve))

    def _serve(self, connection, request):
        """Answer one request; bad ones get a line, not a traceback."""
        command = self._commands.get(request.get("do")) if isinstance(request, dict) else None
        if command is None:
            connection.answer(error=f"no such command; there are {' '.join(sorted(self._commands))}")
            return
        try:
            command(connection, request)
        except (ControlError, KeyError, TypeError, ValueError) as error:
            connection.answer(error=str(error) or type(error).__name__)

    def close(self):
        self._gateway.loop.unwatch(self._listener)
        self._listener.close()
        for connection in self._connections:
            connection.close()

    # -- commands -------------------------------------------------------------------------------------------------

    def _phone(self):
        if not self._gateway.box:
            raise ControlError("the box is powered off; switch it on with: power on")
        return self._gateway.box.phone

    def _status(self, connection, request):
        connection.answer(self._gateway.status())

    def _power(self, connection, request):
        switch = {"on": self._gateway.power_on, "off": self._gateway.power_off}
        if request["state"] not in switch:
            raise ControlError("power is on or off")
        switch[request["state"]]()
        connection.answer()

    def _off_hook(self, connection, request):
        self._phone().off_hook()
        connection.answer()

    def _on_hook(self, connection, request):
        self._phone().on_hook()
        connection.answer()

    def _flash(self, connection, request):
        self._phone().flash()
        connection.answer()

    def _dial(self, connection, request):
        phone = self._phone()
        if not phone.loop_closed:
            raise ControlError("the phone is on-hook; lift it first: phone off-hook")
        phone.dial(request["digits"])
        connection.when(self._gateway.box, lambda: not phone.busy_dialling)

    def _say(self, connection, request):
        samples = from_text(request["pcm"])
        self._phone().talk(samples, loop=False)
        end = self._gateway.box.clock.now + round(len(samples) / RATE * SECOND)
        box = self._gateway.box
        connection.when(box, lambda: box.clock.now >= end)

    def _record(self, connection, request):
        phone, box, wanted = self._phone(), self._gateway.box, round(float(request["seconds"]) * RATE)
        if not 0 < wanted <= 3600 * RATE:
            raise ControlError("a recording lasts up to 3600 s")
        blocks = []

        def listen(played, captured):
            silent = not phone.loop_closed
            blocks.append(np.zeros(len(played), np.int16) if silent else np.rint(box.line.last_sent).astype(np.int16))

        box.board.pcm.on_block.append(listen)
        connection.when(
            box,
            lambda: sum(map(len, blocks)) >= wanted,
            result=lambda: to_text(np.concatenate(blocks)[:wanted]),
            release=lambda: box.board.pcm.on_block.remove(listen),
        )

    def _hears(self, connection, request):
        phone = self._phone()
        connection.answer([name for name in TONES if phone.hears(name)])

    def _execute(self, connection, request):
        connection.answer(self._interpreter.execute(request["source"]))

    def _complete(self, connection, request):
        connection.answer(self._interpreter.complete(request["text"]))

    def _install(self, connection, request):
        self._phone()
        self._gateway.install(base64.b64decode(request["file"], validate=True), connection.answer)


class Connection:
    """One client: its lines in, its answers out."""

    def __init__(self, loop, client, serve):
        self._loop, self._client, self._serve = loop, client, serve
        self._input = bytearray()
        self.closed = False
        loop.watch(client, self._read)

    def _read(self):
        try:
            data = self._client.recv(1 << 20)
        except OSError:
            data = b""
        if not data or len(self._input) > LONGEST_LINE:
            self.close()
            return
        self._input += data
        while b"\n" in data and b"\n" in self._input and not self.closed:
            line, _, rest = self._input.partition(b"\n")
            self._input = rest
            self._take(line)

    def _take(self, line):
        try:
            request = json.loads(line)
        except ValueError:
            self.answer(error="a request is one JSON object on one line")
            return
        self._serve(self, request)

    def answer(self, result=None, error=None):
        """Send one line; a client that is gone or does not read is dropped."""
        reply = {"error": error} if error else {"ok": True, "result": result}
        try:
            self._client.settimeout(5)
            self._client.sendall(json.dumps(reply).encode() + b"\n")
            self._client.setblocking(False)
        except OSError:
            self.close()

    def when(self, box, condition, result=lambda: None, release=lambda: None):
        """Answer once `condition()` holds; asked 50 times a second while `box` has power and the client is there.

        `release()` is called at the end, however it comes.
        """
        box.on_close.append(self.lost_power)

        def end():
            box.on_close.remove(self.lost_power)
            release()

        def look():
            if self.closed:
                end()
            elif condition():
                end()
                self.answer(result())
            else:
                box.clock.after(SECOND // 50, look)

        look()

    def lost_power(self):
        self.answer(error="the box lost its power")

    def close(self):
        if not self.closed:
            self.closed = True
            self._loop.unwatch(self._client)
            self._client.close()


# -- the client's side --------------------------------------------------------------------------------------------


class ControlClient:
    """A connection to the box that runs on the profile `path`; ProfileError if none does."""

    def __init__(self, path):
        self._socket = connect(path)
        self._file = self._socket.makefile("rb")

    def __call__(self, do, **arguments):
        """The result of one command; ControlError says why there is none."""
        try:
            self._socket.sendall(json.dumps({"do": do, **arguments}).encode() + b"\n")
            line = self._file.readline()
        except OSError:
            line = b""
        if not line:
            raise ControlError("the box went away")
        reply = json.loads(line)
        if "error" in reply:
            raise ControlError(reply["error"])
        return reply["result"]

    def close(self):
        self._file.close()
        self._socket.close()


def to_text(samples):
    """int16 samples as text."""
    return base64.b64encode(np.asarray(samples, "<i2").tobytes()).decode()


def from_text(text):
    """The samples of `to_text`."""
    return np.frombuffer(base64.b64decode(text), "<i2").astype(np.int16)
