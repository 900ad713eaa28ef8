"""One bulk or interrupt endpoint of machine.USBDevice: at most one transfer under way, and its halt."""

from micropython import const

LARGEST = const(4096)  # octets of one transfer
_SUCCESS = const(0)  # XFER_RESULT_SUCCESS


class Pipe:
    """`complete` may be called between any two bytecodes; everything else belongs to the step.

    The stack keeps a submitted buffer until its transfer has completed.
    """

    def __init__(self, usb, address):
        self._usb = usb
        self.address = address
        self.reset()

    def reset(self):
        """The bus was reset: nothing is under way, nothing is halted."""
        self.busy = self._halted = self._cleared = False
        self._done = -1
        self._buf = None

    def submit(self, buf):
        """Begin a transfer. False while one is under way, the endpoint is halted, or the host is gone."""
        if self.busy or self._still_halted():
            return False
        self._done = -1
        self._buf = buf
        self.busy = True  # before the stack may call back
        self.busy = self._give()
        return self.busy

    def _give(self):
        try:
            return self._usb.submit_xfer(self.address, self._buf)
        except OSError:
            return False

    def complete(self, result, n):
        """From the callback: the transfer has ended after `n` octets."""
        self._done = n if result == _SUCCESS else 0

    def cleared(self):
        """From the callback: the host has cleared the endpoint's halt."""
        self._cleared = True

    def take(self):
        """Octets of the transfer that has completed since the last call; -1 if none has."""
        n = self._done
        if n >= 0:
            self._done = -1
            self.busy = False
        elif self._cleared and self.busy:
            self._give()  # a halt of the host's making had dropped it; else it is still there, and refused
        self._cleared = False
        return n

    def halt(self):
        """Answer STALL until the host clears it. What was under way is dropped."""
        self._usb.stall(self.address, True)
        self._halted = True
        self.busy = False
        self._done = -1

    def abandon(self):
        """Take back what is under way."""
        if self.busy:
            self.halt()
            self._usb.stall(self.address, False)
            self._halted = False
        self._done = -1

    def _still_halted(self):
        if self._halted:
            self._halted = self._usb.stall(self.address)
        return self._halted
