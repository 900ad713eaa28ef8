"""The command line that each of Osmocom's programs offers by telnet."""

import re
import socket

from programs import PATIENCE, wait_until

HOST = "127.0.0.1"
PROMPT = re.compile(rb"(?:^|\n)[\w-]+(?:\([\w-]+\))?[>#] $")
TELNET = re.compile(rb"\xff[\xfb-\xfe].")  # RFC 854: IAC, WILL to DONT, option
REFUSAL = re.compile(r"^% (?!Created|Updated)", re.MULTILINE)


class Vty:
    """A connection with the program at `port` of 127.0.0.1, privileged."""

    def __init__(self, port):
        self._socket = wait_until(lambda: _connect(port))
        self._socket.settimeout(PATIENCE)
        self._answer()
        self.do("enable")

    def do(self, command):
        """Give a command; returns what it printed. AssertionError: it was refused."""
        self._socket.sendall(command.encode() + b"\n")
        answer = self._answer().removeprefix(command).strip("\n")
        assert not REFUSAL.search(answer), f"{command}: {answer}"
        return answer

    def close(self):
        self._socket.close()

    def _answer(self):
        """All up to the next prompt, without the prompt."""
        octets = b""
        while not (prompt := PROMPT.search(octets)):
            more = self._socket.recv(65536)
            assert more, f"the program closed its command line after {octets!r}"
            octets = TELNET.sub(b"", octets + more).replace(b"\r", b"").replace(b"\0", b"")
        return octets[: prompt.start()].decode(errors="replace")


def _connect(port):
    try:
        return socket.create_connection((HOST, port))
    except ConnectionRefusedError:
        return None
