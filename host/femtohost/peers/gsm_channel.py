"""A dedicated channel as the phone uses it: its data links, its blocks, measurement reports, speech.

The phone's frame clock comes from the frames it hears: any downlink frame says what time it is in the cell.
"""

from femtohost.models.gsm_air import AirFrame
from femtohost.models.gsm_frames import (
    FACCH_F,
    HYPERFRAME,
    MULTIFRAME_NS,
    SACCH,
    SDCCH4,
    SDCCH8,
    VOICE_F,
    dedicated_blocks,
    frame_at,
    frame_time,
)
from femtohost.peers.gsm_lapdm import BadFrame, DataLink

UPLINK_LATE = 3 * MULTIFRAME_NS // (26 * 8)  # a phone's time slots are three later than the cell's (TS 45.010 5.6)
RADIO_LINK_TIMEOUT = 32  # SACCH blocks (TS 45.008 5.2)
N200 = {SDCCH4: 23, SDCCH8: 23, FACCH_F: 34}  # TS 44.006 5.8.2
CODEC_FR = 1
LOST_NS = MULTIFRAME_NS // 26  # an error of the frame clock beyond which it is set anew

# MEASUREMENT REPORT: loud and clear, no neighbours (TS 44.018 10.5.2.20)
REPORT = bytes.fromhex("0103490615" + "3f3f01c0" + "00" * 12)


class FrameClock:
    """Frame counts of the cell that is heard, from the frames that come."""

    def __init__(self, clock):
        self._clock = clock
        self._epoch = None  # ns at which frame count 0 began

    def hear(self, fn):
        """A downlink frame `fn` begins now; in real time it may be late by less than a frame."""
        if self._epoch is None:
            self._epoch = self._clock.now - frame_time(fn)
            return
        here = self.count()
        count = here + (fn - here + HYPERFRAME // 2) % HYPERFRAME - HYPERFRAME // 2
        if abs(self._clock.now - self.time(count)) > LOST_NS:
            self._epoch = self._clock.now - frame_time(count)

    def count(self):
        return frame_at(self._clock.now - self._epoch)

    def time(self, count):
        return self._epoch + frame_time(count)


class PhoneChannel:
    """An open channel.

    owner: `link_established(channel, sapi)`, `link_received(channel, sapi, message)`, `link_released(channel, sapi,
    why)`, `link_lost(channel)` (radio link timeout), `speech_heard(frame or None)`.
    `source` gives speech: source() -> a frame of 33 octets or None.
    """

    def __init__(self, clock, air, frames, owner, place, timing_advance=0):
        self._clock, self._air, self._frames, self._owner = clock, air, frames, owner
        self.arfcn, self.tn, self.channel, self.sub_slot = self.place = place
        self._ta = timing_advance
        self._blocks = dedicated_blocks(self.channel, self.tn, self.sub_slot)
        n200 = N200[self.channel]
        self.links = {sapi: DataLink(clock, self, sapi, n200=n200) for sapi in (0, 3)}
        self.sacch_links = {3: DataLink(clock, self, 3, n201=18, n200=5, t200=2.0, size=21)}
        self.speech = False
        self.source = None
        self._counter = RADIO_LINK_TIMEOUT
        self._heard_sacch = True
        self._events = {}
        self.open = True
        air.tune(self, self._key)
        self._plan_sacch()

    @property
    def _key(self):
        return self.arfcn, self.tn, self.sub_slot

    def close(self):
        """Leave the channel; nothing is sent."""
        self.park()
        for link in (*self.links.values(), *self.sacch_links.values()):
            link.abandon()

    def park(self):
        """Leave the air, but keep the links, to `resume` if the channel assigned instead does not work."""
        self.open = False
        self._air.detune(self, self._key)
        for event in self._events.values():
            event.cancel()
        self._events.clear()

    def resume(self):
        self.open = True
        self._air.tune(self, self._key)
        self._plan_sacch()

    def speak(self, on):
        """Speech mode: from now on a frame of `source` goes out in each block."""
        self.speech = on
        if on:
            self.ready(None)

    # -- up -------------------------------------------------------------------------------------------------------

    def ready(self, link):
        """A link has something to send: in the next block."""
        if self.open and "main" not in self._events:
            self._plan("main", self._blocks.up, self._send_main)

    def _plan_sacch(self):
        self._plan("sacch", self._blocks.sacch_up, self._send_sacch)

    def _plan(self, name, blocks, action):
        count = blocks.following(self._frames.count() + 1)
        self._events[name] = self._clock.at(self._frames.time(count) + UPLINK_LATE, lambda: self._due(name, action))

    def _due(self, name, action):
        del self._events[name]
        action()

    def _send_main(self):
        frame = self._pull(self.links)
        if frame:
            self._transmit(self.channel, frame)
        elif self.speech and self.source:
            speech = self.source()
            if speech:
                self._transmit(VOICE_F, bytes((CODEC_FR,)) + speech)
        if self.open and (self.speech or any(link.wants for link in self.links.values())):
            self.ready(None)

    def _pull(self, links):
        for link in links.values():
            frame = link.pull()
            if frame:
                return frame
        return None

    def _send_sacch(self):
        self._watch_radio_link()
        if not self.open:
            return
        layer2 = self._pull(self.sacch_links) or REPORT
        self._transmit(self.channel | SACCH, bytes((0x0E, self._ta)) + layer2)
        self._plan_sacch()

    def _watch_radio_link(self):
        self._counter = min(self._counter + 2, RADIO_LINK_TIMEOUT) if self._heard_sacch else self._counter - 1
        self._heard_sacch = False
        if self._counter <= 0:
            self._owner.link_lost(self)

    def _transmit(self, channel, payload):
        fn = self._frames.count() % HYPERFRAME
        self._owner.transmit(AirFrame(self.arfcn, True, self.tn, fn, channel, self.sub_slot, payload))

    # -- down -----------------------------------------------------------------------------------------------------

    def receive(self, frame):
        """A downlink frame of this channel."""
        if self._owner.hears():
            self._frames.hear(frame.fn)
            self._take(frame)

    def _take(self, frame):
        if frame.channel == VOICE_F:
            self._owner.speech_heard(frame.payload[1:])
        elif frame.channel == self.channel and len(frame.payload) == 23:
            self._to_link(self.links, frame.payload)
        elif frame.channel == self.channel | SACCH and len(frame.payload) == 23:
            self._heard_sacch = True
            self._to_link(self.sacch_links, frame.payload[2:])

    def _to_link(self, links, layer2):
        link = links.get(layer2[0] >> 2 & 7)
        try:
            if link:
                link.receive(layer2)
        except BadFrame:
            self._owner.bad_frames += 1

    def carrier(self, on):
        pass

    # -- from the links -------------------------------------------------------------------------------------------

    def established(self, link):
        self._owner.link_established(self, link.sapi)

    def received(self, link, message):
        self._owner.link_received(self, link.sapi, message)

    def received_unit(self, link, message):
        """UI frames of SAPI 0 carry fill and system information only."""

    def released(self, link, why):
        self._owner.link_released(self, link.sapi, why)
