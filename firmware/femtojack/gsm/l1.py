"""The GSM baseband behind its mailbox: registers, and messages as L1SAP has them (femtojack.board: l1).

Register map, 16 bits each
    0 ID    1 CTRL    2 IRQ_STAT    3 IRQ_EN    4 FN_HI    5 FN_LO    6 BAND    7 ARFCN_C0    8 ARFCN_DED    9 BSIC
    16..23 TSCFG    24..31 AUDIO_ROUTE    32 UP_LEVEL    33 DOWN_LEVEL    34 OVERRUN    35 UNDERRUN
A message, big-endian: type u8, chan_nr u8 (TS 08.58 9.3.1), link_id u8 (TS 08.58 9.3.2), length u8, frame number u32,
then `length` octets.
"""

from micropython import const

_ID = const(0)
_ID_VALUE = const(0x4731)
_CTRL = const(1)
_CTRL_ENABLE = const(1)
_CTRL_RESET = const(2)
_IRQ_STAT = const(2)
_IRQ_ALL = const(7)
_IRQ_EN = const(3)
_IRQ_MESSAGE = const(1)
_BAND = const(6)
_GSM_900 = const(0)
_DCS_1800 = const(1)
_HIGHEST_GSM_900 = const(124)  # ARFCN
_ARFCN_C0 = const(7)
_ARFCN_DED = const(8)
_BSIC = const(9)
_TSCFG = const(16)
_AUDIO_ROUTE = const(24)

OFF = const(0)  # a time slot's use
CCCH = const(1)
CCCH_SDCCH4 = const(2)
SDCCH8 = const(3)
TCH_F = const(4)
ON_SECOND = const(0x100)  # on ARFCN_DED

BCCH = const(0x80)  # chan_nr without time slot
RACH = const(0x88)
PCH_AGCH = const(0x90)

MAIN = const(0x00)  # link_id
SACCH = const(0x40)
_AGCH_LINK = const(0)
_PCH_LINK = const(1)

RTS_IND = const(0x01)
DATA_IND = const(0x02)
RACH_IND = const(0x03)
TCH_IND = const(0x04)
TIME_IND = const(0x05)
MEAS_IND = const(0x06)
ACT_CNF = const(0x07)
DEACT_CNF = const(0x08)
ERR_IND = const(0x09)
_DATA_REQ = const(0x41)
_TCH_REQ = const(0x42)
_ACT_REQ = const(0x43)
_DEACT_REQ = const(0x44)
_MODE_REQ = const(0x45)
_CIPHER_REQ = const(0x46)
_SI_REQ = const(0x47)

ERR_NOT_ACTIVE = const(2)

BLOCK = const(23)  # octets
SACCH_HEAD = const(2)  # MS power level and timing advance
_HEAD = const(8)
_LARGEST = const(64)
_FULL_RATE = const(1)  # codec
FRAME = const(33)  # octets of a full rate speech frame


