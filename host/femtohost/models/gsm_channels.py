"""Dedicated channels of the baseband: RTS ahead of each downlink block, the block in its frame, what comes up."""

from collections import deque

from femtohost.models.gsm_air import AirFrame
from femtohost.models.gsm_frames import BLOCK_FRAMES, FACCH_F, HYPERFRAME, SACCH, VOICE_F, dedicated_blocks, frame_time
from femtohost.models.gsm_mailbox import (
    CODEC_FR,
    DATA_IND,
    MAIN,
    MEAS_IND,
    RTS_IND,
    SACCH_LINK,
    SIGNALLING,
    SPEECH_FR,
    TCH_IND,
    number_of,
)  # fmt: skip

LEAD = 20  # frames from RTS.ind to its block
TCH_LEAD_BLOCKS = 5  # the same on TCH/F, so that everything of a block's instant makes one step: 21 or 22 frames
L2_OCTETS, SACCH_L2_OCTETS = 23, 21
FILL = bytes.fromhex("030301") + b"\x2b" * 20  # an empty UI frame, padded (TS 44.006 5.4.2.3)
SPEECH_QUEUE = 4  # frames
HEARD = (60, 0)  # RXLEV (TS 45.008 8.1.4), RXQUAL of a phone that is heard
UNHEARD = (0, 7)


class Channel:
    """One active channel. `mode`, `cipher` (algorithm, Kc) and `underruns` may be looked at."""

    def __init__(self, radio, channel, tn, sub_slot, ta, power):
        self.radio = radio
        self.channel, self.tn, self.sub_slot = channel, tn, sub_slot
        self.number = number_of(channel, tn, sub_slot)
        self.ta, self.power = ta, power
        self.mode, self.cipher = SIGNALLING, (0, b"")
        self.underruns = 0
        self.blocks = dedicated_blocks(channel, tn, sub_slot)
        self.arfcn = radio.arfcn(tn)
        self._asked = {}  # (link, frame count) -> what to send, None so far
        self._events = {}
        self._measured = UNHEARD
        self._busy_until = {}  # link -> end of the uplink block that is being heard
        self._si = 6

    def start(self):
        self._plan(SACCH_LINK, self.blocks.sacch_down)
        self._plan_main()

    def stop(self):
        for event in self._events.values():
            event.cancel()
        self._asked.clear()

    def _plan_main(self):
        self._plan(MAIN, self.blocks.down)

    def _plan(self, link, blocks, after=0):
        """RTS for the first block that begins after frame `after` and is still LEAD away."""
        radio = self.radio
        count = blocks.following(max(after + 1, radio.count() + LEAD))
        self._at(("rts", link), count - LEAD + min(radio.faults.rts_late, LEAD), lambda: self._ask(link, blocks, count))

    def _at(self, name, count, action):
        self._events[name] = self.radio.clock.at(frame_time(count - self.radio.offset), action)

    def _ask(self, link, blocks, count):
        self._request(link, count)
        self._at(("send", link), count, lambda: self._send(link, blocks, count))

    def _request(self, link, count):
        self._asked[link, count] = None
        self.radio.up(RTS_IND, self.number, link, count)

    def _send(self, link, blocks, count):
        data = self._take(link, count)
        if link == SACCH_LINK:
            self._measure()
        self._transmit(self.channel | (SACCH if link else 0), count, data)
        self._plan(link, blocks, count)

    def _take(self, link, count):
        """What goes out in the block at `count`: the answer to its RTS, or fill, which is an underrun."""
        data = self._asked.pop((link, count), None)
        if data is None:
            self.underruns += 1
            self.radio.underrun()
            data = self._fill(link)
        return bytes((self.power, self.ta)) + data[2:] if link == SACCH_LINK else data

    def _fill(self, link):
        if link == MAIN:
            return FILL
        self._si = 11 - self._si  # SI 5 and SI 6 in turn
        return self.radio.sacch_si(self._si) or bytes(2) + FILL[:SACCH_L2_OCTETS]

    def _transmit(self, channel, count, payload):
        fn = count % HYPERFRAME
        self.radio.air.downlink(AirFrame(self.arfcn, False, self.tn, fn, channel, self.sub_slot, payload))

    def _measure(self):
        self.radio.up(MEAS_IND, self.number, SACCH_LINK, self.radio.count(), bytes((*self._measured, self.ta)))
        self._measured = UNHEARD

    # -- from the firmware ----------------------------------------------------------------------------------------

    def answer(self, link, fn, data):
        """DATA.req: whether an RTS of frame number `fn` waits for it."""
        for asked in self._asked:
            if asked[0] == link and asked[1] % HYPERFRAME == fn:
                self._asked[asked] = data
                return True
        return False

    # -- from the air ---------------------------------------------------------------------------------------------

    def receive(self, frame):
        """An uplink block begins; DATA.ind comes at its end. A second one in the same block is not heard."""
        link = SACCH_LINK if frame.channel & SACCH else MAIN
        count = self.radio.count()
        if len(frame.payload) != L2_OCTETS or self._busy_until.get(link, count) > count:
            return
        end = self._busy_until[link] = count + BLOCK_FRAMES
        if link == SACCH_LINK:
            self._measured = HEARD
        radio, payload, number, fn = self.radio, frame.payload, self.number, frame.fn
        radio.clock.at(frame_time(end - radio.offset), lambda: radio.up_if(self, DATA_IND, number, link, fn, payload))


