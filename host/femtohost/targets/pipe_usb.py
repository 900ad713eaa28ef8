"""The USB port of a firmware in an interpreter of its own; boards/unix/usb_port.py is the other end."""

import json
import struct

OPEN, RESET, CONTROL, TRANSFERRED = range(4)
FALSE, TRUE, OCTETS, BUFFER = range(4)
DATA = 2  # stage of a control transfer
SWITCH = (False, True, None)


class RemoteUsb:
    """Calls to `device` (machine.USBDevice's shape), and its callbacks by `command(op, payload) -> answer`."""

    def __init__(self, device, command):
        self._device, self._command = device, command
        self._out = {}  # endpoint -> the buffer that the controller fills
        self._request = b""  # the same for a control request
        self._calls = {"c": self._config, "a": self._active, "x": self._submit, "h": self._stall}

    def call(self, payload):
        return self._calls[chr(payload[0])](payload[1:])

    def _config(self, payload):
        device, configuration = struct.unpack_from("<HH", payload)
        end = 4 + device + configuration
        strings = json.loads(payload[end:])
        callbacks = (self._opened, self._reset, self._control, self._transferred)
        self._device.config(payload[4 : 4 + device], payload[4 + device : end], strings, *callbacks)
        return b""

    def _active(self, payload):
        return bytes((self._device.active(SWITCH[payload[0]]),))

    def _stall(self, payload):
        return bytes((self._device.stall(payload[0], SWITCH[payload[1]]),))

    def _submit(self, payload):
        address = payload[0]
        if address & 0x80:
            return bytes((self._device.submit_xfer(address, payload[1:]),))
        buffer = bytearray(*struct.unpack_from("<H", payload, 1))
        accepted = self._device.submit_xfer(address, buffer)
        self._out[address] = buffer
        return bytes((accepted,))

    def _call_back(self, which, *parts):
        return self._command(b"K", bytes((which,)), *parts)

    def _opened(self, descriptors):
        self._call_back(OPEN, bytes(descriptors))

    def _reset(self):
        self._call_back(RESET)

    def _control(self, stage, request):
        came = b""
        if stage == DATA:
            came, self._request = bytes(self._request), b""
        answer = self._call_back(CONTROL, bytes((stage,)), bytes(request), came)
        if answer[0] in (FALSE, TRUE):
            return answer[0] == TRUE
        if answer[0] == OCTETS:
            return answer[1:]
        self._request = bytearray(answer[1:])
        return self._request

    def _transferred(self, address, result, length):
        came = b"" if address & 0x80 else self._out.pop(address)[:length]
        self._call_back(TRANSFERRED, struct.pack("<BBI", address, result, length), came)


class RemoteUsbAudio:
    """Calls to the audio driver."""

    def __init__(self, audio):
        self._audio = audio
        self._calls = {
            "a": lambda payload: bytes((audio.alt(payload[0]),)), "r": self._read,
            "w": lambda payload: struct.pack("<H", audio.write(payload)),
            "s": lambda payload: struct.pack("<H", audio.space()),
            "m": lambda payload: bytes((audio.mute,)), "v": lambda payload: struct.pack("<h", audio.volume),
        }  # fmt: skip

    def call(self, payload):
        return self._calls[chr(payload[0])](payload[1:])

    def _read(self, payload):
        buf = bytearray(*struct.unpack("<H", payload))
        return buf[: self._audio.read(buf)]
