"""The GSM baseband behind the L1 mailbox: registers, message queues, and what each message does.

Channel coding, A5 and the TDMA schedule are the baseband's, LAPDm upward is the firmware's. What the firmware sends is
taken at the end of its step. Messages and their codes: femtohost.models.gsm_mailbox.
"""

from collections import deque
from dataclasses import dataclass

from femtohost.models import gsm_mailbox as mailbox
from femtohost.models.gsm_channels import L2_OCTETS, SACCH_L2_OCTETS, Channel, TrafficChannel
from femtohost.models.gsm_common import ANY_GROUP, CommonChannels
from femtohost.models.gsm_frames import (
    AGCH,
    FACCH_F,
    HYPERFRAME,
    PCH,
    RACH,
    SACCH,
    SDCCH4,
    SDCCH8,
    VOICE_F,
    frame_at,
    frame_time,
)
from femtohost.registers import RegisterFile, register

PART = "GSM baseband"
CTRL, IRQ_STAT, IRQ_EN, FN_HI, FN_LO = 1, 2, 3, 4, 5
TSCFG, UP_LEVEL, DOWN_LEVEL, OVERRUN, UNDERRUN = 16, 32, 33, 34, 35
MESSAGE_UP, OVERRAN, UNDERRAN = 1, 2, 4
OFF, TS_CCCH, TS_COMBINED, TS_SDCCH8, TS_TCH_F = range(5)
CARRIES = {TS_COMBINED: (SDCCH4, 4), TS_SDCCH8: (SDCCH8, 8), TS_TCH_F: (FACCH_F, 1)}  # TSCFG -> channel, sub-slots
UP_QUEUE = DOWN_QUEUE = 64  # messages
SHORTEST_BUFFER = 64  # octets of recv_into
COUNTER = 0xFFFF
SI_TYPES = (1, 2, 3, 4, 5, 6, 13)
WRAP_WITHIN = 2048  # frames, some 9 s: FN wraps at a random instant before that

_COUNTS = {OVERRUN: OVERRAN, UNDERRUN: UNDERRAN}
_SLOT = "KIND{0} 2:0, DED{0} 8"

TABLE = (
    register(0, "ID", f"{0x4731:016b}", "ID 15:0 r"),
    register(1, "CTRL", "0" * 16, "ENABLE 0, RESET 1 t, TIME 2"),
    register(2, "IRQ_STAT", "0" * 16, "UP 0 c, OVER 1 c, UNDER 2 c"),
    register(3, "IRQ_EN", "0" * 16, "UP_EN 0, OVER_EN 1, UNDER_EN 2"),
    register(4, "FN_HI", "0" * 16, "FN_HI 5:0 r"),
    register(5, "FN_LO", "0" * 16, "FN_LO 15:0 r"),
    register(6, "BAND", "0" * 16, "BAND 15:0"),
    register(7, "ARFCN_C0", "0" * 16, "ARFCN_C0 9:0"),
    register(8, "ARFCN_DED", "0" * 16, "ARFCN_DED 9:0"),
    register(9, "BSIC", "0" * 16, "BSIC 5:0"),
    *(register(TSCFG + tn, f"TSCFG{tn}", "0" * 16, _SLOT.format(tn)) for tn in range(8)),
    *(register(24 + tn, f"AUDIO_ROUTE{tn}", "0" * 16, f"ROUTE{tn} 7:0") for tn in range(8)),
    register(UP_LEVEL, "UP_LEVEL", "0" * 16, "UP_LEVEL 15:0 r"),
    register(DOWN_LEVEL, "DOWN_LEVEL", "0" * 16, "DOWN_LEVEL 15:0 r"),
    register(OVERRUN, "OVERRUN", "0" * 16, "OVERRUN 15:0 c"),
    register(UNDERRUN, "UNDERRUN", "0" * 16, "UNDERRUN 15:0 c"),
)


@dataclass
class Faults:
    """rts_late: frames by which every RTS.ind comes later; stalled: the mailbox moves nothing, either way."""

    rts_late: int = 0
    stalled: bool = False


