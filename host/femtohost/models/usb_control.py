"""Endpoint 0: what the USB stack of a board (TinyUSB 0.18) answers itself, and what it passes on.

Vendor requests end here; requests to an interface go to the driver that claimed it, standard ones too; halts of
endpoints are the stack's, and the driver hears of them.
"""

import struct
from collections import namedtuple

from femtohost.models import usb_descriptors as descriptors

Setup = namedtuple("Setup", "type request value index length")  # USB 2.0 table 9-2
LAYOUT = struct.Struct("<BBHHH")

# USB 2.0 table 9-2: bmRequestType
STANDARD, CLASS = 0, 1
TO_DEVICE, TO_INTERFACE, TO_ENDPOINT = range(3)

# USB 2.0 tables 9-4, 9-6
GET_STATUS, CLEAR_FEATURE, SET_FEATURE, SET_ADDRESS, GET_DESCRIPTOR = 0, 1, 3, 5, 6
GET_CONFIGURATION, SET_CONFIGURATION, GET_INTERFACE, SET_INTERFACE = 8, 9, 10, 11
ENDPOINT_HALT, DEVICE_REMOTE_WAKEUP = 0, 1

SELF_POWERED, REMOTE_WAKEUP = 0x40, 0x02  # USB 2.0 9.6.3 bmAttributes, 9.4.5 status
LANGUAGE = struct.pack("<BBH", 4, descriptors.STRING, 0x0409)  # USB 2.0 9.6.7: English (United States)
LONGEST_STRING = 40  # MICROPY_HW_USB_DESC_STR_MAX

REFUSED = None  # the answer to a request that is stalled


class ControlPipe:
    """Answers control transfers of a device (femtohost.models.usb_controller.UsbController)."""

    def __init__(self, device):
        self._device = device
        self.reset()

    def reset(self):
        """The bus was reset: no configuration any more."""
        self.configured = 0
        self._remote_wakeup = False

    def answer(self, octets, data):
        """The answer to one request: octets (at most wLength) for IN, b"" for OUT, REFUSED for a stall."""
        setup = Setup(*LAYOUT.unpack(octets))
        kind, recipient = setup.type >> 5 & 3, setup.type & 0x1F
        if kind not in (STANDARD, CLASS):
            return REFUSED
        if not setup.type & 0x80 and setup.length != len(data):
            return REFUSED
        if recipient == TO_DEVICE and kind == STANDARD:
            answer = self._standard(setup)
        elif recipient == TO_ENDPOINT:
            answer = self._to_endpoint(setup, octets, data, kind)
        elif recipient in (TO_DEVICE, TO_INTERFACE):
            answer = self._to_interface(setup, octets, data, kind)
        else:
            answer = REFUSED
        return answer if answer is REFUSED else answer[: setup.length]

    def _standard(self, setup):
        request = setup.request
        if request == GET_DESCRIPTOR:
            return self._descriptor(setup.value >> 8, setup.value & 0xFF)
        if request == GET_CONFIGURATION:
            return bytes((self.configured,))
        if request == SET_CONFIGURATION:
            return self._configure(setup.value & 0xFF)
        if request == GET_STATUS:
            return self._status()
        if request in (SET_FEATURE, CLEAR_FEATURE) and setup.value == DEVICE_REMOTE_WAKEUP:
            self._remote_wakeup = request == SET_FEATURE
            return b""
        return b"" if request == SET_ADDRESS else REFUSED

    def _descriptor(self, kind, index):
        if kind == descriptors.DEVICE:
            return self._device.device_descriptor[: descriptors.DEVICE_LENGTH]
        if kind == descriptors.CONFIGURATION:  # the one there is, whatever the index
            return self._device.configuration_descriptor
        if kind == descriptors.STRING:
            return self._string(index)
        return REFUSED

    def _string(self, index):
        if index == 0:
            return LANGUAGE
        text = self._device.string(index)
        if text is None:
            return REFUSED
        octets = text.encode("utf-16-le")
        return bytes((2 + len(octets), descriptors.STRING)) + octets

    def _status(self):
        powered = self._device.configuration_descriptor[7] & SELF_POWERED
        return struct.pack("<H", bool(powered) | (REMOTE_WAKEUP if self._remote_wakeup else 0))

    def _configure(self, value):
        if value != self.configured:
            if self.configured:
                self.configured = 0
                self._device.close_interfaces()
            if value and not self._device.open_interfaces():
                return REFUSED
            self.configured = value
        return b""

    def _to_interface(self, setup, octets, data, kind):
        """Requests of a class to the device name an interface, too."""
        number = setup.index & 0xFF
        if not self.configured or not self._device.has_interface(number):
            return REFUSED
        if self._device.audio.owns(number):
            return self._device.audio.request(setup, data)
        answer = self._device.ask_firmware(octets, data)
        if answer is REFUSED and kind == STANDARD and setup.type & 0x1F == TO_INTERFACE:
            # USB 2.0 9.4.4, 9.4.10: must be answered, also where there is nothing to choose.
            return {GET_INTERFACE: b"\0", SET_INTERFACE: b""}.get(setup.request, REFUSED)
        return answer

    def _to_endpoint(self, setup, octets, data, kind):
        address = setup.index & 0xFF
        streaming = self._device.audio.owns_endpoint(address)
        if kind == CLASS:
            if streaming:
                return self._device.audio.endpoint_request(setup, data)
            return self._device.ask_firmware(octets, data) if self._device.is_open(address) else REFUSED
        if setup.request == GET_STATUS:
            return struct.pack("<H", self._device.halted(address))
        if setup.request not in (SET_FEATURE, CLEAR_FEATURE) or not (streaming or self._device.is_open(address)):
            return REFUSED
        if not streaming:
            if setup.value == ENDPOINT_HALT:
                self._device.halt(address, setup.request == SET_FEATURE)
            self._device.tell_firmware(octets)  # whatever it answers, the stack acknowledges
        return b""
