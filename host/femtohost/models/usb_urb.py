"""What a USB host asks of a device: one request, and one packet of an isochronous one."""

import errno

from femtohost.models.usb_descriptors import DIRECTION_IN

# Statuses are those of the Linux kernel, negative, as USB/IP and usbmon carry them.
PENDING = -errno.EINPROGRESS
GOOD = 0
STALL = -errno.EPIPE
OVERFLOW = -errno.EOVERFLOW  # the device sent a longer packet than there is room for
UNLINKED = -errno.ECONNRESET
GONE = -errno.ESHUTDOWN  # the device is no longer there
SHORT_TABLE = -errno.EINVAL  # nonsense in the request itself


class Urb:
    """One request.

    endpoint  address with 0x80 for IN; 0 for control, whatever the direction
    setup     the 8 octets of a control request, else None
    data      what goes out (bytes), b"" for IN
    length    octets that the host has room for (IN)
    packets   lengths of the packets of an isochronous request, else None
    on_done   called with the Urb when it has ended
    zero_packet  end a bulk OUT of whole packets with an empty one

    When it ends: `status`, `received` (IN, a bytearray), `actual` (octets moved), and `results`, one (actual, status)
    a packet. A request that pends has the status PENDING.
    """

    __slots__ = (
        "actual", "data", "endpoint", "length", "on_done", "packets", "received", "results", "setup",
        "status", "tag", "zero_packet",
    )  # fmt: skip

    def __init__(
        self, endpoint, *, setup=None, data=b"", length=0, packets=None, on_done=None, zero_packet=False, tag=None
    ):
        self.endpoint, self.setup, self.data, self.length = endpoint, setup, data, length
        self.packets, self.on_done, self.zero_packet, self.tag = packets, on_done, zero_packet, tag
        self.status = PENDING
        self.received = bytearray()
        self.actual = 0
        self.results = []

    @property
    def done(self):
        return self.status != PENDING

    @property
    def is_in(self):
        return bool((self.setup[0] if self.setup else self.endpoint) & DIRECTION_IN)
