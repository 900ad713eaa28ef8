"""How a transfer to a USB device can fail."""


class UsbError(Exception):
    """A transfer that did not succeed; `status` is a negative errno of Linux."""

    def __init__(self, text, status=0):
        super().__init__(text)
        self.status = status


class UsbStall(UsbError):
    """The device refused: STALL."""


class UsbTimeout(UsbError):
    """The device had nothing to say, or took nothing; the request was taken back."""
