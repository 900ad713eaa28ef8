"""Installer images: a folder as an ISO 9660 disc with Joliet names, the same bytes from the same files.

Two trees of names lead to one copy of every file: ISO 9660 (ECMA-119, interchange level 3) for whoever reads nothing
else, Joliet with the names as they are.
"""

import hashlib
import os
import re
import struct
import time
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from io import BytesIO
from pathlib import Path

from pycdlib import PyCdlib
from pycdlib.pycdlibexception import PyCdlibException

from femtohost.errors import UserError

SECTOR = 2048
LEVELS = 7  # names in a path, below the root: pycdlib's reading of ECMA-119 6.8.2.1
ISO_NAME = 30  # characters of name and extension together: ECMA-119 7.5.1
JOLIET_NAME = 64  # UTF-16 units: Joliet Specification, "Joliet Directory Record Fields"
JOLIET_FORBIDDEN = re.compile(r"[\x00-\x1f*/:;?\\]")
VOLUME = re.compile(r"[A-Z0-9_]{1,16}")  # d-characters; 32 octets of a Joliet descriptor hold 16
DATE = 1577836800  # 2020-01-01: what carries no date of its own still has to carry one
AUTORUN = "autorun.inf"


class IsoError(UserError):
    """A folder that cannot become a disc, or an image that cannot be written: one line."""


@dataclass(frozen=True)
class Disc:
    """An image that was written: its file, volume identifier, what it holds, its octets and their SHA-256."""

    path: str
    volume: str
    files: int
    folders: int
    bytes: int
    sha256: str

    as_dict = asdict


@dataclass(frozen=True)
class Entry:
    """One file or folder: `names` are its path on the disc in Joliet, `iso` in ISO 9660; `source` its octets."""

    names: tuple
    iso: tuple
    source: object  # Path of a file, bytes, or None for a folder


def build(folder, path, volume="FEMTOJACK", progress=lambda done, of: None):
    """Write the folder `folder` as the image `path`, with an autorun.inf unless it has one; returns the Disc.

    `progress(octets done, octets in all)`. All dates are SOURCE_DATE_EPOCH, or 2020-01-01. IsoError: what cannot be.
    """
    folder, path = Path(folder), Path(path)
    if not VOLUME.fullmatch(volume):
        raise IsoError(f"--volume {volume!r}: 1 to 16 of A-Z, 0-9 and _, such as FEMTOJACK")
    _check_places(folder, path)
    entries = list(_entries(folder, (), ()))
    if not any(entry.names[0].lower() == AUTORUN for entry in entries):
        entries.append(Entry((AUTORUN,), ("AUTORUN.INF",), autorun(volume, [entry.names[0] for entry in entries])))
    with _draft(path) as file:
        _master(entries, volume, file, progress)
        stamp(file, _date())
        octets, digest = file.tell(), _sha256(file)
    folders = sum(entry.source is None for entry in entries)
    return Disc(str(path), volume, len(entries) - folders, folders, octets, digest)


def autorun(volume, names):
    """The octets of an autorun.inf: the volume's label, and of the `names` in the root a program to offer and an
    icon."""
    lines = ["[autorun]", f"label={volume}"]
    lines += [f"open={name}" for name in sorted(names) if name.lower() in ("setup.exe", "install.exe")][:1]
    lines += [f"icon={name}" for name in sorted(names) if name.lower().endswith(".ico")][:1]
    return "".join(line + "\r\n" for line in lines).encode("ascii", "replace")


def _check_places(folder, path):
    if not folder.is_dir():
        raise IsoError(f"{folder}: {'not a folder' if folder.exists() else 'no such folder'}; give the disc's files")
    if path.is_dir() or not path.absolute().parent.is_dir():
        raise IsoError(f"-o {path}: give a file in a folder that exists, such as installer.iso")
    if folder.resolve() in path.resolve().parents:
        raise IsoError(f"-o {path}: it lies within {folder}, so the disc would hold itself; write it elsewhere")


def _date():
    """Seconds since 1970 for every date of the image (reproducible-builds.org: SOURCE_DATE_EPOCH)."""
    text = os.environ.get("SOURCE_DATE_EPOCH", str(DATE))
    if not text.isdecimal() or not 1970 <= time.gmtime(min(int(text), 1 << 40)).tm_year <= 1900 + 255:
        raise IsoError(f"SOURCE_DATE_EPOCH {text!r}: seconds since 1970, before the year 2156")
    return int(text)


# -- what goes onto the disc ------------------------------------------------------------------------------------------


def _entries(folder, names, iso):
    """An Entry for everything below `folder`, in an order that the names alone decide; links are followed."""
    try:
        found = sorted(os.scandir(folder), key=lambda item: item.name)
    except OSError as error:
        raise IsoError(f"{folder}: {error.strerror}; the disc needs all of it") from None
    taken, seen = set(), {}
    for item in found:
        _check_name(item, seen)
        path, is_folder = Path(item.path), item.is_dir()
        short = iso_name(item.name, is_folder, taken)
        taken.add(short)
        entry = Entry((*names, item.name), (*iso, short), None if is_folder else path)
        _check_entry(path, entry)
        yield entry
        if is_folder:
            yield from _entries(path, entry.names, entry.iso)


