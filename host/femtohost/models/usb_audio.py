"""The sound card's class driver (USB Audio 1.0): streaming interfaces, their isochronous endpoints, mute and volume.

These cannot pass through machine.USBDevice. What there is to own is read out of the configuration descriptor; the
frames are those of femtohost.models.usb_stream.
"""

import struct

from femtohost.models.usb_control import GET_INTERFACE, REFUSED, SET_INTERFACE
from femtohost.models.usb_descriptors import ISOCHRONOUS, DescriptorError
from femtohost.models.usb_stream import SILENT, Stream
from femtohost.models.usb_urb import GONE, GOOD, STALL

# USB Audio 1.0 A.1, A.2, A.5, A.6, A.8
AUDIO = 1
AUDIO_CONTROL, AUDIO_STREAMING = 1, 2
CS_INTERFACE, CS_ENDPOINT = 0x24, 0x25
INPUT_TERMINAL, OUTPUT_TERMINAL, FEATURE_UNIT = 2, 3, 6
FORMAT_TYPE, EP_GENERAL = 2, 1
USB_STREAMING = bytes((0x01, 0x01))  # USB Terminal Types 2.1

# USB Audio 1.0 A.9, A.10.2, A.10.5
SET_CUR, GET_CUR, GET_MIN, GET_MAX, GET_RES = 0x01, 0x81, 0x82, 0x83, 0x84
MUTE, VOLUME, SAMPLING_FREQUENCY = 1, 2, 1

VOLUME_RANGE = {GET_MIN: -48 * 256, GET_MAX: 0, GET_RES: 256}  # 1/256 dB


