"""The network as an object: six of Osmocom's programs in a network namespace, and what a test asks of them."""

import os
import socket
import subprocess
from pathlib import Path

from osmocom import config, namespace
from osmocom.namespace import Namespace
from osmocom.vty import Vty
from programs import Program, find, schedule

SHIM = Path(__file__).parent / "sctp.c"
PACKAGES = {
    "osmo-hlr": "osmo-hlr", "osmo-stp": "osmo-stp", "osmo-mgw": "osmo-mgw", "osmo-msc": "osmo-msc",
    "osmo-bsc": "osmo-bsc", "osmo-bts-virtual": "osmo-bts", "gcc": "gcc",
}  # fmt: skip


def why_not():
    """Why there can be no network here, in words, or None."""
    missing = [package for program, package in PACKAGES.items() if not find(program)]
    return f"no GSM network: apt-get install {' '.join(missing)}" if missing else namespace.why_not()


class Network:
    """Runs from construction to `stop`, in `folder`; on the air once constructed.

    `with network.namespace`, sockets are on the network's virtual Um. `external`: nobody switches calls until somebody
    is at `call_control` (osmocom.mncc).
    """

    def __init__(self, folder, external=False):
        folder.mkdir()
        self._folder = folder
        self._programs = {}
        self._vtys = {}
        self.namespace = Namespace()
        for program, text in config.configurations(external).items():
            (folder / f"{program}.cfg").write_text(text)
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    def subscriber(self, imsi, number, ki=None, algorithm="comp128v1"):
        """Let a subscriber in; `ki` in hexadecimal. Algorithms: comp128v1, comp128v2, comp128v3, or none with no Ki."""
        which = f"subscriber imsi {imsi}"
        self.hlr(f"{which} create")
        self.hlr(f"{which} update msisdn {number}")
        self.hlr(f"{which} update aud2g " + (f"{algorithm} ki {ki}" if ki else "none"))

    def subscriber_3g(self, imsi, number, ki, opc):
        """Let a subscriber in whose card speaks Milenage (TS 35.206); `ki` and `opc` in hexadecimal."""
        self.subscriber(imsi, number)
        self.hlr(f"subscriber imsi {imsi} update aud3g milenage k {ki} opc {opc}")

    def hlr(self, command):
        return self._vty(config.HLR).do(command)

    def msc(self, command):
        return self._vty(config.MSC).do(command)

    def bsc(self, command):
        return self._vty(config.BSC).do(command)

    @property
    def call_control(self):
        """The path of the socket for who switches calls; a short one, as socket addresses must be."""
        return f"/proc/{self._programs['osmo-msc'].pid}/cwd/mncc"

    def text(self, number, sender, words):
        """Send a short message from one subscriber to another, by their numbers."""
        return self.msc(f"subscriber msisdn {number} sms sender msisdn {sender} send {words}")

    def allot(self, arfcn):
        """From now on let phones have channels of this carrier first."""
        order = "descending" if arfcn == config.DEDICATED else "ascending"
        for command in ("configure terminal", "network", "bts 0", f"channel allocator {order}", "end"):
            self.bsc(command)

    def attached(self, imsi):
        """Whether the MSC has the subscriber as one that registered."""
        return f"IMSI: {imsi}" in self.msc("show subscriber cache")

    def log(self, program):
        """The lines that a program printed."""
        return self._programs[program].lines

    def stop(self):
        for vty in self._vtys.values():
            vty.close()
        for program in self._programs.values():
            program.kill()
        self.namespace.close()

    def _start(self):
        self._run("osmo-hlr", "-l", "hlr.db")
        self._run("osmo-mgw")
        self._run("osmo-stp")
        self._vty(config.STP)
        self._run("osmo-msc")
        self._run("osmo-bsc")
        self._wait("osmo-bsc", "BSSMAP assocation is up")
        self._run("osmo-bts-virtual")
        for arfcn in config.BROADCAST, config.DEDICATED:
            self._wait("osmo-bsc", f"bootstrapping RSL on ARFCN {arfcn}")

    def _wait(self, program, words):
        self._programs[program].wait_line(lambda line: words in line)

    def _run(self, name, *arguments):
        preload = [] if _kernel_has_sctp() else ["env", f"LD_PRELOAD={self._shim()}"]
        with self.namespace:
            self._programs[name] = Program(
                *preload, find(name), "-c", self._folder / f"{name}.cfg", *arguments, cwd=self._folder
            )
        schedule(self._programs[name].pid, os.SCHED_RR, 1)

    def _vty(self, port):
        if port not in self._vtys:
            with self.namespace:
                self._vtys[port] = Vty(port)
        return self._vtys[port]

    def _shim(self):
        library = self._folder / "sctp.so"
        if not library.exists():
            subprocess.run(["gcc", "-shared", "-fPIC", "-O2", "-o", library, SHIM, "-ldl"], check=True)
        return library


def _kernel_has_sctp():
    try:
        socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_SCTP).close()
    except OSError:
        return False
    return True
