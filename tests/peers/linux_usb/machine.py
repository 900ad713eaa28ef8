"""The guest as an object: QEMU without a hypervisor's help, and calls to the agent in it."""

import contextlib
import pickle
import socket
import subprocess
import time

from linux_usb import image
from programs import find

PATIENCE = 900  # s: ten minutes of sound, and a loaded machine is slow, not wrong
KERNEL_LINE = "console=ttyS0 quiet loglevel=1 panic=-1 mitigations=off nokaslr audit=0 random.trust_cpu=on"
CLOCK = "clocksource=hpet"  # its rate is known; that of the TSC is measured at boot, badly on a loaded machine


class Guest:
    """A Linux machine; every function of guest/agent.py is a method. `console` is what it printed."""

    def __init__(self, folder):
        kernel, disk = image.build(folder)
        self._console = folder / "console"
        listener = socket.create_server(("127.0.0.1", 0))
        line = f"{KERNEL_LINE} {CLOCK} agent={listener.getsockname()[1]}"
        self.process = subprocess.Popen(
            [find("qemu-system-x86_64"), "-accel", "tcg", "-machine", "q35", "-cpu", "max", "-m", "256", "-nodefaults",
             "-no-reboot", "-display", "none", "-kernel", kernel, "-initrd", disk, "-append", line,
             "-serial", f"file:{self._console}", "-nic", "user,model=virtio-net-pci"],
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
        with listener:
            connection = self._wait(listener)
        connection.settimeout(PATIENCE)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._stream = connection.makefile("rwb")

    def _wait(self, listener):
        """The connection that the agent makes."""
        listener.settimeout(1)
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end and self.process.poll() is None:
            with contextlib.suppress(TimeoutError):
                return listener.accept()[0]
        self.stop()
        raise AssertionError(f"the guest does not call; it printed:\n{self.console()}")

    def __getattr__(self, name):
        if name.startswith("_"):
            raise AttributeError(name)
        return lambda *arguments, **named: self._call(name, arguments, named)

    def _call(self, name, arguments, named):
        try:
            self._stream.write(pickle.dumps((name, arguments, named)))
            self._stream.flush()
            good, answer = pickle.load(self._stream)
        except (OSError, EOFError) as error:
            raise AssertionError(f"the guest is gone in {name}: {error!r}; it printed:\n{self.console()}") from None
        if good:
            return answer
        raise answer

    def console(self):
        return "\n".join(self._console.read_text(errors="replace").splitlines()[-30:])

    def stop(self):
        self.process.kill()
        self.process.wait()
