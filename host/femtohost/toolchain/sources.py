"""MicroPython's source and other parts of boards' images, from Debian's packages.

Debian 13 has all of them in versions that fit each other. They are fetched through apt with a configuration of its own
in the cache, whatever the machine's own release, and unpacked into folders; nothing is installed.
"""

import os
import re
import shutil
import subprocess
import tarfile
from pathlib import Path

from femtohost.errors import UserError
from femtohost.toolchain import cache

SUITE = "trixie"  # Debian 13
MICROPYTHON = (1, 25)
INTERPRETER = ("micropython", "libc6", "libffi8", "libmbedcrypto16", "libmbedtls21", "libmbedx509-7")
_REMEDY = "set FEMTOJACK_DEBIAN to a Debian archive, or MICROPY_DIR to MicroPython's source"
_KEYRINGS = ("debian-archive-keyring.gpg", "debian-archive-keyring.pgp")


def micropython_source():
    """The source tree of MicroPython 1.25: $MICROPY_DIR, else Debian's. Read it only; builds go elsewhere."""
    given = os.environ.get("MICROPY_DIR")
    source = Path(given).absolute() if given else debian_source("micropython")
    found = _version(source)
    if found != MICROPYTHON:
        what = "is no source tree of MicroPython" if found is None else f"is MicroPython {found[0]}.{found[1]}"
        raise UserError(f"MICROPY_DIR={source} {what}: must be a source tree of MicroPython 1.25")
    return source


def debian_source(name):
    """The unpacked upstream source of one Debian source package."""

    def fill(path):
        path.mkdir()
        _fetch(["source", "--download-only"], name, cwd=path)
        archives = sorted(path.glob("*.orig*.tar.*"))
        for archive in archives:
            with tarfile.open(archive) as tar:
                tar.extractall(path, filter="tar")
        _drop_files(path)

    return _only_folder(cache.kept(f"{SUITE}/source/{name}", fill))


def debian_files(*packages):
    """A folder with the files of these Debian packages, as from the root: `usr/share/...`; not their dependencies'."""

    def fill(path):
        path.mkdir()
        _fetch(["download"], *packages, cwd=path)
        for archive in sorted(path.glob("*.deb")):
            _run(["dpkg-deb", "-x", archive, path])
        _drop_files(path)

    name = packages[0] if len(packages) == 1 else f"{packages[0]}-{cache.digest(*packages)}"
    return cache.kept(f"{SUITE}/files/{name}", fill)


def debian_interpreter():
    """The command, a list, that runs Debian's MicroPython 1.25 on this machine with the libraries it was built for."""
    root = debian_files(*INTERPRETER)
    loader = next(root.rglob("ld-linux-*.so.*"), None)
    if loader is None:
        raise UserError(f"{root}: no dynamic loader in libc6 of Debian {SUITE}: remove the folder and try again")
    libraries = loader.resolve().parent
    return [str(loader), "--library-path", str(libraries), str(root / "usr/bin/micropython")]


def _version(source):
    """(major, minor) of a source tree, or None."""
    header = source / "py" / "mpconfig.h"
    if not header.is_file():
        return None
    numbers = re.findall(r"^#define MICROPY_VERSION_M(?:AJ|IN)OR (\d+)", header.read_text(), re.MULTILINE)
    return tuple(map(int, numbers))


def _only_folder(path):
    folders = [entry for entry in path.iterdir() if entry.is_dir()]
    return folders[0] if len(folders) == 1 else path


def _drop_files(path):
    """The archives, now that they are unpacked."""
    for entry in path.iterdir():
        if entry.is_file():
            entry.unlink()


# -- apt with folders of its own


def _fetch(kind, *names, cwd):
    """`apt-get source` or `download`; if it fails, its lists may be old: once more with new ones."""
    try:
        root = cache.kept(f"{SUITE}/apt", _apt_root)
        try:
            _run([*_apt_get(root), *kind, *names], cwd)
        except UserError:
            _run([*_apt_get(root), "update"])
            _run([*_apt_get(root), *kind, *names], cwd)
    except UserError as error:
        raise UserError(f"{' '.join(names)} of Debian {SUITE} cannot be had ({error}); {_REMEDY}") from None


def _apt_root(path):
    """Folders for apt: the suite's lists, no installed packages."""
    for name in ("etc", "state/lists/partial", "cache/archives/partial"):
        (path / name).mkdir(parents=True)
    (path / "status").touch()
    (path / "etc" / "sources.list").write_text(
        "".join(f"{kind} [signed-by={_keyring()}] {_mirror()} {SUITE} main\n" for kind in ("deb", "deb-src"))
    )
    _run([*_apt_get(path), "update"])


def _apt_get(root):
    options = {
        "Dir::Etc": root / "etc",
        "Dir::Etc::sourceparts": "/dev/null",
        "Dir::Etc::preferencesparts": "/dev/null",
        "Dir::State": root / "state",
        "Dir::State::status": root / "status",
        "Dir::Cache": root / "cache",
        "APT::Sandbox::User": "root",
        "APT::Update::Error-Mode": "any",
        "Acquire::Languages": "none",
    }
    return ["apt-get", "-qq", *(f"-o{name}={value}" for name, value in options.items())]


def _mirror():
    """Where the machine's own Debian packages come from, or $FEMTOJACK_DEBIAN."""
    given = os.environ.get("FEMTOJACK_DEBIAN")
    if given:
        return given
    listing = _run(["apt-get", "indextargets", "--format", "$(ORIGIN) $(REPO_URI)"]).split("\n")
    mirrors = sorted({line.removeprefix("Debian ") for line in listing if line.startswith("Debian ")})
    mirrors = [mirror for mirror in mirrors if "security" not in mirror]
    if not mirrors:
        raise UserError("apt knows no Debian archive")
    return mirrors[0]


def _keyring():
    for name in _KEYRINGS:
        path = Path("/usr/share/keyrings") / name
        if path.exists():
            return path
    raise UserError("no keys to check packages with: apt-get install debian-archive-keyring")


def _run(command, cwd=None):
    """Its output; a UserError with its first complaint if it is not there or fails."""
    program = command[0]
    if shutil.which(program) is None:
        raise UserError(f"there is no {program}")
    done = subprocess.run([str(word) for word in command], cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode:
        said = [line for line in done.stderr.split("\n") if line.startswith(("E:", "dpkg-deb: error"))] or [done.stderr]
        raise UserError(said[0].strip() or f"{program} failed")
    return done.stdout
