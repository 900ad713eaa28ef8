"""A USB host at the other end of a USB/IP connection: what Linux's vhci driver says, on a blocking socket."""

import socket
import struct

from femtohost.peers.usb_device import UsbDevicePeer
from femtohost.peers.usb_errors import UsbError, UsbStall, UsbTimeout

# Linux, Documentation/usb/usbip_protocol.rst
VERSION = 0x0111
LIST, IMPORT = 0x8005, 0x8003
SUBMIT, UNLINK, RET_SUBMIT, RET_UNLINK = 1, 2, 3, 4
PIPE_STALL, CONNECTION_RESET = -32, -104
BUSID = b"1-1"


class UsbipClient(UsbDevicePeer):
    """A connection to the USB/IP server at `host`:`port`. UsbError when it ends or nothing comes for `timeout_s`."""

    def __init__(self, host, port, timeout_s=10):
        self.socket = socket.create_connection((host, port), timeout_s)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._seqnum = 0
        self._devid = 0
        self._replies = {}
        self._input = bytearray()
        self._waiting = {}
        self.strings = {}

    # -- operations -----------------------------------------------------------------------------------------------

    def devices(self):
        """Bus ids of the devices that the server exports."""
        self.socket.sendall(struct.pack(">HHI", VERSION, LIST, 0))
        self._take(8)
        found = []
        for _ in range(struct.unpack(">I", self._take(4))[0]):
            record = self._take(312)
            found.append(record[256:288].partition(b"\0")[0].decode())
            self._take(4 * record[311])
        return found

    def attach(self, busid=BUSID):
        """Import the device. UsbError: refused, with the status of the reply."""
        self.socket.sendall(struct.pack(">HHI32s", VERSION, IMPORT, 0, busid))
        status = struct.unpack(">HHI", self._take(8))[2]
        if status:
            raise UsbError(f"import refused: status {status}", status)
        bus, device = struct.unpack_from(">II", self._take(312), 288)
        self._devid = bus << 16 | device

    def detach(self):
        """Close the connection."""
        self.socket.close()

    # -- requests -------------------------------------------------------------------------------------------------

    def submit(self, endpoint, *, setup=None, data=b"", length=0, packets=None):
        """Send a request and return its number; `packets` are the lengths of an isochronous one."""
        inward = bool((setup[0] if setup else endpoint) & 0x80)
        self._seqnum += 1
        count = len(packets) if packets is not None else 0
        head = struct.pack(
            ">10I8s", SUBMIT, self._seqnum, self._devid, inward, endpoint & 15, 0, length if inward else len(data), 0,
            count, 0, setup or bytes(8),
        )  # fmt: skip
        rows, offset = [], 0
        for size in packets or ():
            rows.append(struct.pack(">IIIi", offset, size, 0, 0))
            offset += size
        self._waiting[self._seqnum] = inward, count
        self.socket.sendall(b"".join((head, data, *rows)))
        return self._seqnum

    def unlink(self, target):
        """Take request `target` back; returns the status of the answer."""
        self._seqnum += 1
        number = self._seqnum
        self.socket.sendall(struct.pack(">6I24s", UNLINK, number, self._devid, 0, 0, target, bytes(24)))
        status = self.wait(number)[0]
        if status == CONNECTION_RESET:
            self._waiting.pop(target, None)
        return status

    def wait(self, number):
        """(status, data that came, octets moved, packets [(actual, status)]) of a request, or of an unlink."""
        while number not in self._replies:
            self._receive()
        return self._replies.pop(number)

    def transfer(self, endpoint, *, setup=None, data=b"", length=0, timeout_s=None):
        number = self.submit(endpoint, setup=setup, data=data, length=length)
        try:
            status, received, moved, _ = self.wait(number)
        except UsbTimeout:
            self.unlink(number)
            raise
        if status == PIPE_STALL:
            raise UsbStall(f"endpoint {endpoint:#04x} stalled", status)
        if status:
            raise UsbError(f"endpoint {endpoint:#04x}: status {status}", status)
        return received if (setup[0] if setup else endpoint) & 0x80 else moved

    def _receive(self):
        """Take one reply off the connection."""
        command, number, *_ = head = struct.unpack(">5I5i8s", self._take(48))
        status, actual = head[5:7]
        if command == RET_UNLINK:
            self._replies[number] = status, b"", 0, []
            return
        if command != RET_SUBMIT or number not in self._waiting:
            raise UsbError(f"a reply {command} to request {number}")
        inward, packets = self._waiting.pop(number)
        received = self._take(actual) if inward else b""
        rows = self._take(16 * packets) if packets else b""
        table = [row[2:] for row in struct.iter_unpack(">IIIi", rows)]
        self._replies[number] = status, received, actual, table

    def _take(self, n):
        while len(self._input) < n:
            try:
                data = self.socket.recv(max(n - len(self._input), 1 << 16))
            except TimeoutError:
                raise UsbTimeout("the server is silent") from None
            except OSError as error:
                raise UsbError(f"the connection is lost: {error.strerror}") from None
            if not data:
                raise UsbError("the server closed the connection")
            self._input += data
        taken = bytes(self._input[:n])
        del self._input[:n]
        return taken
