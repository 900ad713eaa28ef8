"""What phones and a network said to each other on Um, connection by connection, from a capture."""

from dataclasses import dataclass, field

from osmocom.um import RACH, SACCH
from um_handset import ASSIGNMENT_COMMAND, ASSIGNMENT_COMPLETE, IMMEDIATE_ASSIGNMENT
from um_oracle import Reassembly, frames

from femtohost.peers.gsm_rr import place_of, request_reference

MEASUREMENT_REPORT = bytes((0x06, 0x15))


@dataclass(frozen=True)
class Step:
    """A message of layer 3 of the connection with that number."""

    connection: int
    uplink: bool
    octets: bytes
    sapi: int


@dataclass
class Trace:
    """`bursts` are the random octets with which the connections began; `steps` in order of time, without what
    um_handset.Handset does of itself."""

    bursts: list = field(default_factory=list)
    steps: list = field(default_factory=list)


def read(path):
    """The Trace in a pcapng file; messages outside of a known channel are left out."""
    reader = _Reader()
    for frame in frames(path):
        reader.take(frame)
    return reader.trace


class _Reader:
    def __init__(self):
        self.trace = Trace()
        self._asked = {}  # request reference: random octet
        self._places = {}  # channel: connection
        self._said = {}  # connection: where it said what last
        self._reassembly = Reassembly()

    def take(self, frame):
        if frame.channel == RACH:
            ra = frame.payload[0]
            self._asked[request_reference(ra, frame.fn)] = ra
        for message in self._reassembly.messages(frame):
            if message.pseudo:
                self._common(message.octets)
            elif not message.octets.startswith((MEASUREMENT_REPORT, ASSIGNMENT_COMPLETE)):
                self._dedicated(frame, message)

    def _common(self, octets):
        ra = self._asked.pop(octets[7:10], None) if octets[2] == IMMEDIATE_ASSIGNMENT else None
        if ra is not None:
            self._places[place_of(octets[4:7])] = len(self.trace.bursts)
            self.trace.bursts.append(ra)

    def _dedicated(self, frame, message):
        place = frame.arfcn, frame.tn, frame.channel & ~SACCH, frame.subslot
        connection = self._places.get(place)
        if connection is None:
            return
        if message.uplink and self._again(connection, place, message.octets):
            return
        sapi = frame.payload[2 if frame.channel & SACCH else 0] >> 2 & 7
        self.trace.steps.append(Step(connection, message.uplink, message.octets, sapi))
        if message.octets.startswith(ASSIGNMENT_COMMAND):
            self._places[place_of(message.octets[2:5])] = connection

    def _again(self, connection, place, octets):
        """Whether a phone says on a new channel what it said last on the old one."""
        before, self._said[connection] = self._said.get(connection), (place, octets)
        return before is not None and before[0] != place and before[1] == octets
