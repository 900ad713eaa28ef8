"""The telephone as a HID: Telephony and LED pages (HID Usage Tables 11 and 8), and a report of our own.

Input report, 1 octet: bits 0-3 key (0 none, 1..12 for 0..9 * #), bit 4 hook flash, bit 5 hook switch (1 off-hook).
Output report, 1 octet: bit 0 off-hook, bit 1 ring, bit 2 mute indicator.

Feature report, 64 octets. To the host, numbers little-endian:
     0  1: the version of this layout
     1  bit 0 telephone off-hook, 1 it rings, 2 registered, 3 the PC's audio runs, 4 loopback, 5 mute indicator,
        6 medium in the drive
     2  state of the call: the index in femtojack.call.control.STATES
     3  what became of the last command: 0 done, 1 refused, 2 unknown
     4  commands taken since power-on, modulo 256
     8  counters, 4 octets each: SCSI commands, their transport errors, blocks read, blocks of 10 ms
        played, repeated (the PC was late), dropped (the PC was ahead), captured, dropped (the PC did not fetch)
    40  state of the update: the index in femtojack.flash.update.STATES    44  4 octets of the file taken
    41  what became of it: the index in femtojack.flash.results.NAMES
    42  slot of the firmware that runs: 0 golden, 1 a, 2 b, 255 none verifies
    43  bit 0 it is on trial, 1 the flash has a fault
From the host: a command and its operand
     0 nothing     1 dial: octets up to the first zero, of 0-9 * #     2 answer     3 hang up
     4 loopback of the sound card: 1 on, 0 off
     5 an update comes: 4 octets of length     6 its data: 4 octets of offset, 1 of count up to 58, they
     7 it ends     8 it is given up
Data that are refused come again when octet 44 says that there is room; 5 to 8 are unknown to a box without a flash.
"""

from micropython import const

from femtojack.usb.descriptors import HID, REPORT

REPORT_SIZE = const(64)

_GET_DESCRIPTOR = const(6)  # USB 2.0 table 9-4
_GET_REPORT = const(0x01)  # HID 1.11 7.2
_GET_IDLE = const(0x02)
_SET_REPORT = const(0x09)
_SET_IDLE = const(0x0A)
_INPUT = const(1)  # report types, 7.2.1
_OUTPUT = const(2)
_FEATURE = const(3)

OFF_HOOK = const(0x01)  # indicators
RING = const(0x02)
MUTE = const(0x04)

_HOOK_SWITCH = const(0x20)
_FLASH = const(0x10)
_KEYS = "0123456789*#"
_WAITING = const(16)  # keys

_VERSION = const(1)  # of the feature report
_UPDATE = const(40)


# -- report descriptor, HID 1.11 6.2.2 ---------------------------------------------------------------------------


def _item(tag, value):
    """A short item; some values are signed, so one octet holds no more than 127."""
    return bytes((tag | 1, value)) if value < 128 else bytes((tag | 2, value & 255, value >> 8))


def _usage_page(page):
    return _item(0x04, page)


def _usage(usage):
    return _item(0x08, usage)


def _collection(kind, *items):
    return _item(0xA0, kind) + b"".join(items) + b"\xc0"


def _fields(tag, count, size, least, most, flags):
    """`count` fields of `size` bits with values from `least` to `most`."""
    return _item(0x14, least) + _item(0x24, most) + _item(0x74, size) + _item(0x94, count) + _item(tag, flags)


_MAIN_INPUT = const(0x80)
_MAIN_OUTPUT = const(0x90)
_MAIN_FEATURE = const(0xB0)
_APPLICATION = const(1)
_LOGICAL = const(2)
_CONSTANT = const(0x01)
_ARRAY = const(0x00)
_VARIABLE = const(0x02)
_RELATIVE = const(0x06)  # a variable that is an event
_NO_PREFERRED = const(0x22)  # a variable that stays where it was put


def report_descriptor():
    keypad = _collection(_LOGICAL, _item(0x18, 0xB0), _item(0x28, 0xBB), _fields(_MAIN_INPUT, 1, 4, 1, 12, _ARRAY))
    switches = (
        _usage(0x21), _fields(_MAIN_INPUT, 1, 1, 0, 1, _RELATIVE),
        _usage(0x20), _fields(_MAIN_INPUT, 1, 1, 0, 1, _NO_PREFERRED),
        _fields(_MAIN_INPUT, 1, 2, 0, 1, _CONSTANT),
    )  # fmt: skip
    indicators = (
        _usage_page(0x08), _usage(0x17), _usage(0x18), _usage(0x09), _fields(_MAIN_OUTPUT, 3, 1, 0, 1, _NO_PREFERRED),
        _fields(_MAIN_OUTPUT, 1, 5, 0, 1, _CONSTANT),
    )  # fmt: skip
    own = (_usage_page(0xFF00), _usage(0x01), _fields(_MAIN_FEATURE, REPORT_SIZE, 8, 0, 255, _VARIABLE))
    phone = _collection(_APPLICATION, _usage(0x06), keypad, *switches, *indicators, *own)
    return _usage_page(0x0B) + _usage(0x01) + phone


