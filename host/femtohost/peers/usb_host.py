"""A USB host in the same process: it acts on the emulated controller, and lets virtual time run until it is served."""

import numpy as np

from femtohost.models.usb_urb import GOOD, STALL, Urb
from femtohost.peers.usb_device import AUDIO, HID, UsbDevicePeer
from femtohost.peers.usb_errors import UsbError, UsbStall, UsbTimeout

STREAMING = 2  # USB Audio 1.0 A.2
IN_FLIGHT = 8  # isochronous requests under way, as a sound driver keeps them
PACKETS = 5  # in one of them


class UsbHost(UsbDevicePeer):
    """`box.usb_host`. controller: femtohost.models.usb_controller.UsbController; run_until: the Emulator's.

    `reports` are the input reports (time ns, octets) that came since `listen`, `recorded` the samples since `record`.
    """

    def __init__(self, clock, controller, run_until):
        self._clock, self._controller, self._run_until = clock, controller, run_until
        self._streams = {}
        self._listening = None
        self.strings = {}
        self.reports = []
        self._recorded = []

    def attach(self):
        """Plug in, wait for the device and enumerate it. UsbError: there is none, or another host has it."""
        if not self._controller.attach():
            raise UsbError("another host has the device")
        self._wait(lambda: self._controller.connected, 1, "no device on the cable")
        self.enumerate()

    def detach(self):
        """Pull the plug."""
        self._streams.clear()
        self._listening = None
        self._controller.detach()

    def reset(self):
        """Reset the bus; then the device wants to be enumerated again."""
        self._controller.reset()

    def transfer(self, endpoint, *, setup=None, data=b"", length=0, timeout_s=5):
        urb = Urb(endpoint, setup=setup, data=bytes(data), length=length)
        self._controller.submit(urb)
        try:
            self._wait(lambda: urb.done, timeout_s, f"endpoint {endpoint:#04x}: no answer")
        except UsbTimeout:
            self._controller.cancel(urb)
            raise
        if urb.status == STALL:
            raise UsbStall(f"endpoint {endpoint:#04x} stalled", urb.status)
        if urb.status != GOOD:
            raise UsbError(f"endpoint {endpoint:#04x}: status {urb.status}", urb.status)
        return bytes(urb.received) if urb.is_in else urb.actual

    def _wait(self, condition, seconds, what):
        try:
            self._run_until(condition, seconds)
        except AssertionError:
            raise UsbTimeout(what) from None

    # -- HID ------------------------------------------------------------------------------------------------------

    def listen(self):
        """Collect the input reports from now on."""
        endpoint = next(e for e in self.interface(HID).endpoints if e.is_in)
        self.reports = []
        self._ask_report(endpoint)

    def _ask_report(self, endpoint):
        self._listening = Urb(
            endpoint.address, length=endpoint.packet_size, on_done=lambda urb: self._report(endpoint, urb)
        )
        self._controller.submit(self._listening)

    def _report(self, endpoint, urb):
        if urb.status == GOOD and urb is self._listening:
            self.reports.append((self._clock.now, bytes(urb.received)))
            self._ask_report(endpoint)

    # -- sound ----------------------------------------------------------------------------------------------------

    def play(self, samples, rate=8000):
        """Begin to play int16 `samples` in the alternate setting of that rate; silence follows them."""
        interface, octets = self._setting(False, rate)
        data = np.asarray(samples, "<i2").tobytes()
        position = [0]

        def packet():
            part = data[position[0] : position[0] + octets]
            position[0] += octets
            return part.ljust(octets, b"\0")

        self._begin(interface, octets, packet, lambda data: None)

    def record(self, rate=8000):
        """Begin to record; `recorded` has what came."""
        interface, octets = self._setting(True, rate)
        self._recorded = []
        self._begin(interface, octets, None, self._recorded.append)

    @property
    def recorded(self):
        """int16 samples."""
        return np.frombuffer(b"".join(self._recorded), "<i2").astype(np.int16)

    def stop(self):
        """End both streams."""
        streams, self._streams = self._streams, {}
        for number in streams:
            self.set_interface(number, 0)

    def _setting(self, is_in, rate):
        """(alternate setting, octets a millisecond)."""
        for interface in self.configuration.interfaces:
            if (interface.class_, interface.subclass) == (AUDIO, STREAMING) and interface.endpoints:
                octets = rate // 1000 * 2
                if interface.endpoints[0].is_in == is_in and _rate(interface) == rate:
                    return interface, octets
        raise UsbError(f"no {'capture' if is_in else 'playback'} of {rate} Hz")

    def _begin(self, interface, octets, packet, received):
        self.set_interface(interface.number, interface.alternate)
        self._streams[interface.number] = stream = object()
        endpoint = interface.endpoints[0].address

        def submit():
            data = b"".join(packet() for _ in range(PACKETS)) if packet else b""
            packets = (octets,) * PACKETS
            self._controller.submit(Urb(endpoint, data=data, length=octets * PACKETS, packets=packets, on_done=done))

        def done(urb):
            if urb.status == GOOD and self._streams.get(interface.number) is stream:
                received(bytes(urb.received))
                submit()

        for _ in range(IN_FLIGHT):
            submit()


def _rate(interface):
    """Sampling rate of a Type I format of one rate (USB Audio Data Formats 1.0 2.2.5), or None."""
    for descriptor in interface.extra:
        if descriptor[1:4] == bytes((0x24, 2, 1)) and len(descriptor) >= 11:
            return int.from_bytes(descriptor[8:11], "little")
    return None
