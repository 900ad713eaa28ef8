"""Update files: a manifest and a payload, made, signed and looked at. femtojack.flash.manifest has their form."""

import hashlib
from pathlib import Path

import femtojack
from femtohost import crypto
from femtohost.errors import UserError
from femtohost.flash import keys, package
from femtojack.flash import manifest
from femtojack.flash.layout import SECTOR, SLOT_SIZE

FIRMWARE = Path(femtojack.__file__).parent.parent
LARGEST = SLOT_SIZE - SECTOR  # octets of a payload
UNSIGNED_KEY, UNSIGNED = bytes(8), bytes(manifest.SIZE - manifest.BODY)


class ImageError(UserError):
    """An update file that is none, or cannot be made: one line."""


def build(board, version, counter, *, revision=1, folder=None, march=None):
    """The octets of an unsigned update file out of the files of `folder` (by default the firmware's own).

    `march` compiles them for that architecture (femtohost.toolchain.mpy). ImageError: a field is wrong, or too large.
    """
    files = package.read_folder(folder or FIRMWARE)
    if march:
        files = _compiled(files, march)
    return assemble(package.pack(files), board, version, counter, revision)


def assemble(payload, board, version, counter, revision=1):
    """The octets of an unsigned update file around any payload. ImageError: a field is wrong, or it is too large."""
    if len(payload) > LARGEST:
        raise ImageError(f"the payload has {len(payload)} octets; a slot takes {LARGEST}")
    digest = hashlib.sha256(payload).digest()
    try:
        body = manifest.pack(board, revision, version, counter, len(payload), digest, UNSIGNED_KEY)
    except ValueError as error:
        raise ImageError(str(error)) from None
    return body + UNSIGNED + payload


def _compiled(files, march):
    """Its .py files as .mpy."""
    import tempfile

    from femtohost.toolchain import mpy

    with tempfile.TemporaryDirectory() as folder:
        for name, content in files.items():
            path = Path(folder) / "source" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        made = mpy.compile_tree(Path(folder) / "source", Path(folder) / "made", march)
        compiled = {path.relative_to(Path(folder) / "made").as_posix(): path.read_bytes() for path in made}
    return {name: content for name, content in files.items() if not name.endswith(".py")} | compiled


def sign(octets, private):
    """The update file `octets`, signed with an Ed25519PrivateKey. ImageError: it is none, or not whole."""
    found = parse(octets)
    if not payload_good(octets, found):
        raise ImageError("its payload is not what its manifest says; build it anew")
    key = manifest.key_id(keys.public_octets(private))
    body = manifest.pack(found.board, found.revision, found.version, found.counter, found.size, found.sha256, key)
    return body + private.sign(manifest.signed_part(body)) + octets[manifest.SIZE :]


def parse(octets):
    """The Manifest of an update file. ImageError: it is none."""
    found = manifest.parse(octets[: manifest.SIZE])
    if found is None:
        raise ImageError("no update file: it does not begin with a manifest")
    return found


def payload_good(octets, found):
    """Whether the payload is the one that Manifest `found` names."""
    payload = octets[manifest.SIZE :]
    return len(payload) == found.size and hashlib.sha256(payload).digest() == found.sha256


def inspect(octets):
    """What an update file says of itself, as a dict for JSON. ImageError: it is none."""
    found = parse(octets)
    facts = {
        "board": found.board, "hardware_revision": found.revision, "version": found.version,
        "security_counter": found.counter, "size": found.size, "sha256": found.sha256.hex(),
        "key_id": found.key_id.hex(), "signed": octets[manifest.BODY : manifest.SIZE] != UNSIGNED,
        "payload_good": payload_good(octets, found), "files": [],
    }  # fmt: skip
    try:
        files = package.unpack(octets[manifest.SIZE :])
    except ValueError:
        return facts
    return facts | {"files": [{"name": name, "size": len(content)} for name, content in files.items()]}


def why_not(octets, public):
    """Why a box that trusts only the key `public` (32 octets) would refuse the file; None: it would not."""
    try:
        found = parse(octets)
    except ImageError as error:
        return str(error)
    if found.key_id == UNSIGNED_KEY:
        return "it is not signed"
    if found.key_id != manifest.key_id(public):
        return "it is signed with another key"
    if not crypto.ed25519_verify(public, manifest.signed_part(octets), octets[manifest.BODY : manifest.SIZE]):
        return "its signature is bad"
    if not payload_good(octets, found):
        return "its payload is not what its manifest says"
    return None