class Telephone:
    """One function of the device. `pipe` is its interrupt IN endpoint.

    `indicators` is what the host shows; `take_command() -> bytes or None` what it asks for. `hook(off)`, `key(key)` and
    `flash()` tell the host of the telephone.
    """

    def __init__(self, pipe, hid_descriptor, report_descriptor):
        self._pipe = pipe
        self._hid_descriptor = hid_descriptor
        self._report_descriptor = report_descriptor
        self._sent = bytearray(1)  # in the hands of the stack
        self._now = bytearray(1)
        self._waiting = bytearray(_WAITING)
        self._first = self._count = 0
        self._output = bytearray(1)
        self._command = bytearray(REPORT_SIZE)
        self._has_command = False
        self._idle = bytearray(1)
        self._status = bytearray(REPORT_SIZE)
        self._next_status = bytearray(REPORT_SIZE)
        self.indicators = 0

    # -- control endpoint; may come between any two bytecodes -----------------------------------------------------

    def control(self, kind, request, value, length):
        """Answer a request to the interface, as control_xfer_cb does at its first stage."""
        if kind == 0x81 and request == _GET_DESCRIPTOR:
            return self._descriptor(value >> 8)
        if kind == 0xA1:
            return self._get(request, value)
        if kind == 0x21 and request == _SET_REPORT:
            return self._place_for(value, length)
        if kind == 0x21 and request == _SET_IDLE and length == 0:
            self._idle[0] = value >> 8
            return True
        return False

    def received(self, request, value):
        """The data of a request from the host is in the buffer that `control` gave."""
        if request == _SET_REPORT and value == _OUTPUT << 8:
            self.indicators = self._output[0]
        elif request == _SET_REPORT:
            self._has_command = True

    def _descriptor(self, kind):
        if kind == HID:
            return self._hid_descriptor
        return self._report_descriptor if kind == REPORT else False

    def _get(self, request, value):
        if request == _GET_IDLE:
            return self._idle
        if request != _GET_REPORT:
            return False
        if value == _FEATURE << 8:
            return self._status
        return self._now if value == _INPUT << 8 else False

    def _place_for(self, value, length):
        if value == _OUTPUT << 8 and length == 1:
            return self._output
        if value == _FEATURE << 8 and length == REPORT_SIZE and not self._has_command:
            return self._command
        return False

    # -- step -----------------------------------------------------------------------------------------------------

    def bus_reset(self):
        self._pipe.reset()
        self._count = 0
        self._sent[0] = 0
        self._has_command = False
        self.indicators = self._output[0] = 0

    def hook(self, off):
        """The telephone's hook switch."""
        self._now[0] = _HOOK_SWITCH if off else 0

    def key(self, key):
        """A key was pressed: its report, and that of its release."""
        if key in _KEYS:
            self._event(1 + _KEYS.index(key))

    def flash(self):
        self._event(_FLASH)

    def take_command(self):
        if not self._has_command:
            return None
        command = bytes(self._command)
        self._has_command = False
        return command

    def tell(self, flags, call, result, taken, counters, update=b""):
        """What the feature report says from now on: octets 1 to 4, the counters, and from octet 40 on."""
        report = self._next_status
        report[0] = _VERSION
        report[1], report[2], report[3], report[4] = flags, call, result, taken & 255
        at = 8
        for counter in counters:
            for _ in range(4):
                report[at] = counter & 255
                counter >>= 8
                at += 1
        report[_UPDATE : _UPDATE + len(update)] = update
        self._next_status, self._status = self._status, report

    def step(self):
        """Send a report when there is something new, and the last one has been fetched."""
        self._pipe.take()
        if self._pipe.busy:
            return
        report = self._now[0] | self._next_event()
        if report != self._sent[0]:
            before = self._sent[0]
            self._sent[0] = report
            if not self._pipe.submit(self._sent):
                self._sent[0] = before

    # -- keys that wait for the host: each followed by a report without it -----------------------------------------

    def _event(self, bits):
        if self._count < _WAITING - 1:
            for each in (bits, 0):
                self._waiting[(self._first + self._count) % _WAITING] = each
                self._count += 1

    def _next_event(self):
        if not self._count:
            return 0
        event = self._waiting[self._first]
        self._first = (self._first + 1) % _WAITING
        self._count -= 1
        return event
