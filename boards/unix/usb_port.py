"""The USB port of the interpreter on the host: `machine.USBDevice` and the audio driver."""

import json
import struct
from array import array

_FALSE, _TRUE, _OCTETS, _BUFFER = 0, 1, 2, 3
_UNCHANGED = 2
_DATA = 2  # stage of a control transfer


class UsbDevice:
    """machine.USBDevice as the host's model is.

    Calls: c lengths of descriptors u16 u16, the descriptors, JSON of the strings; a on u8 -> was u8;
    x endpoint u8, data (IN) or length u16 (OUT) -> u8; h endpoint u8, on u8 -> was u8. On 2 asks only.
    Callbacks: 0 open_itf_cb, descriptors; 1 reset_cb; 2 control_xfer_cb, stage u8, request, data that came;
    3 xfer_cb, endpoint u8, result u8, length u32, data that came. Answer: 0 False, 1 True, 2 and octets, 3 and a
    buffer that can be written to.
    """

    def __init__(self, pipe):
        self._pipe = pipe
        self._out = {}  # endpoint -> the buffer that waits for data
        self._request = None  # the buffer that waits for the data of a control request
        pipe.commands[b"K"] = self._call_back

    builtin_driver = None  # the interpreter has no functions of its own

    def config(
        self, desc_dev, desc_cfg, desc_strs, open_itf_cb=None, reset_cb=None, control_xfer_cb=None, xfer_cb=None
    ):
        self._callbacks = (open_itf_cb, reset_cb, control_xfer_cb, xfer_cb)
        lengths = struct.pack("<HH", len(desc_dev), len(desc_cfg))
        self._pipe.ask("k", b"c", lengths, desc_dev, desc_cfg, json.dumps(desc_strs).encode())

    def active(self, on=None):
        return bool(self._pipe.ask("k", b"a", _switch(on))[0])

    def stall(self, ep, on=None):
        return bool(self._pipe.ask("k", b"h", bytes((ep,)), _switch(on))[0])

    def submit_xfer(self, ep, buf):
        if ep & 0x80:
            return bool(self._pipe.ask("k", b"x", bytes((ep,)), buf)[0])
        self._out[ep] = buf
        return bool(self._pipe.ask("k", b"x", bytes((ep,)), struct.pack("<H", len(buf)))[0])

    def _call_back(self, payload):
        return (self._open, self._reset, self._control, self._transferred)[payload[0]](memoryview(payload)[1:])

    def _open(self, descriptors):
        self._callbacks[0](descriptors)
        return b""

    def _reset(self, payload):
        self._callbacks[1]()
        return b""

    def _control(self, payload):
        stage, came = payload[0], payload[9:]
        if stage == _DATA and self._request is not None:
            memoryview(self._request)[: len(came)] = came
            self._request = None
        answer = self._callbacks[2](stage, payload[1:9])
        if answer is None or answer is False or answer is True:
            return bytes((_TRUE if answer else _FALSE,))
        if not payload[1] & 0x80 and not isinstance(answer, bytes):
            self._request = answer
            return bytes((_BUFFER,)) + bytes(answer)
        return bytes((_OCTETS,)) + bytes(answer)

    def _transferred(self, payload):
        ep, result, length = struct.unpack("<BBI", payload)
        if not ep & 0x80:
            memoryview(self._out[ep])[: len(payload) - 6] = payload[6:]
        self._callbacks[3](ep, result, length)
        return b""


def _switch(on):
    return bytes((_UNCHANGED if on is None else bool(on),))


class UsbAudio:
    """The audio driver. Calls: a interface u8 -> alternate setting u8; r octets u16 -> data; w data -> taken u16;
    s -> free u16; m -> mute u8; v -> volume i16."""

    def __init__(self, pipe):
        self._pipe = pipe

    def alt(self, itf):
        return self._pipe.ask("n", b"a", bytes((itf,)))[0]

    def read(self, buf, start=0):
        samples = array("h", self._pipe.ask("n", b"r", struct.pack("<H", 2 * (len(buf) - start))))
        memoryview(buf)[start : start + len(samples)] = samples
        return 2 * len(samples)

    def write(self, buf):
        return struct.unpack("<H", self._pipe.ask("n", b"w", bytes(buf)))[0]

    def space(self):
        return struct.unpack("<H", self._pipe.ask("n", b"s"))[0]

    @property
    def mute(self):
        return bool(self._pipe.ask("n", b"m")[0])

    @property
    def volume(self):
        return struct.unpack("<h", self._pipe.ask("n", b"v"))[0]