class TrafficChannel(Channel):
    """TCH/F: a block every 4 or 5 frames, for speech or FACCH. All of a block's instant is one event."""

    def start(self):
        self._speech = deque()
        self._heard = {}
        super().start()

    def _plan_main(self):
        blocks = self.blocks.down
        count = blocks.following(self.radio.count() + 1)
        self._ahead = count
        for _ in range(TCH_LEAD_BLOCKS):
            self._ahead = blocks.following(self._ahead + 1)
        self._at("block", count, lambda: self._block(count))

    def _block(self, count):
        radio, blocks = self.radio, self.blocks.down
        self._send_block(count)
        self._hear_block(count)
        ahead = self._ahead
        self._ahead = blocks.following(ahead + 1)
        if radio.faults.rts_late:
            self._at(("rts", ahead), radio.count() + radio.faults.rts_late, lambda: self._request_late(ahead))
        else:
            self._request(MAIN, ahead)
        following = blocks.following(count + 1)
        self._at("block", following, lambda: self._block(following))

    def _request_late(self, count):
        del self._events["rts", count]
        if count > self.radio.count():
            self._request(MAIN, count)

    def _send_block(self, count):
        """FACCH steals the block: the speech that was meant for it is gone (TS 45.003 4.2)."""
        data = self._asked.pop((MAIN, count), None)
        speech = self._speech.popleft() if self.mode == SPEECH_FR and self._speech else None
        if data is not None:
            self._transmit(FACCH_F, count, data)
        elif speech is not None:
            self._transmit(VOICE_F, count, speech)
        elif self.radio.air.wants_all:
            self._transmit(FACCH_F, count, FILL)

    def _hear_block(self, count):
        """What came in the block before the one at `count`."""
        heard, self._heard = self._heard, {}
        fn = self.blocks.up.previous(count) % HYPERFRAME
        if FACCH_F in heard:
            self.radio.up(DATA_IND, self.number, MAIN, fn, heard[FACCH_F])
        if self.mode == SPEECH_FR:
            self.radio.up(TCH_IND, self.number, MAIN, fn, bytes((CODEC_FR,)) + heard.get(VOICE_F, b""))

    def speak(self, payload):
        """TCH.req: whether there was room; the oldest frame goes when there was none."""
        full = len(self._speech) >= SPEECH_QUEUE
        if full:
            self._speech.popleft()
        self._speech.append(payload)
        return not full

    def receive(self, frame):
        if frame.channel & SACCH:
            super().receive(frame)
        elif frame.channel == FACCH_F and len(frame.payload) == L2_OCTETS:
            self._heard.setdefault(FACCH_F, frame.payload)
        elif frame.channel == VOICE_F and is_full_rate(frame.payload[1:]):
            self._heard.setdefault(VOICE_F, frame.payload[1:])  # the codec octet is 0 from some senders


def is_full_rate(frame):
    """Whether `frame` is one of GSM 06.10: 33 octets that begin with 1101 (RFC 3551 4.5.8.1)."""
    return len(frame) == 33 and frame[0] >> 4 == 0xD
