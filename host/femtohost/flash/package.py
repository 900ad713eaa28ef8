"""The payload of an update file: the files of a firmware, as one piece that can be mounted read-only.

Numbers are little-endian: "FJPKG1\\0\\0", u32 count; for each file, sorted by name: u32 offset of its content from the
start of the payload, u32 size, u8 length of its name, the name ("femtojack/app.mpy", UTF-8); then the contents.
"""

import struct
from pathlib import Path

from femtohost.errors import UserError

MAGIC = b"FJPKG1\0\0"
ENTRY = struct.Struct("<IIB")
HEAD = struct.Struct("<8sI")


class PackageError(UserError):
    """No package can be made of that folder: one line."""


def pack(files):
    """{name: octets} as a payload."""
    names = sorted(files)
    table = sum(ENTRY.size + len(name.encode()) for name in names)
    offset = HEAD.size + table
    head, contents = HEAD.pack(MAGIC, len(names)), []
    for name in names:
        head += ENTRY.pack(offset, len(files[name]), len(name.encode())) + name.encode()
        contents.append(files[name])
        offset += len(files[name])
    return head + b"".join(contents)


def unpack(payload):
    """{name: octets} of a payload. ValueError: it is none."""
    if payload[:8] != MAGIC:
        raise ValueError("no package")
    files, at = {}, HEAD.size
    try:
        for _ in range(HEAD.unpack_from(payload)[1]):
            offset, size, length = ENTRY.unpack_from(payload, at)
            at += ENTRY.size
            name, at = payload[at : at + length].decode(), at + length
            files[name] = payload[offset : offset + size]
            if len(files[name]) != size or not name:
                raise ValueError("a package that was cut off")
    except (struct.error, UnicodeDecodeError):
        raise ValueError("a package that was cut off") from None
    return files


def read_folder(folder):
    """{name: octets} of what a firmware consists of in `folder`: .py, .mpy and the native module. PackageError."""
    folder = Path(folder)
    if not folder.is_dir():
        raise PackageError(f"{folder}: no folder; give the one that holds the firmware's package")
    paths = [path for path in folder.rglob("*") if path.suffix in (".py", ".mpy") and path.is_file()]
    if not paths:
        raise PackageError(f"{folder}: no .py or .mpy file in it")
    for path in paths:
        if len(path.relative_to(folder).as_posix().encode()) > 255:
            raise PackageError(f"{path}: a name of more than 255 octets")
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}
