"""A folder of things that are slow to get or to build, kept under names that say what they were made of.

A thing is there whole or not at all: it is made beside its place and moved there when it is complete.
"""

import fcntl
import hashlib
import os
import shutil
from contextlib import contextmanager
from pathlib import Path


def folder():
    """$FEMTOJACK_CACHE, else femtojack in the user's cache folder."""
    user = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(os.environ.get("FEMTOJACK_CACHE") or user / "femtojack").absolute()


def kept(name, make):
    """The path `name` in the cache; what is not there yet, make(path) makes: a folder or a file at the path it gets.

    Two processes that want the same thing make it once. What a killed one left is removed.
    """
    place = folder() / name
    if place.exists():
        return place
    with alone(place):
        if not place.exists():
            unfinished = place.with_name(f".{place.name}.unfinished")
            _remove(unfinished)
            make(unfinished)
            unfinished.rename(place)
    return place


def digest(*parts):
    """16 hex digits that say what is in texts, bytes, and the files and folders given as paths."""
    total = hashlib.sha256()
    for part in parts:
        for data in _contents(part):
            total.update(len(data).to_bytes(8, "big") + data)
    return total.hexdigest()[:16]


def _contents(part):
    if isinstance(part, Path):
        files = sorted(p for p in part.rglob("*") if p.is_file()) if part.is_dir() else [part]
        for file in files:
            yield str(file.relative_to(part)).encode()
            yield file.read_bytes()
    else:
        yield part if isinstance(part, bytes) else str(part).encode()


@contextmanager
def alone(place):
    """One process at a time; the lock falls with its process."""
    place.parent.mkdir(parents=True, exist_ok=True)
    with open(place.with_name(f".{place.name}.lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _remove(path):
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
