"""The profile: the folder that a running box owns, with what it keeps and the socket that commands come by."""

import fcntl
import os
import socket
import tempfile
from pathlib import Path

from femtohost.errors import UserError
from femtohost.flash.memory import open_image

SOCKET = "ctl.sock"
LOCK = "lock"


class ProfileError(UserError):
    """The folder cannot be had, or no box runs on it: one line."""


class Profile:
    """The folder `path`, made if need be and locked; without one, a temporary folder that goes with the box."""

    def __init__(self, path=None):
        self._flash = None
        self._temporary = None if path else tempfile.TemporaryDirectory(prefix="femtojack-")
        self.path = Path(path or self._temporary.name).absolute()
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._lock = open(self.path / LOCK, "w")  # noqa: SIM115  (held as long as the box runs)
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ProfileError(f"--profile {path}: another box runs on this profile; give this one its own") from None
        except OSError as error:
            raise ProfileError(f"--profile {path}: {error.strerror}; give a folder that can be written to") from None

    def listen(self):
        """A listening socket in the folder that only this user can connect to."""
        (self.path / SOCKET).unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX)
        mask = os.umask(0o177)
        try:
            with _short(self.path) as name:
                listener.bind(name)
        finally:
            os.umask(mask)
        listener.listen()
        listener.setblocking(False)
        return listener

    def flash(self):
        """Its flash memory; a folder without one gets a new, erased chip. ProfileError: what is there is no image."""
        if self._flash is None:
            try:
                self._flash = open_image(self.path)
            except ValueError as error:
                raise ProfileError(f"{error}; move it away for a new one") from None
        return self._flash

    def close(self):
        if self._flash:
            self._flash.close()
        (self.path / SOCKET).unlink(missing_ok=True)
        self._lock.close()
        if self._temporary:
            self._temporary.cleanup()


def connect(path):
    """A socket to the box that runs on the profile `path`. ProfileError if none does."""
    client = socket.socket(socket.AF_UNIX)
    try:
        with _short(path) as name:
            client.connect(name)
    except OSError:
        client.close()
        raise ProfileError(
            f"--profile {path}: no box runs on it; start one with: femtojack run --profile {path}"
        ) from None
    return client


class _short:
    """A name of the folder's socket that fits into a socket address (108 octets), however long the folder's is."""

    def __init__(self, folder):
        self._folder = folder

    def __enter__(self):
        self._descriptor = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
        return f"/proc/self/fd/{self._descriptor}/{SOCKET}"

    def __exit__(self, *exc):
        os.close(self._descriptor)