class GsmRadio:
    """One baseband.

    air: femtohost.models.gsm_air.Air. rng: numpy Generator; it says when FN wraps. `wake()` is called for each message
    up. `channels` are the active ones by channel number; `faults` may be changed at any time.
    """

    def __init__(self, clock, misuse, air, rng, wake=lambda: None):
        self.clock, self.air = clock, air
        self._misuse, self._wake = misuse, wake
        self._registers = RegisterFile(TABLE, PART, misuse, rng)
        self.offset = HYPERFRAME - int(rng.integers(1, WRAP_WITHIN))
        self.faults = Faults()
        self.channels = {}
        self._up, self._down = deque(), deque()
        self._draining = False
        self._time_event = None
        self.common = CommonChannels(self)
        self._handlers = {
            mailbox.DATA_REQ: self._data, mailbox.TCH_REQ: self._speech, mailbox.ACT_REQ: self._activate,
            mailbox.DEACT_REQ: self._deactivate, mailbox.MODE_REQ: self._mode, mailbox.CIPHER_REQ: self._cipher,
            mailbox.SI_REQ: self._si,
        }  # fmt: skip
        air.join_cell(self._receive, self.common.plan)

    # -- time -----------------------------------------------------------------------------------------------------

    def count(self):
        """The frame count at this instant; the frame number is this modulo HYPERFRAME."""
        return frame_at(self.clock.now) + self.offset

    @property
    def enabled(self):
        return bool(self._registers.get("ENABLE"))

    def arfcn(self, tn):
        """The carrier of a time slot."""
        return self._registers.get("ARFCN_DED" if self._registers.get(f"DED{tn}") else "ARFCN_C0")

    def sacch_si(self, number):
        """SYSTEM INFORMATION 5 or 6 as it goes out on SACCH, with room for the L1 header; None where there is none."""
        return self.common.si.get(number)

    # -- registers ------------------------------------------------------------------------------------------------

    def irq_level(self):
        values = self._registers.values
        return int(values[IRQ_STAT] & values[IRQ_EN] != 0)

    def read(self, address):
        if address == FN_HI:
            fn = self.count() % HYPERFRAME
            self._registers.set("FN_HI", fn >> 16)
            self._registers.set("FN_LO", fn & 0xFFFF)
        elif address == UP_LEVEL:
            return len(self._up)
        elif address == DOWN_LEVEL:
            return len(self._down)
        return self._registers.read(address)

    def write(self, address, value):
        if not 0 <= value <= 0xFFFF:
            self._report(f"register {address}", f"write of {value}: registers have 16 bits")
            return
        if TSCFG <= address < TSCFG + 8 and not self._may_configure(address, value):
            return
        changed = self._registers.write(address, value)
        if address == CTRL and changed:
            self._control(changed[0] & 1, value)
        elif address in _COUNTS and value:
            self._registers.values[address] = 0

    def _may_configure(self, address, value):
        if self.enabled:
            self._report(f"TSCFG[{address - TSCFG}]", "written while the radio is on")
            return False
        kind = value & 0xFF
        if kind > TS_TCH_F or (kind in (TS_CCCH, TS_COMBINED) and address != TSCFG):
            self._report(f"TSCFG[{address - TSCFG}]", f"{value:#06x}: kinds are 0 to 4, common channels on time slot 0")
            return False
        return True

    def _control(self, was_on, value):
        if value & 2:
            self._reset()
            return
        if (value & 1) != was_on:
            self._switch(bool(value & 1))
        if bool(value & 5 == 5) != (self._time_event is not None):
            self._plan_time(value & 5 == 5)

    def _reset(self):
        self._switch(False)
        self._plan_time(False)
        self._up.clear()
        self._down.clear()
        self.common.si.clear()
        self._registers.reset()

    def _switch(self, on):
        kind = self._registers.get("KIND0")
        for channel in list(self.channels.values()):
            self._stop(channel)
        self.common.stop()
        has_common = kind in (TS_CCCH, TS_COMBINED)
        if on and has_common:
            self.common.start(kind == TS_COMBINED)
        if has_common:
            self.air.carrier(self._registers.get("ARFCN_C0"), on)

    def _plan_time(self, on):
        if self._time_event:
            self._time_event.cancel()
            self._time_event = None
        if on:
            count = self.count() // 51 * 51 + 51
            self._time_event = self.clock.at(frame_time(count - self.offset), lambda: self._time(count))

    def _time(self, count):
        self.up(mailbox.TIME_IND, 0, 0, count)
        self._plan_time(True)

    def _report(self, section, text):
        self._misuse.report(PART, section, text)

    # -- messages up ----------------------------------------------------------------------------------------------

    def up(self, kind, chan_nr, link_id, fn, payload=b""):
        """Queue a message for the firmware; it is lost, and counted, where the queue is full."""
        if len(self._up) >= UP_QUEUE:
            self._count(OVERRUN)
            return
        self._up.append(mailbox.Message(kind, chan_nr, link_id, fn % HYPERFRAME, payload).encode())
        self._interrupt(MESSAGE_UP)

    def up_if(self, channel, *message):
        """The same for a message of `channel`, if that is still active."""
        if self.channels.get(channel.number) is channel:
            self.up(*message)

    def underrun(self):
        self._count(UNDERRUN)

    def _count(self, address):
        values = self._registers.values
        values[address] = min(values[address] + 1, COUNTER)
        self._interrupt(_COUNTS[address])

    def _interrupt(self, bit):
        self._registers.values[IRQ_STAT] |= bit
        if not self.faults.stalled:
            self._wake()

    def waiting(self):
        """The messages up that wait, in order; for a firmware far away."""
        return () if self.faults.stalled else tuple(self._up)

    def recv_into(self, buf):
        if len(buf) < SHORTEST_BUFFER:
            self._report("recv_into", f"a buffer of {len(buf)} octets; {SHORTEST_BUFFER} are the least")
            return 0
        if not self._up or self.faults.stalled:
            return 0
        message = self._up.popleft()
        buf[: len(message)] = message
        return len(message)

    # -- messages down --------------------------------------------------------------------------------------------

    def send(self, buf, n):
        if len(self._down) >= DOWN_QUEUE:
            self._count(OVERRUN)
            return False
        self._down.append(bytes(buf[:n]))
        self._drain_soon()
        return True

    def stall(self, on):
        """Let the mailbox move nothing, or go on."""
        self.faults.stalled = on
        if not on:
            self._drain_soon()
            self._wake()

    def set_rts_late(self, frames):
        """From now on every RTS.ind comes so many frames later."""
        self.faults.rts_late = frames

    def _drain_soon(self):
        if not self._draining:
            self._draining = True
            self.clock.after(0, self._drain)

    def _drain(self):
        self._draining = False
        while self._down and not self.faults.stalled:
            self._handle(self._down.popleft())

    def _handle(self, data):
        message = mailbox.parse(data)
        if message is None:
            self._report("send", f"{len(data)} octets are no message: its length octet says otherwise")
            return
        if not self.enabled and message.type != mailbox.SI_REQ:
            self._report(f"message {message.type:#04x}", "sent while the radio is off")
            return
        handler = self._handlers.get(message.type)
        self._refuse(message, handler(message) if handler else mailbox.UNKNOWN_TYPE)

    def _refuse(self, message, reason):
        if reason:
            self.up(mailbox.ERR_IND, message.chan_nr, message.link_id, message.fn, bytes((reason,)))

    # Each of these returns why not, or None.

    def _data(self, message):
        if message.chan_nr == mailbox.PCH_AGCH_NR:
            return self._queue(message)
        channel = self.channels.get(message.chan_nr)
        if channel is None:
            return self._absent(message.chan_nr)
        if len(message.payload) != L2_OCTETS:
            return mailbox.BAD_LENGTH
        return None if channel.answer(message.link_id, message.fn, message.payload) else mailbox.LATE

    def _queue(self, message):
        paging = message.link_id == 1
        if len(message.payload) not in (L2_OCTETS, L2_OCTETS + paging):
            return mailbox.BAD_LENGTH
        payload, group = message.payload[:L2_OCTETS], message.payload[L2_OCTETS:]
        if not self.common.queue(PCH if paging else AGCH, payload, group[0] if group else ANY_GROUP):
            self._count(OVERRUN)
        return None

    def _speech(self, message):
        channel = self.channels.get(message.chan_nr)
        if channel is None:
            return self._absent(message.chan_nr)
        if channel.channel != FACCH_F:
            return mailbox.BAD_CHANNEL
        if len(message.payload) != 34:
            return mailbox.BAD_LENGTH
        if not channel.speak(message.payload):
            self._count(OVERRUN)
        return None

    def _activate(self, message):
        reason = self._may_activate(message)
        self.up(mailbox.ACT_CNF, message.chan_nr, message.link_id, self.count(), bytes((reason,)))
        if not reason:
            channel, tn, sub_slot = mailbox.dedicated(message.chan_nr)
            kind = TrafficChannel if channel == FACCH_F else Channel
            self.channels[message.chan_nr] = new = kind(self, channel, tn, sub_slot, *message.payload)
            new.start()

    def _may_activate(self, message):
        """0, or the reason why not."""
        if not self._exists(message.chan_nr) or message.chan_nr in self.channels:
            return mailbox.BAD_CHANNEL
        return mailbox.GOOD if len(message.payload) == 2 else mailbox.BAD_LENGTH

    def _exists(self, chan_nr):
        named = mailbox.dedicated(chan_nr)
        return named is not None and CARRIES.get(self._registers.get(f"KIND{named[1]}"), (None,))[0] == named[0]

    def _absent(self, chan_nr):
        return mailbox.NOT_ACTIVE if self._exists(chan_nr) else mailbox.BAD_CHANNEL

    def _deactivate(self, message):
        channel = self.channels.get(message.chan_nr)
        if channel is None:
            return self._absent(message.chan_nr)
        self._stop(channel)
        self.up(mailbox.DEACT_CNF, message.chan_nr, message.link_id, self.count())
        return None

    def _stop(self, channel):
        channel.stop()
        del self.channels[channel.number]

    def _mode(self, message):
        channel = self.channels.get(message.chan_nr)
        if channel is None:
            return self._absent(message.chan_nr)
        if len(message.payload) != 1:
            return mailbox.BAD_LENGTH
        if channel.channel != FACCH_F or message.payload[0] > mailbox.SPEECH_FR:
            return mailbox.BAD_CHANNEL
        channel.mode = message.payload[0]
        return None

    def _cipher(self, message):
        channel = self.channels.get(message.chan_nr)
        if channel is None:
            return self._absent(message.chan_nr)
        if len(message.payload) != 9:
            return mailbox.BAD_LENGTH
        channel.cipher = message.payload[0], message.payload[1:]
        return None

    def _si(self, message):
        number, data = (message.payload or b"\0")[0], message.payload[1:]
        if number not in SI_TYPES:
            return mailbox.UNKNOWN_TYPE
        on_sacch = number in (5, 6)
        if len(data) != L2_OCTETS and not (on_sacch and len(data) == SACCH_L2_OCTETS):
            return mailbox.BAD_LENGTH
        self.common.si[number] = bytes(L2_OCTETS - len(data)) + data
        return None

    # -- from the air ---------------------------------------------------------------------------------------------

    def _receive(self, frame):
        if not self.enabled:
            return
        if frame.channel == RACH:
            if frame.arfcn == self._registers.get("ARFCN_C0") and frame.payload:
                self.up(mailbox.RACH_IND, mailbox.RACH_NR | frame.tn, 0, frame.fn, bytes((frame.payload[0], 0)))
            return
        kind = frame.channel & ~SACCH
        kind = FACCH_F if kind == VOICE_F else kind
        if kind not in (SDCCH4, SDCCH8, FACCH_F) or frame.sub_slot not in range(CARRIES_SLOTS[kind]):
            return
        channel = self.channels.get(mailbox.number_of(kind, frame.tn, frame.sub_slot))
        if channel is not None and frame.arfcn == channel.arfcn:
            channel.receive(frame)


CARRIES_SLOTS = dict(CARRIES.values())  # channel -> its sub-slots
