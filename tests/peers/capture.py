"""Datagrams on the loopback interface as Wireshark reads them: a second opinion on every one."""

import contextlib
import socket
import subprocess
import threading
import time

from programs import PATIENCE, find

from femtohost.capture import PcapngFile
from femtohost.capture.ip import IPV4_PACKETS

ERROR = str(0x800000)  # Wireshark's PI_ERROR
IPV4, UDP = b"\x08\x00", 17
ETHERNET = 14  # octets of its header
ETH_P_ALL = 3  # linux/if_ether.h; no other protocol shows what goes out
SO_RCVBUFFORCE = 33  # asm-generic/socket.h: beyond net.core.rmem_max, which this process may
BUFFER = 64 << 20  # octets that may wait while the machine does other things


def why_not():
    """Why this cannot be done here, in words, or None."""
    if not find("tshark"):
        return "no tshark: apt-get install tshark"
    try:
        socket.socket(socket.AF_PACKET, socket.SOCK_RAW).close()
    except PermissionError:
        return "to watch the loopback interface takes root"
    return None


def dissect(path, which, *fields, options=(), seconds=PATIENCE):
    """The values of `fields` of each frame that the display filter `which` picks, as Wireshark has them.

    It may take so many `seconds`.
    """
    wanted = [word for field in fields for word in ("-e", field)]
    command = [find("tshark"), "-n", "-r", path, *options, "-Y", which, "-T", "fields", *wanted]
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds)
    assert done.returncode == 0, done.stderr
    return [line.split("\t") for line in done.stdout.splitlines()]


class Capture:
    """Records UDP on loopback into the pcapng file `path` from construction to `stop`."""

    def __init__(self, path):
        self.path = path
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        self._socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER)
        self._socket.bind(("lo", ETH_P_ALL))
        self._socket.settimeout(0.1)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._record, daemon=True)
        self._thread.start()

    def stop(self):
        """All that was sent up to now is in the file: each datagram comes as outgoing before its send returns."""
        self._stopped.set()
        self._thread.join()

    def read(self, *sip_ports):
        """(number of SIP datagrams, of RTP datagrams, complaints) as Wireshark has it, after `stop`.

        What comes by one of `sip_ports` is read as SIP. A complaint is (frame, what, payload): malformed, or an error.
        """
        rows = self._frames(sip_ports, "frame.number", "frame.protocols", "_ws.malformed", "_ws.expert.severity",
                            "_ws.expert.message", "udp.payload")  # fmt: skip
        protocols = [row[1].split(":") for row in rows]
        complaints = [(row[0], row[4], row[5]) for row in rows if row[2] or ERROR in row[3].split(",")]
        return sum("sip" in names for names in protocols), sum("rtp" in names for names in protocols), complaints

    def _frames(self, sip_ports, *fields):
        """The values of `fields` of each SIP and RTP datagram."""
        decode = [word for port in sip_ports for word in ("-d", f"udp.port=={port},sip")]
        ports = " || ".join(f"udp.port == {port}" for port in sip_ports)
        return dissect(self.path, f"rtp || (sip && ({ports}))", *fields, options=decode)

    def _record(self):
        with contextlib.closing(PcapngFile(self.path)) as file, self._socket:
            while frame := self._next():
                file.packet("loopback", IPV4_PACKETS, time.time_ns(), frame[ETHERNET:])

    def _next(self):
        """The next datagram; None once nothing waits and nobody wants more."""
        while True:
            if self._stopped.is_set():
                self._socket.setblocking(False)
            try:
                frame, address = self._socket.recvfrom(65536)
            except TimeoutError:
                continue
            except BlockingIOError:
                return None
            outgoing = address[2] == socket.PACKET_OUTGOING  # each comes a second time, as incoming, when there is time
            if outgoing and frame[12:ETHERNET] == IPV4 and frame[ETHERNET + 9] == UDP:
                return frame
