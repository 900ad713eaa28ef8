"""What the cell says on BCCH, CCCH and SACCH (TS 44.018 9.1): whole blocks, with the L2 pseudo length and padding."""

from micropython import const

from femtojack.gsm.l3 import PD_RR, with_length

_BLOCK = const(23)  # octets of a block
_SACCH_BLOCK = const(21)  # without its L1 header
_PADDING = b"\x2b"  # TS 44.006 5.2: also what rest octets say when they say nothing, TS 44.018 10.5.2

_SI1 = const(0x19)  # TS 44.018 table 10.4.1
_SI2 = const(0x1A)
_SI3 = const(0x1B)
_SI4 = const(0x1C)
_SI5 = const(0x1D)
_SI6 = const(0x1E)
_IMMEDIATE_ASSIGNMENT = const(0x3F)
_IMMEDIATE_ASSIGNMENT_REJECT = const(0x3A)
_PAGING_REQUEST_1 = const(0x21)

_SAME_AS_BEFORE = const(3)  # page mode, TS 44.018 10.5.2.26
_ALL_NCC = const(0xFF)  # NCC permitted
_HIGHEST_BITMAP_0 = const(124)  # ARFCN, TS 44.018 10.5.2.13.2

_MAX_RETRANSMISSIONS = const(3)  # code for 7, TS 44.018 table 10.5.2.29.1
_TX_INTEGER = const(9)  # code for 12 slots
_NO_REESTABLISHMENT = const(1)
_NO_EMERGENCY = const(0x04)  # EC of the access classes' first octet

_NO_DTX = const(2)  # uplink: shall not be used, TS 44.018 table 10.5.2.3.1
RADIO_LINK_TIMEOUT = const(7)  # code for 32 SACCH blocks
_HYSTERESIS = const(2)  # 4 dB
_MAX_POWER = const(14)  # MS_TXPWR_MAX_CCH: 15 dBm in GSM 900, 2 dBm in DCS 1800; a small cell

AGCH_BLOCKS = const(1)  # BS_AG_BLKS_RES
PAGING_MULTIFRAMES = const(2)  # BS_PA_MFRMS
_ATTACH = const(0x40)  # IMSI attach and detach are wanted
_COMBINED = const(1)  # CCCH_CONF
_DECIHOUR = const(6)  # minutes, the unit of T3212


class Broadcast:
    """The blocks that follow from the settings (section gsm of femtojack.config) and the location area `lai`."""

    def __init__(self, settings, lai):
        self._lai = lai
        self._cell_identity = bytes((settings["cell_id"] >> 8, settings["cell_id"] & 0xFF))
        self._combined = settings["combined"]
        self._t3212 = min(settings["periodic_update"] // _DECIHOUR, 255)
        retries = _MAX_RETRANSMISSIONS << 6 | _TX_INTEGER << 2 | _NO_REESTABLISHMENT
        self._rach_control = bytes((retries, 0 if settings["emergency"] else _NO_EMERGENCY, 0))
        self._cell_options = bytes((_NO_DTX << 4 | RADIO_LINK_TIMEOUT,))
        self._selection = bytes((_HYSTERESIS << 5 | _MAX_POWER, 0))
        self._frequencies = sorted({settings["arfcn"], settings["arfcn_dedicated"]})

    def blocks(self):
        """(index, octets) of every system information: 23 octets, SI 5 and 6 21."""
        return (
            (1, _block(_SI1, frequency_list(self._frequencies) + self._rach_control)),
            (2, _block(_SI2, frequency_list(()) + bytes((_ALL_NCC,)) + self._rach_control)),
            (3, _block(_SI3, self._si3())),
            (4, _block(_SI4, self._lai + self._selection + self._rach_control)),
            (5, _sacch_block(_SI5, frequency_list(()))),
            (6, _sacch_block(_SI6, self._cell_identity + self._lai + self._cell_options + bytes((_ALL_NCC,)))),
        )

    def _si3(self):
        control = bytes((_ATTACH | AGCH_BLOCKS << 3 | self._combined, PAGING_MULTIFRAMES - 2, self._t3212))
        return self._cell_identity + self._lai + control + self._cell_options + self._selection + self._rach_control

    @property
    def paging_groups(self):
        """N of TS 45.002 6.5.2: paging blocks in BS_PA_MFRMS multiframes."""
        return ((3 if self._combined else 9) - AGCH_BLOCKS) * PAGING_MULTIFRAMES


def frequency_list(arfcns):
    """16 octets of a cell channel or neighbour cell description (TS 44.018 10.5.2.1b): bit map 0, or variable."""
    highest = max(arfcns) if arfcns else 0
    octets = bytearray(16)
    first = 0
    if highest > _HIGHEST_BITMAP_0:
        first = min(arfcns)
        octets[0], octets[1], octets[2] = 0x8E | first >> 9, first >> 1 & 0xFF, (first & 1) << 7
    for arfcn in arfcns:
        if first:
            if arfcn > first:  # bit 8 of octet 2 is ORIG-ARFCN's last, then come RRFARFCN 1 to 111
                place = 16 + arfcn - first
                octets[place >> 3] |= 0x80 >> (place & 7)
        else:
            octets[15 - (arfcn - 1 >> 3)] |= 1 << (arfcn - 1 & 7)
    return bytes(octets)


def request_reference(ra, fn):
    """Which RACH burst is meant: RA and its frame number modulo 42432, TS 44.018 10.5.2.30."""
    t1, t2, t3 = fn // 1326 % 32, fn % 26, fn % 51
    return bytes((ra, t1 << 3 | t3 >> 3, (t3 & 7) << 5 | t2))


def immediate_assignment(description, reference, advance):
    """A dedicated channel for the burst `reference`, without hopping."""
    body = bytes((_SAME_AS_BEFORE,)) + description + reference + bytes((advance, 0))
    return _block(_IMMEDIATE_ASSIGNMENT, body)


def immediate_assignment_reject(refusals):
    """Up to four refusals, each a request reference and the seconds to wait (T3122); the last fills the places left."""
    body = bytes((_SAME_AS_BEFORE,))
    for i in range(4):
        body += refusals[min(i, len(refusals) - 1)]
    return _block(_IMMEDIATE_ASSIGNMENT_REJECT, body)


def paging_request(identity):
    """Paging request type 1 for one mobile identity (its value)."""
    return _block(_PAGING_REQUEST_1, b"\0" + with_length(identity))


def _block(kind, body):
    """L2 pseudo length, RR message, rest octets."""
    return (bytes((2 + len(body) << 2 | 1, PD_RR, kind)) + body + _PADDING * _BLOCK)[:_BLOCK]


def _sacch_block(kind, body):
    """A UI frame of SAPI 0, format B4 (TS 44.006 2.1): its length octet is the L2 pseudo length."""
    return (bytes((0x03, 0x03, 2 + len(body) << 2 | 1, PD_RR, kind)) + body + _PADDING * _SACCH_BLOCK)[:_SACCH_BLOCK]
