"""Captures of Um read by others: layer 3 by pycrate, whole frames by Wireshark."""

import contextlib
import io
from dataclasses import dataclass

from capture import dissect
from osmocom.um import AGCH, BCCH, FACCH, PCH, SACCH, SDCCH4, SDCCH8, Frame
from pcapng import FileScanner
from pcapng.blocks import EnhancedPacket

from femtohost.capture.ip import IPV4_PACKETS

with contextlib.redirect_stderr(io.StringIO()):  # it tells what it lacks
    from pycrate_mobile.NAS import parse_NAS_MO, parse_NAS_MT

LONG = 600  # s that Wireshark may take for an hour of frames
OFFSETS = {217: 0, IPV4_PACKETS: 28, 1: 42}  # by link type, where GSMTAP begins: itself, behind UDP, on Ethernet
COMMON, DEDICATED = (BCCH, AGCH, PCH), (SDCCH4, SDCCH8, FACCH)
UI, UA, SABM = 0x03, 0x63, 0x2F  # control octets without P/F, TS 44.006 table 4
POLL = 0x10
NO_IDENTITY = bytes.fromhex("1506210001f0")  # a page for nobody; pycrate does not keep the filler in its last octet
FILL = 0x01  # the length octet of nothing
SI_5_TO_6 = range(0x1D, 0x1F)  # message types
MALFORMED_OR_ERROR = "_ws.malformed || _ws.expert.severity == error"


@dataclass(frozen=True)
class Message:
    """One of layer 3. `pseudo` are its octets with the pseudo length that belongs to it in TS 44.018, or none."""

    uplink: bool
    octets: bytes
    pseudo: bool = False

    def complaint(self):
        """What pycrate has against it, or None: it reads it, and writes the same octets."""
        if self.pseudo and self.octets.startswith(NO_IDENTITY):
            return None
        parse = parse_NAS_MO if self.uplink else parse_NAS_MT
        message, error = parse(self.octets, **({"wl2": True} if self.pseudo else {}))
        if error:
            return f"cause {error}: {self.octets.hex()}"
        again = message.to_bytes()
        return None if again == self.octets else f"{message._name} {self.octets.hex()} becomes {again.hex()}"


def frames(path):
    """Those of Um in a pcapng file, in order."""
    with open(path, "rb") as file:
        for block in FileScanner(file):
            if not isinstance(block, EnhancedPacket):
                continue
            offset = OFFSETS.get(block.interface.link_type)
            if offset is not None and (frame := Frame.parse(block.packet_data[offset:])):
                yield frame


class Reassembly:
    """The messages of layer 3 of frames in order; what a link repeats is there once."""

    def __init__(self):
        self._links = {}

    def messages(self, frame):
        """Those that `frame` completes: none or one."""
        channel, on_sacch = frame.channel & ~SACCH, bool(frame.channel & SACCH)
        if len(frame.payload) != 23:
            return []
        if channel in COMMON and not on_sacch:
            return self._common(frame)
        if channel in DEDICATED:
            key = frame.arfcn, frame.tn, channel, frame.subslot, on_sacch, frame.uplink
            return self._link(key, frame.payload[2:] if on_sacch else frame.payload)
        return []

    def _common(self, frame):
        """Fill has no layer 3; rest octets belong to the message."""
        if frame.payload[0] & 3 != 1:
            return []
        return [Message(False, frame.payload, True)]

    def _link(self, key, block):
        address, control, length = block[:3]
        *place, uplink = key
        sapi = address >> 2 & 7
        if control & ~POLL == UI and length != FILL:
            return [self._unit(uplink, block)]
        if control & ~POLL in (SABM, UA):
            for way in (False, True):
                self._links.pop((*place, way, sapi), None)
        if control & ~POLL == UA and not uplink:
            return []  # what it holds is the phone's own
        information = block[3 : 3 + (length >> 2)]
        if control & 1:  # SABM, or nothing
            return [Message(uplink, information)] if information else []
        return self._numbered((*key, sapi), uplink, control >> 1 & 7, bool(length & 2), information)

    def _unit(self, uplink, block):
        if not uplink and block[4] in SI_5_TO_6:
            return Message(uplink, block[2:], True)
        return Message(uplink, block[3 : 3 + (block[2] >> 2)])

    def _numbered(self, link, uplink, number, more, information):
        last, begun = self._links.get(link, (None, b""))
        if number == last:
            return []
        whole = begun + information
        self._links[link] = number, whole if more else b""
        return [] if more else [Message(uplink, whole)]


def layer3(path):
    """Every Message of the capture `path`."""
    reassembly = Reassembly()
    return [message for frame in frames(path) for message in reassembly.messages(frame)]


def pycrate_complaints(path):
    """What pycrate has against the messages in `path`, each told once."""
    return [complaint for message in dict.fromkeys(layer3(path)) if (complaint := message.complaint())]


def wireshark_complaints(path, which="gsmtap"):
    """[(frame, direction, what, expert message)] of frames that Wireshark finds malformed or wrong."""
    fields = "frame.number", "gsmtap.uplink", "_ws.col.Info", "_ws.expert.message"
    return dissect(path, f"({which}) && ({MALFORMED_OR_ERROR})", *fields, seconds=LONG)
