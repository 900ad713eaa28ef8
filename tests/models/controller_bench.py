"""A USB controller on a bench: the firmware is a few lines here, and so is what it declares."""

import struct

from femtohost.clock import Clock
from femtohost.errors import VirtualTimeout
from femtohost.misuse import MisuseLog
from femtohost.models.usb_audio import UsbAudio
from femtohost.models.usb_controller import UsbController
from femtohost.peers.usb_host import UsbHost
from femtohost.trace import Trace

BULK_IN, BULK_OUT, REPORTS, CAPTURE, PLAYBACK = 0x81, 0x02, 0x85, 0x83, 0x04
STRINGS = [None, "Maker", "Thing", "0123456789AB"]


def interface(number, alternate, endpoints, class_, subclass=0, protocol=0):
    return bytes((9, 4, number, alternate, endpoints, class_, subclass, protocol, 0))


def endpoint(address, attributes, size, interval=0):
    return struct.pack("<BBBBHB", 7, 5, address, attributes, size, interval)


def audio_endpoint(address, size, controls=0):
    return struct.pack("<BBBBHBBB", 9, 5, address, 0x0D, size, 1, 0, 0) + bytes((7, 0x25, 1, controls, 0, 0, 0))


def format_type(terminal, rate):
    return bytes((7, 0x24, 1, terminal, 1, 1, 0)) + bytes((11, 0x24, 2, 1, 1, 2, 16, 1)) + rate.to_bytes(3, "little")


STORAGE = interface(0, 0, 2, 8, 6, 0x50) + endpoint(BULK_IN, 2, 64) + endpoint(BULK_OUT, 2, 64)
UNITS = (
    bytes((12, 0x24, 2, 1, 0x01, 0x01, 0, 1, 0, 0, 0, 0))  # 1: from USB
    + bytes((9, 0x24, 6, 2, 1, 1, 3, 0, 0))  # 2: mute and volume
    + bytes((9, 0x24, 3, 3, 0x01, 0x04, 0, 2, 0))
)
SOUND = (
    interface(1, 0, 0, 1, 1)
    + UNITS
    + interface(2, 0, 0, 1, 2)
    + interface(2, 1, 1, 1, 2)
    + format_type(6, 8000)
    + audio_endpoint(CAPTURE, 16)
    + interface(3, 0, 0, 1, 2)
    + interface(3, 1, 1, 1, 2)
    + format_type(1, 16000)
    + audio_endpoint(PLAYBACK, 32, 1)
    + interface(3, 2, 1, 1, 2)
    + format_type(1, 8000)
    + audio_endpoint(PLAYBACK, 16)
)
BUTTONS = interface(4, 0, 1, 3) + bytes((9, 0x21, 0x11, 1, 0, 1, 0x22, 4, 0)) + endpoint(REPORTS, 3, 64, 10)
REPORT_DESCRIPTOR = bytes((0x05, 0x0B, 0x09, 0x01))


def configuration(*interfaces, count=None):
    body = b"".join(interfaces)
    count = count if count is not None else len({i for i in range(5) if _has(body, i)})
    return struct.pack("<BBHBBBBB", 9, 2, 9 + len(body), count, 1, 0, 0x80, 250) + body


def _has(body, number):
    offset = 0
    while offset < len(body):
        if body[offset + 1] == 4 and body[offset + 2] == number:
            return True
        offset += body[offset]
    return False


def device(**fields):
    return struct.pack("<BBHBBBBHHHBBBB", 18, 1, 0x0110, 0, 0, 0, 64, 0x1209, 1, 0x0100, 1, 2, 3, 1)


WHOLE = configuration(STORAGE, SOUND, BUTTONS)


class Bench:
    """Clock, controller, a host, and a firmware that notes what it is told.

    `on_control(stage, setup)` answers the control requests; `done` are the transfers (endpoint, result, octets).
    """

    def __init__(self, desc_cfg=WHOLE, strings=STRINGS, active=True):
        self.clock = Clock()
        self.misuse = MisuseLog(self.clock)
        self.trace = Trace(self.clock)
        self.audio = UsbAudio(self.clock, self.trace, self._wake)
        self.wakes = 0
        self.controller = UsbController(self.clock, self.misuse, self.trace, self.audio, self._wake)
        self.usb = self.controller.firmware
        self.host = UsbHost(self.clock, self.controller, self.run_until)
        self.told, self.done = [], []
        self.on_control = lambda stage, setup: False
        self.on_done = lambda endpoint: None
        self.usb.config(device(), desc_cfg, strings, self._open, self._reset, self._control, self._transferred)
        if active:
            self.usb.active(True)
            self.settle()

    def _wake(self):
        self.wakes += 1

    def _open(self, view):
        self.told.append(("open", bytes(view)))

    def _reset(self):
        self.told.append(("reset",))

    def _control(self, stage, setup):
        self.told.append(("control", stage, bytes(setup)))
        return self.on_control(stage, bytes(setup))

    def _transferred(self, endpoint, result, n):
        self.done.append((endpoint, result, n))
        self.on_done(endpoint)

    def settle(self):
        """Everything that is due now."""
        while self.clock.next_time() == self.clock.now:
            self.clock.run_next()

    def run_for(self, ns):
        end = self.clock.now + ns
        while (following := self.clock.next_time()) is not None and following <= end:
            self.clock.run_next()
        self.clock.advance(end)

    def run_until(self, condition, timeout_s):
        end = self.clock.now + round(timeout_s * 1e9)
        while not condition():
            following = self.clock.next_time()
            if following is None or following > end:
                self.clock.advance(end)
                raise VirtualTimeout("timeout")
            self.clock.run_next()
