"""Runs in the image: the callbacks of machine.USBDevice, which may come in an interrupt, with the heap locked."""

import micropython

from femtojack.usb.device import Device

SETUP, DATA, ACK = 1, 2, 3


class Usb:
    builtin_driver = None

    def config(self, device, configuration, strings, opened, reset, control, transferred):
        self.opened, self.reset, self.control, self.transferred = opened, reset, control, transferred

    def active(self, on):
        pass

    def submit_xfer(self, endpoint, buf):
        pass

    def stall(self, endpoint, on=None):
        return False


class Board:
    usb = Usb()
    usb_audio = blocks = store = None

    def trace(self, point, data):
        pass


# requests: bmRequestType, bRequest, wValue, wIndex, wLength
REQUESTS = (
    b"\xa1\xfe\x00\x00\x00\x00\x01\x00",  # Get Max LUN
    b"\x21\xff\x00\x00\x00\x00\x00\x00",  # Bulk-Only Mass Storage Reset
    b"\x02\x01\x00\x00\x81\x00\x00\x00",  # CLEAR_FEATURE(ENDPOINT_HALT)
    b"\x81\x06\x00\x22\x01\x00\xff\x00",  # GET_DESCRIPTOR of the report
    b"\xa1\x01\x01\x01\x01\x00\x08\x00",  # GET_REPORT
    b"\x21\x09\x02\x02\x01\x00\x02\x00",  # SET_REPORT
    b"\x21\x0a\x00\x00\x01\x00\x00\x00",  # SET_IDLE
    b"\xa1\x02\x00\x00\x01\x00\x01\x00",  # GET_IDLE
    b"\x40\x99\x00\x00\x09\x00\x00\x00",  # nobody's
)


def interrupt(usb, view, answers):
    usb.reset()
    usb.opened(view)
    for i in range(len(REQUESTS)):
        if usb.control(SETUP, REQUESTS[i]):
            answers[i] += 1
            usb.control(DATA, REQUESTS[i])
            usb.control(ACK, REQUESTS[i])
    for endpoint in (0x81, 0x02, 0x85):
        usb.transferred(endpoint, 0, 64)
        usb.transferred(endpoint, 4, 0)


device = Device(Board(), "0", None)
view = memoryview(bytes(9))
answers = bytearray(len(REQUESTS))
micropython.heap_lock()
try:
    interrupt(Board.usb, view, answers)
    interrupt(Board.usb, view, answers)
finally:
    micropython.heap_unlock()
print(bytes(answers))
