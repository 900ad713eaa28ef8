"""The profile: the folder that a running box owns, with what it keeps and the socket that commands come by."""

import fcntl
import os
import secrets
import socket
import tempfile
from pathlib import Path

from femtohost.errors import UserError
from femtohost.flash.factory import FACTORY_KEY, new_box
from femtohost.flash.keys import generate, trusted
from femtohost.flash.memory import IMAGE, copy_image, open_image
from femtohost.store import SERIAL_OCTETS

SOCKET = "ctl.sock"
LOCK = "lock"
KEYS = "keys"  # whose signatures the box trusts: *.pub


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

    def flash(self, provisioned=None):
        """Its flash memory. A folder without one gets a new one, as it leaves the factory: `provisioned` is its
        (serial, number), by default a serial from entropy and no number. ProfileError: what is there is no image."""
        if self._flash is None:
            folder = self.path / KEYS
            if not trusted(folder):
                generate(folder / FACTORY_KEY)
            if not (self.path / IMAGE).exists():
                new_box(folder, *provisioned or (secrets.token_hex(SERIAL_OCTETS).upper(), "")).save(self.path)
            try:
                self._flash = open_image(self.path, trusted(folder))
            except (OSError, ValueError) as error:
                raise ProfileError(f"{error}; move {IMAGE} away for a new one") from None
        return self._flash

    def close(self):
        if self._flash:
            self._flash.close()
        (self.path / SOCKET).unlink(missing_ok=True)
        self._lock.close()
        if self._temporary:
            self._temporary.cleanup()


def runs(path):
    """Whether a box runs on the profile `path`."""
    try:
        connect(path).close()
    except ProfileError:
        return False
    return True


def look_at_flash(path):
    """A copy of the flash memory of the profile `path`, whether or not a box runs on it. ProfileError: it has none."""
    path = Path(path)
    try:
        return copy_image(path, trusted(path / KEYS))
    except (OSError, ValueError) as error:
        raise ProfileError(
            f"--profile {path}: no flash image ({error}); make one with: femtojack flash provision"
        ) from None


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
