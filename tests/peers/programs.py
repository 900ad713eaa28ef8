"""Programs that run beside a test: started, waited for by what they print, and ended with the test."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

import pytest

PATIENCE = 300.0  # s: it ends what would never come; a loaded machine is slow, not wrong
# Below Linux's ip_local_port_range: whoever binds port 0 meanwhile does not get one of these
PORTS = range(20_000, 32_000)


def needs(*programs, package):
    """A mark that skips where one of `programs` is absent, and names the Debian `package` that has it."""
    missing = [name for name in programs if not find(name)]
    return pytest.mark.skipif(bool(missing), reason=f"no {' '.join(missing)}: apt-get install {package}")


def find(name):
    """Path of an installed program, or None; servers live where only root looks."""
    return shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")


def free_port(count=1, even=False):
    """The first of `count` UDP and TCP ports of 127.0.0.1 in a row that nobody has, and nobody gets until we end."""
    for port in PORTS[:: 2 if even else 1]:
        claims = [claim for claim in map(_claim, range(port, port + count)) if claim]
        if len(claims) == count:
            _claims.extend(claims)
            return port
        for claim in claims:
            claim.close()
    raise AssertionError(f"no free ports in {PORTS}")


_claims = []


def _claim(port):
    """What keeps `port` from other tests on this machine, or None: it is taken."""
    claim = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        claim.bind(f"\0femtojack test port {port}")  # unix(7), an abstract address: it ends with us
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp, socket.socket() as tcp:
            udp.bind(("127.0.0.1", port))
            tcp.bind(("127.0.0.1", port))
    except OSError:
        claim.close()
        return None
    return claim


def wait_until(condition, seconds=PATIENCE, every=0.02):
    """Look at `condition()` until it is true, and return it; AssertionError after `seconds`."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, f"not within {seconds:g} s"
        time.sleep(every)
    return found


def schedule(thread, policy, priority):
    """Let a thread have the processor before all others, or no longer, where that is allowed."""
    with contextlib.suppress(PermissionError, ProcessLookupError):
        os.sched_setscheduler(thread, policy, os.sched_param(priority))


@contextlib.contextmanager
def realtime(*processes):
    """Let these have the processor before all others meanwhile, where that is allowed: sound waits for nobody."""
    threads = [int(path.name) for process in processes for path in Path(f"/proc/{process.pid}/task").iterdir()]
    for thread in threads:
        schedule(thread, os.SCHED_RR, 1)
    try:
        yield
    finally:
        for thread in threads:
            schedule(thread, os.SCHED_OTHER, 0)


class Program:
    """A process in a group of its own; `lines` are those of stdout and stderr up to now."""

    def __init__(self, *command, cwd):
        self.lines = []
        self._changed = threading.Condition()
        self._ended = False
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
                assert not self._ended and self._changed.wait(end - time.monotonic()), self._complaint(seconds)

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
            self._ended = True
            self._changed.notify_all()

    def _complaint(self, seconds):
        what = "the program ended" if self._ended else f"not within {seconds:g} s"
        return "\n".join([f"{what}; it said last:", *self.lines[-25:]])
