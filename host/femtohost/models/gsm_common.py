"""The common channels of the baseband's time slot 0: system information from its slots, and the CCCH queue.

Nothing happens here while nobody listens: the next block that somebody needs is computed, and is the only event.
"""

from collections import deque

from femtohost.models.gsm_air import AirFrame
from femtohost.models.gsm_channels import FILL
from femtohost.models.gsm_frames import (
    AGCH,
    BCCH,
    BCCH_BLOCKS,
    CCCH_BLOCKS,
    CCCH_COMBINED,
    HYPERFRAME,
    PCH,
    frame_time,
    si_types,
)  # fmt: skip

IDLE_PAGING = bytes.fromhex("1506210001f0") + b"\x2b" * 17  # PAGING REQUEST TYPE 1 for nobody (TS 44.018 9.1.22)
QUEUE = 32
ANY_GROUP = 255
SI3_CONTROL_CHANNEL = 10  # octet of its CONTROL CHANNEL DESCRIPTION, with the pseudo length (TS 44.018 9.1.35)


class CommonChannels:
    """BCCH and CCCH of one cell; `si` are the slots: type -> 23 octets."""

    def __init__(self, radio):
        self._radio = radio
        self.si = {}
        self.stop()

    def start(self, combined):
        self._blocks = CCCH_COMBINED if combined else CCCH_BLOCKS
        self._on = True
        self.plan()

    def stop(self):
        self._on, self._event = False, None
        self._queue = deque()
        self._sent = -1  # the last frame count that has had its block

    def queue(self, channel, payload, group=ANY_GROUP):
        """Put an AGCH or PCH message at the end; False when there is no room."""
        if len(self._queue) >= QUEUE:
            return False
        self._queue.append((channel, payload, group))
        self.plan()
        return True

    def plan(self):
        """Set the one event to the next block that is needed."""
        if self._event:
            self._event.cancel()
            self._event = None
        if not self._on:
            return
        radio = self._radio
        count = self._next(max(self._sent, radio.count()) + 1)
        if count is not None:
            self._event = radio.clock.at(frame_time(count - radio.offset), lambda: self._block(count))

    def _next(self, count):
        """The first block from `count` on that somebody needs, or None."""
        air = self._radio.air
        needed = []
        if air.wants_bcch or air.wants_all:
            needed.append(BCCH_BLOCKS.following(count))
        if air.wants_all:
            needed.append(self._blocks.following(count))
        elif self._queue:
            needed.append(self._next_queued(count))
        return min(needed, default=None)

    def _next_queued(self, count):
        block = self._blocks.following(count)
        while not any(self._fits(block, *entry) for entry in self._queue):
            block = self._blocks.following(block + 1)
        return block

    def _paging(self):
        """(blocks kept for AGCH, multiframes between pagings of one group) as SI 3 tells phones."""
        si3 = self.si.get(3)
        if si3 is None:
            return 0, 1
        kept, period = si3[SI3_CONTROL_CHANNEL] >> 3 & 7, (si3[SI3_CONTROL_CHANNEL + 1] & 7) + 2
        return min(kept, len(self._blocks.first) - 1), period

    def _fits(self, block, channel, payload, group):
        """Whether a message may go in this block: paging in its group's (TS 45.002 6.5.2), the rest in any."""
        if channel == AGCH:
            return True
        kept, period = self._paging()
        index, in_frame = self._blocks.first.index(block % 51) - kept, len(self._blocks.first) - kept
        if group >= in_frame * period:
            return index >= 0
        return index == group % in_frame and block % HYPERFRAME // 51 % period == group // in_frame

    def _block(self, count):
        self._event, self._sent = None, count
        if count % 51 == BCCH_BLOCKS.first[0]:
            self._transmit(BCCH, count, self.si.get(si_types(count, self.si), FILL))
        else:
            self._transmit(*self._ccch(count))
        self.plan()

    def _ccch(self, count):
        for entry in self._queue:
            if self._fits(count, *entry):
                self._queue.remove(entry)
                return entry[0], count, entry[1]
        reserved = self._blocks.first.index(count % 51) < self._paging()[0]
        return (AGCH, count, FILL) if reserved else (PCH, count, IDLE_PAGING)

    def _transmit(self, channel, count, payload):
        radio = self._radio
        radio.air.downlink(AirFrame(radio.arfcn(0), False, 0, count % HYPERFRAME, channel, 0, payload))