def _check_name(item, seen):
    """`seen`: names of this folder without capitals; Windows and Linux read Joliet without regard to them."""
    name = item.name
    if any(0xD800 <= ord(c) < 0xE000 for c in name):
        raise IsoError(f"{item.path!a}: the name is not UTF-8; rename it")
    if JOLIET_FORBIDDEN.search(name) or len(name.encode("utf-16-be")) > 2 * JOLIET_NAME:
        raise IsoError(f"{item.path!r}: a name on a disc has at most {JOLIET_NAME} characters and none of * / : ; ? \\")
    other = seen.setdefault(name.casefold(), name)
    if other != name:
        raise IsoError(f"{item.path!r}: differs from {other!r} in capitals only; a disc cannot hold both")


def _check_entry(path, entry):
    if not path.exists():
        raise IsoError(f"{path}: a link to nothing; remove it")
    if len(entry.names) > LEVELS:
        raise IsoError(f"{path}: a disc has at most {LEVELS} levels; move it up")
    if entry.source is None:
        return
    if not path.is_file():
        raise IsoError(f"{path}: neither file nor folder; remove it")
    if not os.access(path, os.R_OK):
        raise IsoError(f"{path}: cannot be read; the disc needs it")


def iso_name(name, is_folder, taken=frozenset()):
    """`name` in the letters of ISO 9660, unlike any of `taken`: FILE.EXT for files, no dot for folders."""
    stem, dot, extension = name.upper().rpartition(".")
    if is_folder or not dot:
        stem, extension = name.upper(), ""
    stem, extension = (re.sub(r"[^A-Z0-9_]", "_", part) for part in (stem, extension[:8]))
    for number in range(1 << 20):
        tail = f"_{number}" if number else ""
        short = stem[: ISO_NAME - len(extension) - len(tail)] + tail
        full = short if is_folder else f"{short}.{extension}"
        if full not in taken:
            return full
    raise IsoError(f"{name}: too many files of like names in one folder")


# -- the image --------------------------------------------------------------------------------------------------------


@contextmanager
def _draft(path):
    """A file beside `path` that takes its place when all went well."""
    draft = path.with_name(path.name + ".part")
    try:
        with draft.open("w+b") as file:
            yield file
        draft.replace(path)
    except OSError as error:
        raise IsoError(f"{error.filename or path}: {error.strerror or error}; nothing was written") from None
    except PyCdlibException as error:
        raise IsoError(f"{path}: {error}; nothing was written") from None
    finally:
        with suppress(OSError):
            draft.unlink()


def _master(entries, volume, file, progress):
    image = PyCdlib()
    image.new(interchange_level=3, joliet=3, vol_ident=volume, app_ident_str="FEMTOJACK")
    for entry in entries:
        iso, joliet = "/" + "/".join(entry.iso), "/" + "/".join(entry.names)
        if entry.source is None:
            image.add_directory(iso, joliet_path=joliet)
        elif isinstance(entry.source, bytes):
            image.add_fp(BytesIO(entry.source), len(entry.source), iso + ";1", joliet_path=joliet)
        else:
            image.add_file(str(entry.source), iso + ";1", joliet_path=joliet)
    image.write_fp(file, blocksize=1 << 20, progress_cb=progress)
    image.close()
    file.seek(0, os.SEEK_END)


def _sha256(file):
    file.seek(0)
    return hashlib.file_digest(file, "sha256").hexdigest()


# -- dates: pycdlib writes the present, in the local zone -------------------------------------------------------------

DESCRIPTORS = 16  # the first volume descriptor's sector: ECMA-119 6.2.1
PRIMARY, SUPPLEMENTARY, TERMINATOR = 1, 2, 255  # 8.1.1
ROOT = 156  # offset of the root's directory record: 8.4.18
VOLUME_DATES = (813, 830, 864)  # creation, modification, effective: 8.4.26, 27, 29
RECORD_DATE = 18  # 9.1.5
FOLDER = 2  # file flag: 9.1.6


def stamp(file, seconds):
    """Make every date of the image in `file` (read and write, seekable) `seconds` since 1970, UTC."""
    moment = time.gmtime(seconds)
    long = time.strftime("%Y%m%d%H%M%S00", moment).encode() + b"\0"  # 8.4.26.1
    short = bytes((moment.tm_year - 1900, *moment[1:6], 0))  # 9.1.5
    end = file.seek(0, os.SEEK_END)
    sector = DESCRIPTORS
    while (descriptor := _read(file, sector, SECTOR))[0] != TERMINATOR:
        if descriptor[0] in (PRIMARY, SUPPLEMENTARY):
            for offset in VOLUME_DATES:
                _write(file, sector, offset, long)
            _write(file, sector, ROOT + RECORD_DATE, short)
            _stamp_folder(file, *_extent(descriptor, ROOT), short)
        sector += 1
    file.seek(end)


def _stamp_folder(file, sector, length, date):
    """The records of one folder, then those of the folders in it."""
    data = _read(file, sector, length)
    inner, offset = [], 0
    while offset < length:
        size = data[offset]
        if size == 0:  # records do not cross sectors: 6.8.1.1
            offset = (offset // SECTOR + 1) * SECTOR
            continue
        _write(file, sector, offset + RECORD_DATE, date)
        name = data[offset + 33 : offset + 33 + data[offset + 32]]
        if data[offset + 25] & FOLDER and name not in (b"\0", b"\1"):  # itself, its parent: 6.8.2.2
            inner.append(_extent(data, offset))
        offset += size
    for extent in inner:
        _stamp_folder(file, *extent, date)


def _extent(data, record):
    """(first sector, octets) of what the directory record at `record` describes: 9.1.3, 9.1.4."""
    return struct.unpack_from("<I4xI", data, record + 2)


def _read(file, sector, length):
    file.seek(sector * SECTOR)
    return file.read(length)


def _write(file, sector, offset, data):
    file.seek(sector * SECTOR + offset)
    file.write(data)