class UsbAudio:
    """`board.usb_audio`: alt, read, write, space, mute, volume; the rest is the stack's side of it.

    clock, trace: as elsewhere. `wake()` is called when there is something to read. `end(urb, status)` is the
    controller's, which calls the rest.
    """

    def __init__(self, clock, trace, wake):
        self._clock, self._trace, self._wake = clock, trace, wake
        self.end = None
        self._streams = {}
        self._owned = set()
        self._units = {}
        self._playback_unit = None
        self._frequency = set()

    # -- the firmware's side --------------------------------------------------------------------------------------

    def alt(self, itf):
        """The alternate setting that the host chose for the streaming interface `itf`; 0 is silence."""
        stream = self._streams.get(itf)
        return stream.alternate if stream else 0

    def read(self, buf, start=0):
        """Take from the playback FIFO into `buf` from sample `start` on; returns octets, a whole number of samples."""
        stream = self._stream(False)
        view = memoryview(buf).cast("B")[2 * start :]
        data = stream.fifo.take(len(view) & ~1) if stream else b""
        view[: len(data)] = data
        return len(data)

    def write(self, buf):
        """Add `buf` to the capture FIFO; returns the octets that it took."""
        stream = self._stream(True)
        return stream.fifo.put(memoryview(buf).cast("B")) if stream and stream.alternate else 0

    def space(self):
        """Octets that the capture FIFO has room for; 0 while nobody captures."""
        stream = self._stream(True)
        return stream.fifo.space if stream and stream.alternate else 0

    @property
    def mute(self):
        """Whether the host muted playback."""
        return bool(self._units.get(self._playback_unit, {}).get(MUTE, 0))

    @property
    def volume(self):
        """Playback volume that the host set, 1/256 dB."""
        return self._units.get(self._playback_unit, {}).get(VOLUME, 0)

    def _stream(self, is_in):
        return next((s for s in self._streams.values() if s.is_in == is_in), None)

    # -- what the descriptors say ---------------------------------------------------------------------------------

    def configure(self, configuration):
        """Find the audio interfaces of a Configuration. DescriptorError."""
        mine = [i for i in configuration.interfaces if i.class_ == AUDIO]
        self._owned = {i.number for i in mine}
        self._streams, self._units, self._frequency, self._playback_unit = {}, {}, set(), None
        for interface in mine:
            if interface.subclass == AUDIO_CONTROL:
                self._read_units(interface.extra)
        for number in sorted({i.number for i in mine if i.subclass == AUDIO_STREAMING}):
            self._read_stream(number, [i for i in mine if i.number == number])

    def _read_units(self, extra):
        """Feature units (4.3.2.5), and which of them stands behind what the PC plays."""
        described = [d for d in extra if d[1] == CS_INTERFACE and len(d) > 6]
        playing = {d[3] for d in described if d[2] == INPUT_TERMINAL and d[4:6] == USB_STREAMING}
        for unit in (d for d in described if d[2] == FEATURE_UNIT):
            controls = int.from_bytes(unit[6 : 6 + (unit[5] or 1)], "little")
            self._units[unit[3]] = {c: 0 for c in (MUTE, VOLUME) if controls >> c - 1 & 1}
            if unit[4] in playing:
                self._playback_unit = unit[3]

    def _read_stream(self, number, settings):
        formats, directions = {}, set()
        for setting in settings:
            if not setting.endpoints:
                formats[setting.alternate] = SILENT
                continue
            endpoint = setting.endpoints[0]
            if endpoint.type != ISOCHRONOUS:
                raise DescriptorError(f"interface {number}: endpoint {endpoint.address:#04x} is not isochronous")
            formats[setting.alternate] = (*_format(setting), endpoint.address)
            directions.add(endpoint.is_in)
            if any(d[1] == CS_ENDPOINT and d[2] == EP_GENERAL and d[3] & 1 for d in endpoint.extra):
                self._frequency.add(endpoint.address)
        if len(directions) != 1 or formats.get(0) != SILENT:
            raise DescriptorError(f"interface {number}: a streaming interface has an empty setting 0 and one direction")
        self._streams[number] = Stream(self._clock, formats, directions.pop())

    def owns(self, number):
        """Whether interface `number` is this driver's."""
        return number in self._owned

    def owns_endpoint(self, address):
        """Whether an endpoint, in whatever alternate setting, is this driver's."""
        return any(address == endpoint for s in self._streams.values() for _, _, endpoint in s.settings.values())

    # -- requests -------------------------------------------------------------------------------------------------

    def request(self, setup, data):
        """A request to an interface of this driver; answers as ControlPipe.answer does."""
        if setup.type & 0x60 == 0:
            return self._setting(setup)
        unit, selector, channel = setup.index >> 8, setup.value >> 8, setup.value & 0xFF
        controls = self._units.get(unit)
        if controls is None or selector not in controls or channel:
            return REFUSED
        return self._control(controls, selector, setup, data)

    def _setting(self, setup):
        """USB 2.0 9.4.4, 9.4.10."""
        stream = self._streams.get(setup.index & 0xFF)
        if setup.request == GET_INTERFACE:
            return bytes((stream.alternate if stream else 0,))
        if setup.request != SET_INTERFACE:
            return REFUSED
        if stream is None:
            return b"" if setup.value == 0 else REFUSED
        if setup.value not in stream.settings:
            return REFUSED
        self._drop_urbs(stream)
        stream.select(setup.value)
        return b""

    def _control(self, controls, selector, setup, data):
        """USB Audio 1.0 5.2.2.4.3.1, 5.2.2.4.3.2."""
        size = 1 if selector == MUTE else 2
        if setup.request == SET_CUR and len(data) == size:
            value = int.from_bytes(data, "little", signed=True)
            low, high = (0, 1) if selector == MUTE else (VOLUME_RANGE[GET_MIN], VOLUME_RANGE[GET_MAX])
            controls[selector] = min(max(value, low), high) if selector == VOLUME else int(bool(value))
            return b""
        if setup.request == GET_CUR:
            return controls[selector].to_bytes(size, "little", signed=True)
        if setup.request in VOLUME_RANGE and selector == VOLUME:
            return VOLUME_RANGE[setup.request].to_bytes(2, "little", signed=True)
        return REFUSED

    def endpoint_request(self, setup, data):
        """USB Audio 1.0 5.2.3.2.3.1: the sampling frequency, of endpoints that have the control."""
        address = setup.index & 0xFF
        stream = next((s for s in self._streams.values() if s.endpoint == address), None)
        if stream is None or address not in self._frequency or setup.value != SAMPLING_FREQUENCY << 8:
            return REFUSED
        if setup.request == SET_CUR and len(data) == 3:
            return b""  # each setting has one frequency: the nearest there is
        if setup.request in (GET_CUR, GET_MIN, GET_MAX):
            return stream.rate.to_bytes(3, "little")
        return REFUSED

    # -- streams --------------------------------------------------------------------------------------------------

    def submit(self, urb):
        """Begin an isochronous request."""
        stream = next((s for s in self._streams.values() if s.endpoint == urb.endpoint), None)
        if stream is None or not urb.packets:
            self._clock.after(0, lambda: self.end(urb, STALL))
        else:
            stream.begin(urb, lambda urb: self._finish(stream, urb))

    def cancel(self, urb):
        """Forget a request that has not had its frames."""
        for stream in self._streams.values():
            stream.cancel(urb)

    def _finish(self, stream, urb):
        self._trace.add("usb.iso", bytes((urb.endpoint,)) + (urb.received if stream.is_in else urb.data))
        if not stream.is_in:
            self._wake()
        self.end(urb, GOOD)

    def reset(self):
        """The bus was reset, or the configuration went."""
        for stream in self._streams.values():
            self._drop_urbs(stream)
            stream.select(0)
        for controls in self._units.values():
            controls.update(dict.fromkeys(controls, 0))

    def _drop_urbs(self, stream):
        for urb in stream.drop():
            self.end(urb, GONE)


def _format(setting):
    """(rate, octets of one frame) of an alternate setting: its Type I format (USB Audio Data Formats 1.0 2.2.5)."""
    for descriptor in setting.extra:
        if descriptor[1] == CS_INTERFACE and descriptor[2] == FORMAT_TYPE and len(descriptor) >= 11:
            channels, subframe, _, frequencies = struct.unpack_from("4B", descriptor, 4)
            if descriptor[3] == 1 and frequencies == 1 and channels and subframe:
                return int.from_bytes(descriptor[8:11], "little"), channels * subframe
    raise DescriptorError(f"interface {setting.number}: setting {setting.alternate} has no Type I format of one rate")
