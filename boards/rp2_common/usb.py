"""The USB of boards with RP2040 and RP2350: machine.USBDevice, and the driver of the sound card in our images.

The image's own serial port stays beside the firmware's functions: by it the board is deployed to and watched, whatever
the firmware does. It goes away and comes back when the firmware joins in, and again when the firmware is stopped.
"""

from machine import USBDevice


class UsbPort:
    """femtojack.board's `usb`; `called()` tells whether there was a callback since the last time."""

    def __init__(self):
        device = USBDevice()
        device.active(False)
        device.builtin_driver = device.BUILTIN_DEFAULT
        self.builtin_driver = device.builtin_driver
        self.active, self.submit_xfer, self.stall = device.active, device.submit_xfer, device.stall
        self._device = device
        self._called = False

    def config(self, desc_dev, desc_cfg, desc_strs, open_itf_cb, reset_cb, control_xfer_cb, xfer_cb):
        self._opened, self._reset, self._control, self._transferred = open_itf_cb, reset_cb, control_xfer_cb, xfer_cb
        callbacks = (self._open_itf_cb, self._reset_cb, self._control_xfer_cb, self._xfer_cb)
        self._device.config(desc_dev, desc_cfg, desc_strs, *callbacks)

    def called(self):
        called, self._called = self._called, False
        return called

    def _open_itf_cb(self, view):
        self._called = True
        self._opened(view)

    def _reset_cb(self):
        self._called = True
        self._reset()

    def _control_xfer_cb(self, stage, setup):
        self._called = True
        return self._control(stage, setup)

    def _xfer_cb(self, address, result, n):
        self._called = True
        self._transferred(address, result, n)
        return True


def sound_card():
    """femtojack.board's `usb_audio`; None, and a line that says so, in an image without its driver."""
    try:
        from femtousb import audio  # pyright: ignore[reportMissingImports]
    except ImportError:
        print("femtojack: this image has no driver for a sound card: the PC sees none")
        return None
    return audio
