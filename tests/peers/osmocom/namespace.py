"""A network of its own: a loopback interface with multicast, and nothing else."""

import ctypes
import os
import subprocess

from programs import find

CLONE_NEWNET = 0x40000000  # linux/sched.h
MINE = "/proc/thread-self/ns/net"
GROUPS = "239.0.0.0/8"  # administratively scoped multicast, RFC 2365

_libc = ctypes.CDLL(None, use_errno=True)


class Namespace:
    """`with` it, sockets that this thread opens and programs that it starts are inside.

    It lasts until `close` and the end of all that is inside. PermissionError: it takes root.
    """

    def __init__(self):
        self._home = os.open(MINE, os.O_RDONLY)
        _check(_libc.unshare(CLONE_NEWNET))
        self._file = os.open(MINE, os.O_RDONLY)
        try:
            _ip("link", "set", "lo", "up", "multicast", "on")
            _ip("route", "add", GROUPS, "dev", "lo")
        finally:
            self.__exit__()

    def __enter__(self):
        _check(_libc.setns(self._file, CLONE_NEWNET))

    def __exit__(self, *_):
        _check(_libc.setns(self._home, CLONE_NEWNET))

    def close(self):
        os.close(self._file)
        os.close(self._home)


def why_not():
    """Why there can be none here, in words, or None."""
    if not find("ip"):
        return "no ip: apt-get install iproute2"
    try:
        Namespace().close()
    except PermissionError:
        return "a network namespace takes root"
    except OSError as error:
        return f"no network namespace: {error}"
    return None


def _check(result):
    if result:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _ip(*words):
    done = subprocess.run([find("ip"), *words], capture_output=True, text=True)
    if done.returncode:
        raise OSError(f"ip {' '.join(words)}: {done.stderr.strip()}")
