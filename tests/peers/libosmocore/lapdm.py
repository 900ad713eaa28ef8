"""libosmocore's LAPDm as an end of a channel: lapdm.c, built with the library that is installed, in a process."""

import subprocess
from pathlib import Path

from programs import find

SOURCE = Path(__file__).with_name("lapdm.c")
HEADER = Path("/usr/include/osmocom/gsm/lapdm.h")


def why_not():
    """Why there is none here, in words, or None."""
    if not find("gcc") or not HEADER.exists():
        return "no libosmocore to build with: apt-get install gcc libosmocore-dev"
    return None


def build(folder):
    """The program, in `folder`."""
    program = folder / "lapdm"
    command = ["gcc", "-O2", "-o", program, SOURCE, "-losmogsm", "-losmocore", "-ltalloc"]
    subprocess.run(command, check=True)
    return program


class End:
    """The LAPDm of a phone ("ms") or of a network ("bts") on an "SDCCH" or "FACCH".

    `heard` is what its layer 3 heard: ("up", SAPI, information), ("data", SAPI, message), ("down", SAPI).
    `errors` are its MDL-ERROR indications, by TS 48.058 9.3.22.
    """

    def __init__(self, program, role, channel, t200_ms):
        self.heard = []
        self.errors = []
        self._first = {}
        self._process = subprocess.Popen(
            [program, role, channel, str(t200_ms)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )

    def establish(self, sapi, info=b""):
        self._do(f"establish {sapi:02x} {info.hex()}")

    def open(self, sapi, message):
        """Establish, and then send `message`."""
        self._first[sapi] = message
        self.establish(sapi)

    def send(self, sapi, message):
        self._do(f"data {sapi:02x} {message.hex()}")

    def release(self, sapi):
        self._do(f"release {sapi:02x}")

    def receive(self, block):
        """An octet string of 23 came."""
        self._do(f"frame 00 {block.hex()}")

    def block(self):
        """The next to go, or None."""
        frames = self._do("poll 00")
        return frames[0] if frames else None

    def wait(self, ms):
        self._do(f"wait {ms}")

    def reset(self):
        """The channel is new."""
        self._do("reset")
        self.heard.clear()
        self.errors.clear()

    def stop(self):
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()

    def _do(self, command):
        """The frames it gave."""
        self._process.stdin.write(command + "\n")
        frames = []
        while (line := self._process.stdout.readline()) != ".\n":
            assert line, f"libosmocore's LAPDm ended in {command!r}"
            word, *rest = line.split()
            if word == "frame":
                frames.append(bytes.fromhex(rest[0]))
            else:
                self._hear(word, int(rest[0], 16), bytes.fromhex("".join(rest[1:])))
        return frames

    def _hear(self, word, sapi, octets):
        if word == "error":
            self.errors.append((sapi, octets[0]))
        elif word == "data":
            self.heard.append(("data", sapi, octets))
        elif word in ("established", "confirmed"):
            self.heard.append(("up", sapi, octets))
            if sapi in self._first:
                self.send(sapi, self._first.pop(sapi))
        elif word in ("released", "gone"):
            self.heard.append(("down", sapi))
