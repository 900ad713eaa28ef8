"""One isochronous stream of the sound card: a packet a frame of 1 ms, and the FIFO between it and the firmware.

The clock is the only one, and what is late falls behind it but is not lost. A host that was late has the frames that
it missed at twice the pace; a frame waits for the octets that are to be captured, or for the room for what was
played, and the host with it.
"""

from femtohost.clock import MS
from femtohost.models.usb_urb import GOOD

CATCH_UP = 500 * MS  # a host that was silent for longer had a pause: its clock starts over
FIFO_MS = 500  # so that a delay that is made up for loses nothing
# The capture stream begins when so much is there, and so bridges the jitter of host and network.
CUSHION_MS = 20
PATIENCE = 500  # frames; then nobody writes what is captured, or reads what is played

SILENT = (0, 2, None)  # an alternate setting without an endpoint: rate, octets of a sample frame, endpoint


class Fifo:
    """Octets between the firmware and the stream; a sample is never torn."""

    def __init__(self):
        self._data = bytearray()
        self.size = 0

    def __len__(self):
        return len(self._data)

    def clear(self, size):
        """Begin anew, with room for `size`."""
        self._data.clear()
        self.size = size

    @property
    def space(self):
        return max(self.size - len(self._data), 0)

    def put(self, data):
        """Take what fits; returns how much."""
        n = min(len(data), self.space) & ~1
        self._data += data[:n]
        return n

    def take(self, n):
        data = bytes(self._data[:n])
        del self._data[:n]
        return data


class Stream:
    """A streaming interface: `settings` is {alternate: (rate, octets of a sample frame, endpoint)}.

    `gaps` counts how often capture ran dry and silence was sent, or playback was full and octets fell off.
    """

    def __init__(self, clock, settings, is_in):
        self._clock, self.settings, self.is_in = clock, settings, is_in
        self.fifo = Fifo()
        self.gaps = 0
        self._urbs = {}  # what ends them, in order
        self._event = None
        self.select(0)

    def select(self, alternate):
        """Choose an alternate setting; nothing may be pending."""
        self.alternate = alternate
        self.rate, self._octets, self.endpoint = self.settings[alternate]
        self._due = None
        self._last = self._clock.now
        self._count = self._waited = 0
        self._filling = True
        self.fifo.clear(self._of(FIFO_MS))

    def _of(self, ms):
        """Octets in `ms` of sound."""
        return self.rate * ms // 1000 * self._octets

    # -- requests -------------------------------------------------------------------------------------------------

    def begin(self, urb, finish):
        """Give each packet its frame; `finish(urb)` comes with the last."""
        if not self._urbs:
            self._begin(self._clock.now)
        self._urbs[urb] = finish
        self._go_on()

    def _begin(self, now):
        """The first request, or the next one of a host that was late, had a pause, or had stopped."""
        if self._due is not None and self._due >= now - CATCH_UP:
            return
        if self._due is None and self.is_in:  # nothing that it hears is old
            self._filling = True
            self.fifo.clear(self.fifo.size)
        self._due = (-(-now // MS) + 1) * MS  # the end of the next frame

    def cancel(self, urb):
        """Forget a request; a host that takes all of them back has stopped."""
        if self._urbs.pop(urb, None) and not self._urbs:
            self._rest()
            self._due = None

    def drop(self):
        """Forget every request; returns them."""
        urbs, self._urbs = list(self._urbs), {}
        self._rest()
        return urbs

    def _rest(self):
        if self._event:
            self._event.cancel()
        self._event = None

    def _go_on(self):
        """With the next packet, if there is one: when its frame has passed; after a delay at twice the pace."""
        if self._urbs and not self._event:
            self._event = self._clock.at(max(self._due, self._last + MS // 2), self._frame)

    # -- frames ---------------------------------------------------------------------------------------------------

    def _frame(self):
        self._event = None
        urb = next(iter(self._urbs))
        length = urb.packets[len(urb.results)]
        move = self._capture if self.is_in else self._play
        if not move(urb, length):
            self._event = self._clock.after(MS, self._frame)
            return
        self._last = self._clock.now
        self._due += MS
        if len(urb.results) == len(urb.packets):
            self._urbs.pop(urb)(urb)
        self._go_on()

    def _capture(self, urb, length):
        """Send one packet: silence at first, or a part of the FIFO. False: it has to wait."""
        n = min(self._samples() * self._octets, length // self._octets * self._octets)
        self._filling = self._filling and not self._filled()
        if not self._filling and len(self.fifo) < n:
            if self._waits():
                return False
            self._filling = True
        self._waited = 0
        packet = bytes(n) if self._filling else self.fifo.take(n)
        self._count += 1
        urb.received += packet
        self._moved(urb, n)
        return True

    def _filled(self):
        """The FIFO holds its cushion, and catching up will not use that up."""
        return len(self.fifo) >= self._of(CUSHION_MS) and self._due >= self._clock.now - MS

    def _samples(self):
        """In the next frame: where the rate is no whole number a millisecond, not always the same."""
        return self.rate * (self._count + 1) // 1000 - self.rate * self._count // 1000

    def _play(self, urb, length):
        """Take one packet; without room what is too much falls off. False: it has to wait."""
        if length > self.fifo.space and self._waits():
            return False
        if length <= self.fifo.space:
            self._waited = 0
        self.fifo.put(urb.data[urb.actual : urb.actual + length])
        self._moved(urb, length)
        return True

    def _moved(self, urb, n):
        urb.actual += n
        urb.results.append((n, GOOD))

    def _waits(self):
        """Whether a packet that cannot move waits for another frame. A wait in vain is a gap."""
        self._waited += 1
        self.gaps += self._waited == PATIENCE
        return self._waited < PATIENCE
