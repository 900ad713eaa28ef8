"""Captures: what a box says by IP, USB and Um, in one pcapng file that Wireshark opens."""

from femtohost.capture.file import CaptureError, PcapngFile
from femtohost.capture.ip import IPV4_PACKETS, Ipv4
from femtohost.capture.usbmon import USBMON, UsbMonitor
from femtohost.gsmtap import datagram

__all__ = ["Capture", "CaptureError", "PcapngFile"]


class Capture:
    """A capture in the file `path`; `now()` gives the time of what is written, in ns.

    CaptureError: the file cannot be written.
    """

    def __init__(self, path, now):
        self._file = PcapngFile(path)
        self._now = now
        self._ipv4 = Ipv4()

    @property
    def error(self):
        """Why nothing is written any more, in words, or None."""
        return self._file.error

    def watch_network(self, network):
        """Write down the datagrams of a network (femtohost.network) or a bridge to one (femtohost.bridges.udp)."""
        network.taps.append(self._datagram)

    def watch_usb(self, controller):
        """Write down the requests to a controller (femtohost.models.usb_controller)."""
        monitor = UsbMonitor(controller.endpoint_type)

        def observe(time, kind, urb):
            now = self._now()
            self._file.packet("usb", USBMON, now, monitor.record(now, kind, urb))

        controller.on_urb.append(observe)

    def watch_air(self, air):
        """Write down the frames of an air (femtohost.models.gsm_air); from now on it carries every block.

        As the datagrams of virtual Um: Wireshark 4 does not read LINKTYPE_GSMTAP_UM, 217.
        """
        air.taps.append(self._frame)
        air.want_all()

    def close(self):
        self._file.close()

    def _frame(self, frame):
        self._file.packet("um", IPV4_PACKETS, self._now(), self._ipv4.udp(*datagram(frame)))

    def _datagram(self, time, source, destination, data):
        self._file.packet("uplink", IPV4_PACKETS, self._now(), self._ipv4.udp(source, destination, data))
