"""USB mass storage, Bulk-Only Transport 1.0: command, data, status, over two bulk pipes.

The drive (femtojack.usb.mmc) only ever sends data, so of the 13 cases of 6.7 there are these: nothing to send and the
host wants nothing (1), data in (4, 9: less than the host offers to move), as much or less than it wants (5, 6), and
what the host did not provide for: phase error (2, 7, 10). A write fails as a command without data (3, 8, 11-13).
"""

from micropython import const

from femtojack.usb.mmc import FAILED
from femtojack.usb.pipe import LARGEST

_GET_MAX_LUN = const(0xFE)  # 3.2
_RESET = const(0xFF)  # 3.1

_CBW = const(31)  # octets, table 5.1
_PACKET = const(64)  # wMaxPacketSize of both pipes
_IN = const(0x80)  # bmCBWFlags

_PASSED = const(0)  # bCSWStatus, table 5.3
_COMMAND_FAILED = const(1)
_PHASE_ERROR = const(2)

COMMAND = const(0)  # waiting for a CBW
DATA = const(1)  # sending
STATUS = const(2)  # the CSW has to go out as soon as the host has cleared a halt
STATUS_SENT = const(3)  # the CSW is on its way
NEED_RESET = const(4)  # after an invalid CBW, 6.6.1: both pipes stay halted until the reset recovery


class MassStorage:
    """One function of the device. `drive` executes, `pipe_in` and `pipe_out` carry.

    Data of more than one transfer goes through two buffers: one is on the wire while the other is filled.
    """

    def __init__(self, drive, pipe_in, pipe_out, trace):
        self._drive = drive
        self._in, self._out = pipe_in, pipe_out
        self._trace = trace
        self._cbw = bytearray(_PACKET)
        self._cdb = memoryview(self._cbw)[15:31]
        self._csw = bytearray(b"USBS" + bytes(9))
        self._max_lun = bytes(1)
        buffers = [memoryview(bytearray(LARGEST)) for _ in range(2)]
        self._buffers = buffers
        self._turn = 0
        self._ready = None  # what goes out next
        self._left = 0  # octets of the data that stand in no buffer yet
        self._asked = self._sent = 0
        self._inward = False
        self._wants_reset = False
        self.stage = COMMAND
        self._stages = (
            self._in_command,
            self._in_data,
            self._in_status,
            self._in_status_sent,
            self._in_need_reset,
        )
        self.commands = self.errors = 0

    # -- control endpoint; may come between any two bytecodes -----------------------------------------------------

    def control(self, kind, request, value, length):
        """Answer a request to the interface, as control_xfer_cb does."""
        if kind == 0x21 and request == _RESET and value == length == 0:
            self._wants_reset = True
            return True
        if kind == 0xA1 and request == _GET_MAX_LUN and value == 0 and length == 1:
            return self._max_lun
        return False

    def cleared(self, address):
        """The host has cleared the halt of an endpoint; in vain before the reset recovery."""
        pipe = self._in if address == self._in.address else self._out
        if self.stage == NEED_RESET and not self._wants_reset:
            pipe.halt()
        else:
            pipe.cleared()

    # -- step -----------------------------------------------------------------------------------------------------

    def bus_reset(self):
        """Everything from the beginning."""
        self._in.reset()
        self._out.reset()
        self._drive.reset()
        self._begin()

    def step(self):
        """Do all that can be done."""
        self._drive.step()
        if self._wants_reset:
            self._in.abandon()
            self._out.abandon()
            self._begin()
        while self._stages[self.stage]():
            pass

    def _begin(self):
        self._wants_reset = False
        self._ready = None
        self.stage = COMMAND

    # -- stages: each does one thing, and returns False when it is the host's turn -----------------------------------

    def _in_command(self):
        n = self._out.take()
        if n >= 0:
            return self._command(n)
        self._out.submit(self._cbw)
        return False

    def _in_data(self):
        """Take what has gone out, send what is ready, fill the other buffer."""
        n = self._in.take()
        if n > 0:
            self._sent += n
        if self._in.busy:
            return False
        if self._ready is None:
            return self._finish(_COMMAND_FAILED if self._left else _PASSED)
        if self._in.submit(self._ready):
            self._ready = self._fill()
        return False

    def _in_status(self):
        if not self._in.submit(self._csw):
            return False
        self.stage = STATUS_SENT
        return True

    def _in_status_sent(self):
        if self._in.take() < 0:
            return False
        self.stage = COMMAND
        return True

    def _in_need_reset(self):
        return False

    # -- command --------------------------------------------------------------------------------------------------

    def _command(self, n):
        cbw = self._cbw
        if n != _CBW or cbw[:4] != b"USBC" or cbw[13] > 15 or not 0 < cbw[14] <= 16:  # 6.2.1, 6.2.2
            return self._invalid()
        self.commands += 1
        self._csw[4:8] = cbw[4:8]  # dCBWTag
        self._asked = cbw[8] | cbw[9] << 8 | cbw[10] << 16 | cbw[11] << 24
        self._inward = bool(cbw[12] & _IN)
        for i in range(15 + cbw[14], 31):
            cbw[i] = 0
        size = self._drive.command(cbw[13], self._cdb)
        self._sent = self._left = 0
        if size == FAILED:
            return self._finish(_COMMAND_FAILED)
        if size > self._asked or (size and not self._inward):
            return self._finish(_PHASE_ERROR)
        if not size:
            return self._finish(_PASSED)
        self._begin_data(size)
        return True

    def _invalid(self):
        self.errors += 1
        self.stage = NEED_RESET
        self._in.halt()
        self._out.halt()
        return False

    # -- data -----------------------------------------------------------------------------------------------------

    def _begin_data(self, size):
        self.stage = DATA
        if self._drive.streaming:
            self._left = size
            self._ready = self._fill()
        else:
            self._ready = self._drive.answer[:size]

    def _fill(self):
        """The next piece of the medium in a buffer that is not on the wire; None at the end, or where it fails."""
        if not self._left:
            return None
        self._turn ^= 1
        view = self._buffers[self._turn]
        if self._left < LARGEST:
            view = view[: self._left]
        if not self._drive.read(view):
            return None
        self._left -= len(view)
        return view

    # -- status ---------------------------------------------------------------------------------------------------

    def _finish(self, status):
        """6.7: the residue, and a halt where the host waits for data that no short packet has ended."""
        residue = self._asked - self._sent
        csw = self._csw
        for i in range(8, 12):
            csw[i] = residue & 255
            residue >>= 8
        csw[12] = status
        self.errors += status == _PHASE_ERROR
        self._trace("usb.scsi", bytes(self._cdb) + bytes((status,)))
        self.stage = STATUS
        if self._asked > self._sent:
            if not self._inward:
                self._out.halt()
            elif self._sent % _PACKET == 0:
                self._in.halt()
        return True
