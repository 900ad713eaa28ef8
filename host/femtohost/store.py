"""`board.store`: small octet strings that survive the power: files of the profile, or a dict in virtual time."""

import os
import re
from pathlib import Path

SERIAL = "serial"
SERIAL_OCTETS = 6
KEY = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")


def provision(store, octets):
    """Give a store that has none its serial number: 12 upper-case hexadecimal digits out of 6 random `octets`.

    The form is what Bulk-Only Transport 1.0 4.1.1 asks of a serial number.
    """
    if store.get(SERIAL) is None:
        store.put(SERIAL, octets.hex().upper().encode())


class MemoryStore:
    """Keeps what it is given for as long as it lives."""

    def __init__(self):
        self._values = {}

    def get(self, key):
        """The octets that were put, or None."""
        return self._values.get(_checked(key))

    def put(self, key, data):
        """Keep `data`, in place of what was there."""
        self._values[_checked(key)] = bytes(data)


class FileStore:
    """A file for each key in `folder`; a power cut leaves the old value or the new one, never a part."""

    def __init__(self, folder):
        self._folder = Path(folder)

    def get(self, key):
        """The octets that were put, or None. OSError: they are there and cannot be read."""
        try:
            return (self._folder / _checked(key)).read_bytes()
        except FileNotFoundError:
            return None

    def put(self, key, data):
        """Keep `data`, in place of what was there. OSError: it cannot be written."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = self._folder / f".{_checked(key)}.new"
        with open(draft, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self._folder / key)
        self._sync()

    def names(self):
        """All keys, in order. OSError: the folder is there and cannot be read."""
        try:
            return sorted(name for name in os.listdir(self._folder) if KEY.fullmatch(name))
        except FileNotFoundError:
            return []

    def remove(self, key):
        """Forget it. OSError: it is not there, or cannot be removed."""
        (self._folder / _checked(key)).unlink()
        self._sync()

    def _sync(self):
        folder = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _checked(key):
    if not KEY.fullmatch(key):
        raise ValueError(f"key {key!r}: up to 32 of a-z, 0-9, - and _")
    return key
