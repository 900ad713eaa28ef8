"""USB requests as Linux's usbmon records them: the 64-octet header, isochronous descriptors, data.

The layout is that of Documentation/usb/usbmon.rst in the Linux sources, little-endian.
"""

import struct

USBMON = 220  # LINKTYPE_USB_LINUX_MMAPPED
# id, event, transfer type, endpoint, device, bus, no setup, no data, s, us, status, length, captured; then the setup
# packet or isochronous errors and count, interval, start frame, flags, number of descriptors
HEADER = struct.Struct("<QBBBBHBBqiiII8siiII")
DESCRIPTOR = struct.Struct("<iIIi")  # status, offset, length, nothing
ISOCHRONOUS, INTERRUPT, CONTROL, BULK = range(4)
USB_INTERRUPT = 3
BUS, DEVICE = 1, 1
UNDONE = -18  # EXDEV: what the kernel presets isochronous packets to
DATA_ABSENT = {True: ord("<"), False: ord(">")}  # by direction: IN data comes later, OUT data came before
NO_SETUP = ord("-")


class UsbMonitor:
    """Makes records of requests (femtohost.models.usb_urb).

    `endpoint_type(address)` is the transfer type of an endpoint, 2 for bulk, 3 for interrupt (USB 2.0 table 9-13).
    """

    def __init__(self, endpoint_type):
        self._endpoint_type = endpoint_type
        self._under_way = {}
        self._count = 0

    def record(self, time, kind, urb):
        """The record of `urb` as it is submitted ("S") or ends ("C"), at `time` ns."""
        ended = kind == "C"
        carries = urb.is_in == ended
        table = _packets(urb, ended) if urb.packets is not None else []
        data = _data(urb, table) if carries else b""
        described = b"".join(DESCRIPTOR.pack(status, offset, length, 0) for status, offset, length in table)
        length = len(data) if carries else urb.actual if ended else urb.length
        first = urb.setup or struct.pack("<ii", sum(status != 0 for status, _, _ in table) * ended, len(table))
        address = urb.endpoint & 0x0F | urb.is_in << 7
        header = HEADER.pack(
            self._number(urb, ended), ord(kind), self._transfer_type(urb), address, DEVICE, BUS,
            0 if urb.setup and not ended else NO_SETUP, 0 if carries else DATA_ABSENT[urb.is_in],
            time // 10**9, time % 10**9 // 1000, urb.status, length, len(described) + len(data), first, 0, 0, 0,
            len(table),
        )  # fmt: skip
        return header + described + data

    def _number(self, urb, ended):
        """What tells this request from the others under way."""
        if urb not in self._under_way:
            self._count += 1
            self._under_way[urb] = self._count
        return self._under_way.pop(urb) if ended else self._under_way[urb]

    def _transfer_type(self, urb):
        if urb.setup is not None:
            return CONTROL
        if urb.packets is not None:
            return ISOCHRONOUS
        return INTERRUPT if self._endpoint_type(urb.endpoint) == USB_INTERRUPT else BULK


def _packets(urb, ended):
    """[(status, offset, length)] of the packets of an isochronous request: asked for, or moved when it has ended."""
    table, offset = [], 0
    results = urb.results if ended and urb.results else [(0 if ended else length, UNDONE) for length in urb.packets]
    for asked, (moved, status) in zip(urb.packets, results, strict=True):
        table.append((status, offset, moved))
        offset += asked
    return table


def _data(urb, table):
    """The octets; those of isochronous IN packets each at its offset, as in the host's buffer."""
    if not (urb.is_in and table):
        return bytes(urb.received if urb.is_in else urb.data)
    buffer, taken = bytearray(), 0
    for _, offset, length in table:
        buffer += bytes(offset - len(buffer)) + urb.received[taken : taken + length] if length else b""
        taken += length
    return bytes(buffer)