class Mailbox:
    """The baseband of `port` (board.l1).

    After `receive` has said True, `type`, `chan_nr`, `link_id`, `length` and `fn` are those of the message, and the
    views on its payload are valid till the next one. A block to send is written into `out` or, of a SACCH, `sacch_out`.
    """

    def __init__(self, port):
        self._port = port
        self._up = bytearray(_LARGEST)
        up = memoryview(self._up)
        self.payload = up[_HEAD:]
        self.block = up[_HEAD : _HEAD + BLOCK]
        self.sacch_block = up[_HEAD + SACCH_HEAD : _HEAD + BLOCK]
        self.speech = up[_HEAD + 1 : _HEAD + 1 + FRAME]
        self.no_speech = up[:0]
        self._down = bytearray(_LARGEST)
        down = memoryview(self._down)
        self.out = down[_HEAD : _HEAD + BLOCK]
        self.sacch_out = down[_HEAD + SACCH_HEAD : _HEAD + BLOCK]
        self.type = self.chan_nr = self.link_id = self.length = self.fn = 0
        self.bad = self.refused = 0  # messages up that were none; messages down that the queue did not take

    @property
    def present(self):
        return self._port.read(_ID) == _ID_VALUE

    def start(self, settings, slots, blocks):
        """Switch the radio on: `slots` is what each time slot is used for, `blocks` (index, octets) of each SI."""
        port = self._port
        port.write(_CTRL, _CTRL_RESET)
        port.write(_BAND, _GSM_900 if settings["arfcn"] <= _HIGHEST_GSM_900 else _DCS_1800)
        port.write(_ARFCN_C0, settings["arfcn"])
        port.write(_ARFCN_DED, settings["arfcn_dedicated"])
        port.write(_BSIC, settings["bsic"])
        for tn in range(8):
            port.write(_TSCFG + tn, slots[tn])
            port.write(_AUDIO_ROUTE + tn, 0)
        port.write(_IRQ_EN, _IRQ_MESSAGE)
        for index, block in blocks:
            self.system_information(index, block)
        port.write(_CTRL, _CTRL_ENABLE)

    def acknowledge(self):
        """Clear the interrupt, if there is one, before the queue is drained."""
        if self._port.irq.value():
            self._port.write(_IRQ_STAT, _IRQ_ALL)

    # -- up -----------------------------------------------------------------------------------------------------------

    def receive(self):
        """Take the next message; False when none waits."""
        up = self._up
        while True:
            n = self._port.recv_into(up)
            if n <= 0:
                return False
            if n >= _HEAD and n == _HEAD + up[3]:
                break
            self.bad += 1
        self.type, self.chan_nr = up[0], up[1]
        self.link_id, self.length = up[2], up[3]
        self.fn = up[5] << 16 | up[6] << 8 | up[7]  # below 2715648
        return True

    # -- down ---------------------------------------------------------------------------------------------------------

    def data(self, chan_nr, link_id, fn):
        """Send the block in `out` for the frame number that RTS.ind gave."""
        down = self._down
        down[5] = fn >> 16 & 0xFF
        down[6], down[7] = fn >> 8 & 0xFF, fn & 0xFF
        return self._send(_DATA_REQ, chan_nr, link_id, BLOCK)

    def sacch(self, chan_nr, fn, power, advance):
        """The same with `sacch_out`."""
        self._down[_HEAD], self._down[_HEAD + 1] = power, advance
        return self.data(chan_nr, SACCH, fn)

    def grant(self, block):
        """Send a block (23 octets) on the AGCH."""
        return self._common(_AGCH_LINK, block)

    def page(self, block, group):
        """Send a block in the next PCH block of a paging group."""
        return self._common(_PCH_LINK, block + bytes((group,)))

    def _common(self, link_id, payload):
        self._no_frame()
        return self._put(_DATA_REQ, PCH_AGCH, link_id, payload)

    def speak(self, chan_nr, frame):
        """Send a full rate speech frame in the next speech block."""
        self._no_frame()
        down = self._down
        down[_HEAD] = _FULL_RATE
        for i in range(FRAME):
            down[_HEAD + 1 + i] = frame[i]
        return self._send(_TCH_REQ, chan_nr, MAIN, 1 + FRAME)

    def activate(self, chan_nr, advance, power):
        return self._put(_ACT_REQ, chan_nr, MAIN, (advance, power))

    def deactivate(self, chan_nr):
        return self._put(_DEACT_REQ, chan_nr, MAIN, ())

    def mode(self, chan_nr, speech):
        return self._put(_MODE_REQ, chan_nr, MAIN, (1 if speech else 0,))

    def cipher(self, chan_nr, algorithm, key):
        """`algorithm`: 0 none, n: A5/n; `key`: eight octets."""
        return self._put(_CIPHER_REQ, chan_nr, MAIN, bytes((algorithm,)) + key)

    def system_information(self, index, block):
        """Broadcast SI 1..4 from now on, 23 octets, or SI 5 and 6 on each SACCH, 21 octets."""
        link_id = SACCH if index in (5, 6) else MAIN
        return self._put(_SI_REQ, BCCH, link_id, bytes((index,)) + block)

    def _put(self, kind, chan_nr, link_id, payload):
        self._no_frame()
        for i in range(len(payload)):
            self._down[_HEAD + i] = payload[i]
        return self._send(kind, chan_nr, link_id, len(payload))

    def _no_frame(self):
        self._down[5] = self._down[6] = self._down[7] = 0

    def _send(self, kind, chan_nr, link_id, n):
        down = self._down
        down[0], down[1] = kind, chan_nr
        down[2], down[3] = link_id, n
        if self._port.send(down, _HEAD + n):
            return True
        self.refused += 1
        return False
