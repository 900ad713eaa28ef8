"""A handset that says what it is told: any layer 3 messages over a phone's data links, in virtual time."""

from femtohost.models.gsm_air import NO_SUB_SLOT, AirFrame
from femtohost.models.gsm_frames import FACCH_F, HYPERFRAME, RACH
from femtohost.peers.gsm_channel import FrameClock, PhoneChannel
from femtohost.peers.gsm_rr import paged_identities, place_of, request_reference

IMMEDIATE_ASSIGNMENT, PAGING = 0x3F, (0x21, 0x22, 0x24)
ASSIGNMENT_COMMAND, CHANNEL_RELEASE = bytes((0x06, 0x2E)), bytes((0x06, 0x0D))
ASSIGNMENT_COMPLETE = bytes((0x06, 0x29, 0x00))


class Handset:
    """Camps on `arfcn` of `air` from construction on. `heard` are the messages that came, `pages` whom the cell paged.

    Its own doing is the data link, with SABM for SAPI 3 and DISC after a release; and that it follows an assignment,
    completes it, and then repeats what was not acknowledged.
    """

    def __init__(self, clock, air, arfcn):
        self._clock, self._air, self._arfcn = clock, air, arfcn
        self._frames = FrameClock(clock)
        self._burst = self._first = self.channel = None
        self.heard, self.pages = [], []
        self.bad_frames = 0
        self.camped = False
        air.tune(self, (arfcn, 0, NO_SUB_SLOT))
        air.want_all()  # for the time in the cell

    def access(self, ra, message):
        """Ask for a channel with this random octet, and come with `message`."""
        fn = self._frames.count() % HYPERFRAME
        self._burst, self._first = (ra, fn), message
        self.transmit(AirFrame(self._arfcn, True, 0, fn, RACH, 0, bytes((ra,))))

    def say(self, message, sapi=0):
        """On the present channel; SAPI 3 goes by SACCH beside a traffic channel."""
        link = self._link(sapi)
        if link.state == "IDLE":
            link.establish()
        link.send(message)

    def _link(self, sapi):
        beside = sapi == 3 and self.channel.channel == FACCH_F
        return (self.channel.sacch_links if beside else self.channel.links)[sapi]

    def _enter(self, description, message=b""):
        self.channel = PhoneChannel(self._clock, self._air, self._frames, self, place_of(description))
        self.channel.links[0].establish(message)

    def _move(self, description):
        again = self.channel.links[0].unacknowledged
        self.channel.close()
        self._enter(description)
        for message in (ASSIGNMENT_COMPLETE, *again):
            self.say(message)

    # -- from the air, and from the channel ------------------------------------------------------------------------

    def receive(self, frame):
        self.camped = True
        self._frames.hear(frame.fn)
        kind = frame.payload[2]
        if kind == IMMEDIATE_ASSIGNMENT and self._burst and frame.payload[7:10] == request_reference(*self._burst):
            self._burst = None
            self._enter(frame.payload[4:7], self._first)
        elif kind in PAGING:
            self.pages += paged_identities(kind, frame.payload[3 : 1 + (frame.payload[0] >> 2)])

    def carrier(self, on):
        pass

    def hears(self):
        return True

    def transmit(self, frame):
        self._air.uplink(frame)

    def link_established(self, channel, sapi):
        pass

    def link_received(self, channel, sapi, message):
        self.heard.append(message)
        if message.startswith(ASSIGNMENT_COMMAND):
            self._move(message[2:5])
        elif message.startswith(CHANNEL_RELEASE):
            channel.links[0].release()

    def link_released(self, channel, sapi, why):
        if sapi == 0 and channel is self.channel:
            channel.close()

    def link_lost(self, channel):
        pass

    def speech_heard(self, frame):
        pass
