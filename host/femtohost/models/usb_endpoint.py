"""A bulk or interrupt endpoint: the firmware's transfer on one side, the host's requests on the other.

Packets are not moved one by one, but their edges count: a short packet ends both sides (USB 2.0 5.7.3, 5.8.3).
"""

from collections import deque

from femtohost.models.usb_urb import GOOD, OVERFLOW


class EndpointState:
    """`transfer` is the buffer that the firmware gave (a memoryview) or None, `moved` what of it is done."""

    def __init__(self, address, packet_size):
        self.address, self.packet_size = address, packet_size
        self.halted = False
        self.transfer = None
        self.moved = 0
        self.urbs = deque()

    @property
    def is_in(self):
        return bool(self.address & 0x80)

    def begin(self, view):
        self.transfer, self.moved = view, 0

    def drop(self):
        """Forget the firmware's transfer."""
        self.transfer = None

    def exchange(self, urb):
        """Move what there is between the transfer and the first request.

        Returns (the transfer is done, the request's status or None, the firmware's buffer was overrun).
        """
        return self._send(urb) if self.is_in else self._receive(urb)

    def _send(self, urb):
        room = urb.length - len(urb.received)
        left = len(self.transfer) - self.moved
        if left <= room:
            self._give(urb, left)
            short = left == 0 or left % self.packet_size != 0
            return True, GOOD if short or left == room else None, False
        whole = room - room % self.packet_size
        self._give(urb, whole)
        full = whole == room and room > 0
        # A packet that does not fit is not acknowledged: the device keeps it (USB 2.0 8.7.4, babble).
        return False, GOOD if full else OVERFLOW, False

    def _give(self, urb, n):
        urb.received += self.transfer[self.moved : self.moved + n]
        self.moved += n
        urb.actual = len(urb.received)

    def _receive(self, urb):
        left = len(urb.data) - urb.actual
        room = len(self.transfer) - self.moved
        if left > room:
            return self._receive_part(urb, room)
        self._take(urb, left)
        ends = left == 0 or left % self.packet_size != 0  # by a short packet
        status = GOOD if ends or not urb.zero_packet else None
        return ends or left == room, status, False

    def _receive_part(self, urb, room):
        """The transfer is full before the request is."""
        self._take(urb, room)
        rest = room % self.packet_size
        if not rest:
            return True, None, False
        # The packet is longer than the buffer's end: it has been taken off the wire, and its tail is lost.
        urb.actual = min(urb.actual + self.packet_size - rest, len(urb.data))
        return True, GOOD if urb.actual == len(urb.data) else None, True

    def _take(self, urb, n):
        self.transfer[self.moved : self.moved + n] = urb.data[urb.actual : urb.actual + n]
        self.moved += n
        urb.actual += n
