"""The guest of the USB tests: the stock Debian kernel that is installed here, and a RAM disk of installed programs.

Every file lies where it lies here, so each finds the others; the agent (guest/agent.py) brings what it imports.
"""

import lzma
import re
import shutil
import subprocess
import sys
from pathlib import Path

from programs import find

GUEST = Path(__file__).parent / "guest"
# program: Debian package
NEEDED = {
    "qemu-system-x86_64": "qemu-system-x86", "busybox": "busybox-static", "usbip": "usbip", "aplay": "alsa-utils",
}  # fmt: skip
PROGRAMS = ("usbip", "aplay", "arecord", "amixer")
MODULES = (
    "virtio_pci", "virtio_net",  # the way to the host
    "vhci_hcd", "usb_storage", "sr_mod", "sg", "isofs", "nls_utf8", "snd_usb_audio", "usbhid", "hid_generic", "evdev",
)  # fmt: skip
ALSA = ("alsa.conf", "pcm", "cards", "ctl")  # what of /usr/share/alsa the device hw:0 needs
PYTHON_STARTS_WITH = ("encodings.utf_8", "encodings.latin_1", "encodings.ascii", "os", "codecs", "runpy", "pkgutil")


def missing():
    """The command that installs what is not here, or None."""
    packages = [package for program, package in NEEDED.items() if not find(program)]
    if not kernel():
        packages.append("linux-image-amd64")
    return f"apt-get install {' '.join(packages)}" if packages else None


def kernel():
    """(image, folder of modules) of the newest installed kernel that can be a USB/IP client, or None."""
    found = [
        (image, modules)
        for image in sorted(Path("/boot").glob("vmlinuz-*"), key=lambda path: path.stat().st_mtime)
        if (modules := Path("/lib/modules") / image.name.partition("-")[2])
        and any(modules.glob("kernel/drivers/usb/usbip/vhci-hcd.ko*"))
    ]
    return found[-1] if found else None


def build(folder):
    """Make the guest in `folder`; returns (kernel image, RAM disk)."""
    image, modules = kernel()
    root = folder / "root"
    for name in ("bin", "dev", "proc", "sys", "tmp", "mnt", "var/run"):
        (root / name).mkdir(parents=True)
    for program in (find("busybox"), *map(find, PROGRAMS)):
        _copy_program(root, Path(program))
    _copy(root, Path(find("busybox")), Path("/bin/busybox"))
    for file in Path("/usr/share/alsa").rglob("*.conf"):
        if file.relative_to("/usr/share/alsa").parts[0] in ALSA:
            _copy(root, file)
    _copy_python(root)
    _copy_modules(root, modules)
    for name in ("init", "agent.py"):
        _copy(root, GUEST / name, Path("/") / name)
    return image, _archive(root, folder / "initramfs")


def _copy(root, source, place=None):
    """Copy a file, through its links, to its own place in the guest or to `place`."""
    target = root / (place or source).relative_to("/")
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(source, target)


def _copy_program(root, path):
    """A program or shared object, and the libraries it needs; ldd names them and the loader by their paths."""
    _copy(root, path)
    needed = subprocess.run(["ldd", path], capture_output=True, text=True).stdout
    for library in re.findall(r"(/\S+) \(0x", needed):
        _copy(root, Path(library))


def _copy_python(root):
    """This interpreter, and the modules that the agent has when it has been imported."""
    python = Path(sys._base_executable).resolve()
    names = ", ".join(("agent", *PYTHON_STARTS_WITH))
    tell = "print(*(getattr(m, a, None) for m in sys.modules.values() for a in ('__file__', '__cached__')), sep='\\n')"
    command = [python, "-S", "-E", "-c", f"import sys; sys.path.append({str(GUEST)!r}); import {names}; {tell}"]
    files = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    for file in {Path(name) for name in files if name.startswith("/")}:
        if file.exists() and GUEST not in file.parents:
            (_copy_program if file.suffix == ".so" else _copy)(root, file)
    _copy_program(root, python)
    (root / "python").symlink_to(python)


def _copy_modules(root, modules):
    """The kernel's modules, and /modules: their files in the order of loading."""
    dependencies = {}
    for line in (modules / "modules.dep").read_text().splitlines():
        file, _, needed = line.partition(":")
        dependencies[Path(file).name.partition(".")[0].replace("-", "_")] = [file, *needed.split()]
    order = {}
    for name in MODULES:  # what is not there is built into the kernel
        order |= dict.fromkeys(reversed(dependencies.get(name, ())))
    for file in order:
        target = root / "modules.d" / Path(file).name.removesuffix(".xz")
        target.parent.mkdir(exist_ok=True)
        data = (modules / file).read_bytes()
        target.write_bytes(lzma.decompress(data) if file.endswith(".xz") else data)
    (root / "modules").write_text("".join(f"/modules.d/{Path(file).name.removesuffix('.xz')}\n" for file in order))


def _archive(root, path):
    """The folder `root` as a cpio archive."""
    names = "\n".join(str(name.relative_to(root)) for name in sorted(root.rglob("*")))
    with path.open("wb") as file:
        command = [find("busybox"), "cpio", "-o", "-H", "newc", "-R", "0:0"]
        subprocess.run(command, cwd=root, input=names.encode(), stdout=file, stderr=subprocess.DEVNULL, check=True)
    shutil.rmtree(root)
    return path
