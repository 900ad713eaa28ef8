"""Commands about the USB side of a running box: the disc in its drive, and its sound card's loopback."""

from femtohost.clock import SECOND
from femtohost.models.usb_urb import GOOD, Urb
from femtohost.peers.usb_device import setup

HID = 3
SET_REPORT, FEATURE = 9, 3  # HID 1.11 7.2
REPORT_OCTETS = 64
LOOPBACK = 4  # a command of the box's own feature report (femtojack.usb.hid)


class UsbCommandError(ValueError):
    """What cannot be done now: one line."""


class UsbCommands:
    """`commands` are functions (connection, request), as ControlServer has them."""

    def __init__(self, gateway):
        self._gateway = gateway
        self.commands = {"disc": self._disc, "loopback": self._loopback}

    def _disc(self, connection, request):
        """{"action": "eject"}, or "load" with "file": a disc that is in the drive is out for a second first."""
        disc, box = self._gateway.disc, self._gateway.box
        if request["action"] == "eject":
            disc.eject()
        elif request["action"] == "load" and box and disc.count:
            disc.swap(request["file"])
        elif request["action"] == "load":
            disc.load(request["file"])
        else:
            raise UsbCommandError("a disc is loaded or ejected")
        connection.answer()

    def _loopback(self, connection, request):
        """{"on": true}: by the feature report, as the PC could; the device has to be in use."""
        box = self._gateway.box
        controller = box.board.usb_controller if box else None
        if not controller or not controller.configured:
            raise UsbCommandError("no host uses the USB port; attach it first: usbip attach")
        number = next(i.number for i in controller.configuration.interfaces if i.class_ == HID)
        report = bytes((LOOPBACK, bool(request["on"]))).ljust(REPORT_OCTETS, b"\0")
        packet = setup(0x21, SET_REPORT, FEATURE << 8, number, len(report))
        controller.submit(Urb(0, setup=packet, data=report, on_done=lambda urb: self._told(connection, urb)))

    def _told(self, connection, urb):
        if urb.status == GOOD:
            # The firmware takes a report at its next step.
            self._gateway.box.clock.after(SECOND // 100, connection.answer)
        else:
            connection.answer(error="the firmware refused; try again")
