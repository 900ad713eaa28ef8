"""A USB host's view of one device: enumeration, standard and class requests, whatever carries them.

`UsbHost` (in process, virtual time) and `UsbipClient` (over TCP) give it `transfer`.
"""

import struct

from femtohost.models.usb_descriptors import parse_configuration, parse_device
from femtohost.peers.mass_storage import MassStorage

# USB 2.0 tables 9-2, 9-4, 9-5
GET_DESCRIPTOR, SET_CONFIGURATION, SET_INTERFACE, CLEAR_FEATURE, GET_STATUS = 6, 9, 11, 1, 0
DEVICE, CONFIGURATION, STRING, HID_REPORT = 1, 2, 3, 0x22
IN, CLASS_TO_INTERFACE, TO_INTERFACE, TO_ENDPOINT = 0x80, 0x21, 0x01, 0x02
ENGLISH = 0x0409
MASS_STORAGE, HID, AUDIO = 8, 3, 1
GET_REPORT, SET_REPORT = 1, 9  # HID 1.11 7.2


def setup(kind, request, value, index, length):
    """The 8 octets of a control request (USB 2.0 table 9-2)."""
    return struct.pack("<BBHHH", kind, request, value, index, length)


class UsbDevicePeer:
    """The device as its host knows it after `enumerate`.

    `device` (a dict), `configuration` (femtohost.models.usb_descriptors.Configuration), `strings` {index: text},
    `storage` (femtohost.peers.mass_storage.MassStorage, or None).
    """

    device = configuration = storage = None
    strings: dict

    def transfer(self, endpoint, *, setup=None, data=b"", length=0, timeout_s=5):
        """One request to its end: the octets that came, or how many went. UsbError."""
        raise NotImplementedError

    # -- standard requests ----------------------------------------------------------------------------------------

    def control(self, kind, request, value=0, index=0, data=b"", length=0):
        """A control request: the octets that came (IN), or b"". UsbStall: refused."""
        octets = setup(kind, request, value, index, length if kind & IN else len(data))
        result = self.transfer(0, setup=octets, data=data, length=length)
        return result if kind & IN else b""

    def read(self, endpoint, length, timeout_s=5):
        """At most `length` octets from a bulk or interrupt endpoint."""
        return self.transfer(endpoint, length=length, timeout_s=timeout_s)

    def write(self, endpoint, data, timeout_s=5):
        """Send `data` to a bulk or interrupt endpoint; returns how many octets it took."""
        return self.transfer(endpoint, data=data, timeout_s=timeout_s)

    def clear_halt(self, endpoint):
        """USB 2.0 9.4.1."""
        self.control(TO_ENDPOINT, CLEAR_FEATURE, 0, endpoint)

    def set_interface(self, number, alternate):
        """USB 2.0 9.4.10."""
        self.control(TO_INTERFACE, SET_INTERFACE, alternate, number)

    def enumerate(self):
        """Read the descriptors and strings, and choose the first configuration, as Linux does."""
        self.device = parse_device(self._descriptor(DEVICE, 0, 18))
        total = struct.unpack_from("<H", self._descriptor(CONFIGURATION, 0, 9), 2)[0]
        self.configuration = parse_configuration(self._descriptor(CONFIGURATION, 0, total))
        self.strings = {}
        names = {self.device[name] for name in ("manufacturer", "name", "serial")}
        names |= {interface.string for interface in self.configuration.interfaces}
        for index in sorted(names - {0}):
            self.strings[index] = self._string(index)
        self.control(0, SET_CONFIGURATION, self.configuration.value)
        found = self.interface(MASS_STORAGE)
        self.storage = MassStorage(self, found) if found else None

    def _descriptor(self, kind, index, length, language=0):
        return self.control(IN, GET_DESCRIPTOR, kind << 8 | index, language, length=length)

    def _string(self, index):
        return self._descriptor(STRING, index, 255, ENGLISH)[2:].decode("utf-16-le")

    @property
    def serial(self):
        """The serial number string, or None."""
        return self.strings.get(self.device["serial"])

    def interface(self, class_):
        """The first interface of that class, or None."""
        return next((i for i in self.configuration.interfaces if i.class_ == class_), None)

    # -- mass storage ---------------------------------------------------------------------------------------------

    def command(self, cdb, length=0, data=b"", lun=0):
        """One command block over Bulk-Only Transport: a femtohost.peers.mass_storage.Answer."""
        return self.storage.command(cdb, length, data, lun)

    def scsi(self, cdb, length=0, data=b"", lun=0):
        """`command`, and REQUEST SENSE after a CHECK CONDITION: Answer.sense is then (key, code, qualifier)."""
        return self.storage.scsi(cdb, length, data, lun)

    def read_disc(self, lba=0, count=None, at_once=60):
        """Blocks of the disc, all of them by default. UsbError: it cannot be read."""
        return self.storage.read_disc(lba, count, at_once)

    def reset_storage(self):
        """Bulk-Only Mass Storage Reset, and both halts cleared (Bulk-Only Transport 1.0 5.3.4)."""
        self.storage.reset()

    # -- HID ------------------------------------------------------------------------------------------------------

    def report_descriptor(self, interface):
        """The report descriptor of a HID interface (HID 1.11 7.1.1)."""
        length = struct.unpack_from("<H", next(d for d in interface.extra if d[1] == 0x21), 7)[0]
        return self.control(0x81, GET_DESCRIPTOR, HID_REPORT << 8, interface.number, length=length)

    def get_report(self, kind, report_id, length):
        """A report of `kind` 1 input, 2 output, 3 feature (HID 1.11 7.2.1)."""
        number = self.interface(HID).number
        return self.control(0xA1, GET_REPORT, kind << 8 | report_id, number, length=length)

    def set_report(self, kind, report_id, data):
        """Send a report (HID 1.11 7.2.2)."""
        self.control(CLASS_TO_INTERFACE, SET_REPORT, kind << 8 | report_id, self.interface(HID).number, data)
