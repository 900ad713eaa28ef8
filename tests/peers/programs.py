"""Programs that run beside a test: started, waited for by what they print, and ended with the test."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import threading
import time

import pytest

PATIENCE = 10.0  # s that anything here may take


def needs(*programs, package):
    """A mark that skips where one of `programs` is absent, and names the Debian `package` that has it."""
    missing = [name for name in programs if not find(name)]
    return pytest.mark.skipif(bool(missing), reason=f"no {' '.join(missing)}: apt-get install {package}")


def find(name):
    """Path of an installed program, or None; servers live where only root looks."""
    return shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")


def free_port():
    """A UDP and TCP port of 127.0.0.1 that the operating system chose and nobody has."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp, socket.socket() as tcp:
        udp.bind(("127.0.0.1", 0))
        tcp.bind(udp.getsockname())
        return udp.getsockname()[1]


def free_pair():
    """The same, and nobody has the TCP port after it either: there baresip listens for SIP over TLS."""
    while True:
        port = free_port()
        with contextlib.suppress(OSError), socket.socket() as tcp:
            tcp.bind(("127.0.0.1", port + 1))
            return port


def wait_until(condition, seconds=PATIENCE, every=0.02):
    """Look at `condition()` until it is true, and return it; AssertionError after `seconds`."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, f"not within {seconds:g} s"
        time.sleep(every)
    return found


class Program:
    """A process in a group of its own; `lines` are those of stdout and stderr up to now."""

    def __init__(self, *command, cwd):
        self.lines = []
        self._changed = threading.Condition()
        self._process = subprocess.Popen(
            [find(command[0]) or command[0], *map(str, command[1:])], cwd=cwd, start_new_session=True, text=True,
            errors="replace", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def pid(self):
        return self._process.pid

    @property
    def running(self):
        return self._process.poll() is None

    def wait_line(self, fits, seconds=PATIENCE, first=0):
        """The index of the first line from `first` on that `fits`; AssertionError with the last lines if none comes."""
        end = time.monotonic() + seconds
        with self._changed:
            while True:
                for index in range(first, len(self.lines)):
                    if fits(self.lines[index]):
                        return index
                first = len(self.lines)
                ended = not self._reader.is_alive()
                assert not ended and self._changed.wait(end - time.monotonic()), self._complaint(seconds, ended)

    def kill(self):
        """End it, and what it started, at once."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()
        self._reader.join(PATIENCE)
        self._process.stdout.close()

    def _read(self):
        for line in self._process.stdout:
            with self._changed:
                self.lines.append(line.rstrip("\n"))
                self._changed.notify_all()
        with self._changed:
            self._changed.notify_all()

    def _complaint(self, seconds, ended):
        what = "the program ended" if ended else f"not within {seconds:g} s"
        return "\n".join([f"{what}; it said last:", *self.lines[-25:]])
