"""The octets of USB/IP 1.1.1 (Linux, Documentation/usb/usbip_protocol.rst): big-endian, but for the setup packet."""

import struct

VERSION = 0x0111
OPERATION = struct.Struct(">HHI")  # version, code, status
REQUEST_LIST, REPLY_LIST, REQUEST_IMPORT, REPLY_IMPORT = 0x8005, 0x0005, 0x8003, 0x0003
BUSID_OCTETS = 32
OK, NOT_AVAILABLE, BUSY, NO_DEVICE = 0, 1, 2, 4  # status of a reply

RECORD = struct.Struct(">256s32sIIIHHHBBBBBB")  # a device
FULL_SPEED = 2

SUBMIT, UNLINK, SUBMITTED, UNLINKED = 1, 2, 3, 4
# command, seqnum, devid, direction, endpoint; flags, length, start frame, packets, interval; setup
SUBMIT_HEADER = struct.Struct(">10I8s")
# command, seqnum, devid, direction, endpoint; status, actual length, start frame, packets, errors; setup
SUBMITTED_HEADER = struct.Struct(">5I5i8s")
UNLINK_HEADER = struct.Struct(">6I24s")  # the last: seqnum of the request that is taken back
UNLINKED_HEADER = struct.Struct(">5Ii24s")
HEADER_OCTETS = 48
PACKET = struct.Struct(">IIIi")  # offset, length, actual length, status
DIRECTION_IN = 1
ZERO_PACKET = 0x40  # transfer flag URB_ZERO_PACKET
NOT_ISOCHRONOUS = 0  # packets in a reply


def is_request(command):
    """Whether `command` is one that a client sends after the import."""
    return command in (SUBMIT, UNLINK)


def device_record(busid, bus, number, device, configuration):
    """The record of a device; `device` and `configuration` as femtohost.models.usb_descriptors reads them."""
    return RECORD.pack(
        f"/sys/devices/femtojack/usb{bus}/{busid}".encode(), busid.encode(), bus, number, FULL_SPEED,
        device["vendor"], device["product"], device["release"], device["class"], device["subclass"],
        device["protocol"], configuration.value, device["configurations"], len(first_settings(configuration)),
    )  # fmt: skip


def interface_records(configuration):
    """4 octets for each interface: class, subclass, protocol, padding."""
    return b"".join(bytes((i.class_, i.subclass, i.protocol, 0)) for i in first_settings(configuration))


def first_settings(configuration):
    return [i for i in configuration.interfaces if i.alternate == 0]
