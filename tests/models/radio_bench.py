"""A baseband on the bench: the firmware's side of its mailbox in a few lines, and an ear on the air."""

import numpy as np

from femtohost.clock import SECOND, Clock
from femtohost.misuse import MisuseLog
from femtohost.models import gsm_mailbox as mailbox
from femtohost.models.gsm_air import Air, AirFrame
from femtohost.models.gsm_frames import FACCH_F, HYPERFRAME, SDCCH8
from femtohost.models.gsm_radio import GsmRadio

C0, DED = 50, 60
SDCCH = mailbox.number_of(SDCCH8, 1, 0)
TCH = mailbox.number_of(FACCH_F, 2, 0)
L2 = bytes.fromhex("030301") + b"\x2b" * 20
SI = {1: b"\x55\x06\x19", 2: b"\x59\x06\x1a", 3: bytes.fromhex("49061b1b3900f1100001c903"), 4: b"\x31\x06\x1c"}
SI = {number: data + b"\x2b" * (23 - len(data)) for number, data in SI.items()}
DEFAULT_SLOTS = (0x001, 0x103, 0x104, 0x104, 0x104, 0x104, 0x104, 0x104)
COMBINED_SLOTS = (0x002, *DEFAULT_SLOTS[2:], 0x104)


class Bench:
    """`frames` are all downlink frames; `downlink(channel)` those of one GSMTAP type."""

    def __init__(self, slots=DEFAULT_SLOTS, on=True, seed=1):
        self.clock = Clock()
        self.misuse = MisuseLog(self.clock)
        rng = np.random.default_rng(seed)
        self.air = Air(self.clock, rng)
        self.radio = GsmRadio(self.clock, self.misuse, self.air, rng, self._wake)
        self.frames, self.wakes, self.events = [], 0, 0
        self.air.taps.append(self.frames.append)
        for register, value in ((7, C0), (8, DED), (9, 63), *((16 + tn, slot) for tn, slot in enumerate(slots))):
            self.radio.write(register, value)
        if on:
            self.radio.write(1, 1)
            for number, data in SI.items():
                self.send(mailbox.SI_REQ, 0x80, 0, 0, bytes((number,)) + data)

    def _wake(self):
        self.wakes += 1

    def run(self, seconds):
        end = self.clock.now + round(seconds * SECOND)
        while (following := self.clock.next_time()) is not None and following <= end:
            self.clock.run_next()
            self.events += 1
        self.clock.advance(end)

    def send(self, kind, chan_nr, link_id=0, fn=0, payload=b""):
        data = mailbox.Message(kind, chan_nr, link_id, fn, payload).encode()
        accepted = self.radio.send(data, len(data))
        self.run(0)
        return accepted

    def received(self):
        """Every message up that waits."""
        buf, messages = bytearray(64), []
        while n := self.radio.recv_into(buf):
            messages.append(mailbox.parse(bytes(buf[:n])))
        return messages

    def errors(self):
        return [message.payload[0] for message in self.received() if message.type == mailbox.ERR_IND]

    def activate(self, chan_nr, ta=0, power=5):
        self.send(mailbox.ACT_REQ, chan_nr, 0, 0, bytes((ta, power)))

    def downlink(self, channel):
        return [frame for frame in self.frames if frame.channel == channel and not frame.uplink]

    def fn(self):
        return self.radio.count() % HYPERFRAME

    def transmit(self, channel, payload, arfcn=DED, tn=1, sub_slot=0):
        """A phone sends, now."""
        self.air.uplink(AirFrame(arfcn, True, tn, self.fn(), channel, sub_slot, payload))
