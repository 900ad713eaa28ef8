"""What real phones said to a real network, said again to the box: it answers with the same messages.

Layer 3 of the uplink is the trace's, message by message, each once what came before it in the trace has come here too;
frame numbers are the box's, and TMSI and the answer to RAND are those that belong to the box's. The traces: GSM_TRACES
names a folder of pcap files, of two phones (IMSI 00101000000000N) with the numbers 1001 and 1002.
"""

import os
import subprocess
from pathlib import Path

import pytest
from programs import find, needs
from um_handset import Handset
from um_oracle import parse_NAS_MT
from um_trace import read

from femtohost.emulator import Emulator
from femtohost.errors import VirtualTimeout
from femtohost.store import MemoryStore

FOLDER = os.environ.get("GSM_TRACES")
TRACES = sorted(Path(FOLDER).glob("*.pcap")) if FOLDER else [None]
pytestmark = [
    needs("tshark", package="tshark"),
    pytest.mark.skipif(not FOLDER, reason="no traces: GSM_TRACES should name a folder of them"),
]
IMSIS = {"001010000000001": "1001", "001010000000002": "1002"}
PATIENCE_S = 10
PAGING_RESPONSE = bytes((0x06, 0x27))
UPDATE_ACCEPT, AUTH_REQUEST, AUTH_RESPONSE = bytes((0x05, 0x02)), bytes((0x05, 0x12)), 0x0514
TMSI_ELEMENT = bytes.fromhex("1705f4")  # in LOCATION UPDATING ACCEPT
TMSI_IDENTITY = bytes.fromhex("05f4")  # in what phones say of themselves
KEY_REFUSED, KEY_TAKEN = bytes((0x83, 0x37)), bytes((0x83, 0x36, 0x2C, 0x31))  # START DTMF REJECT, ACKNOWLEDGE
TEXT = bytes((0x09, 0x01))  # CP-DATA
CP_ACK = bytes((0x04,))
RP_ANSWER = bytes((0x89, 0x01))  # CP-DATA to what the network began
RP_ERROR = 0x04
KC = bytes(8)


class Replay:
    """A trace over the air of a box. `came` are, by connection, the messages of the box; in `missing` are those
    connections that only the network of the trace wanted."""

    def __init__(self, trace):
        self.trace = trace
        self._answers = self._find_answers()
        store = MemoryStore()
        for imsi in IMSIS:
            store.put(f"gsm-auth-{imsi}", b"".join(rand + sres + KC for rand, sres in self._answers.items()))
        listed = " ".join(f"{imsi}={number}" for imsi, number in IMSIS.items())
        ciphers = any(step.octets[:2] == b"\x06\x35" for step in trace.steps)
        settings = {
            "enabled": True, "subscribers": listed, "cipher": int(ciphers),
            "authentication": "required" if self._answers else "off",
        }  # fmt: skip
        self.box = Emulator(config={"gsm": settings}, store=store, keep_trace=False)
        self._air = self.box.air
        self._tmsis = {}  # the trace's: the box's
        self._rand = None
        self._text_refused = False
        self.missing = set()
        self._reference = {}  # of the text on a connection
        self._camper = self._handset()
        self._handsets = [self._handset() for _ in trace.bursts]
        self.came = [[] for _ in trace.bursts]

    def _handset(self):
        return Handset(self.box.clock, self._air, 50)

    def _find_answers(self):
        """{RAND: SRES} of the trace."""
        asked, answers = {}, {}
        for step in self.trace.steps:
            if step.octets.startswith(AUTH_REQUEST):
                asked[step.connection] = step.octets[3:19]
            elif step.uplink and step.octets[0] == 0x05 and step.octets[1] & 0x3F == 0x14:
                answers[asked[step.connection]] = step.octets[2:6]
        return answers

    def run(self):
        self._until(lambda: self._camper.camped)
        self._register_strangers()
        for step in self.trace.steps:
            if step.connection in self.missing:
                continue
            if step.uplink:
                self._say(step)
            else:
                self._listen(step)
        self.box.run_for(5)
        for came, handset in zip(self.came, self._handsets, strict=True):
            came += handset.heard[len(came) :]

    def _until(self, condition):
        self.box.run_until(condition, timeout_s=PATIENCE_S)

    def _register_strangers(self):
        """Phones that were registered before the trace began."""
        known = [step.octets.partition(TMSI_ELEMENT)[2][:4] for step in self.trace.steps if not step.uplink]
        used = [step.octets.partition(TMSI_IDENTITY)[2][:4] for step in self.trace.steps if step.uplink]
        strangers = dict.fromkeys(tmsi for tmsi in used if tmsi and tmsi not in known)
        for tmsi, imsi in zip(strangers, IMSIS, strict=False):
            phone = self.box.gsm.add(imsi)
            phone.power_on()
            self._until(lambda phone=phone: phone.registered and phone.state == "idle")
            self._tmsis[tmsi] = phone.tmsi
            phone.pull_battery()

    def _say(self, step):
        handset = self._handsets[step.connection]
        octets = step.octets
        for old, new in self._tmsis.items():
            octets = octets.replace(old, new)
        if octets[0] == 0x05 and octets[1] & 0x3F == 0x14:
            octets = octets[:2] + self._answers[self._rand]
        if octets.startswith(RP_ANSWER):
            self._text_refused |= octets[3] == RP_ERROR
            octets = octets[:4] + self._reference[step.connection] + octets[5:]
        if handset.channel:
            handset.say(octets, step.sapi)
            return
        if octets.startswith(PAGING_RESPONSE) and not self._paged(octets[-4:]):
            self.missing.add(step.connection)
            return
        self._until(lambda: handset.camped)
        handset.access(self.trace.bursts[step.connection], octets)
        self._until(lambda: handset.channel)

    def _paged(self, tmsi):
        """False: the box does not, because it lets a text that was refused be."""
        try:
            self._until(lambda: any(who == tmsi for _, who in self._camper.pages))
        except VirtualTimeout:
            if not self._text_refused:
                raise
            return False
        self._camper.pages.clear()
        return True

    def _listen(self, step):
        came, handset = self.came[step.connection], self._handsets[step.connection]
        try:
            self._until(lambda: len(handset.heard) > len(came))
        except VirtualTimeout:
            return
        message = handset.heard[len(came)]
        came.append(message)
        if message.startswith(UPDATE_ACCEPT):
            self._tmsis[step.octets[-4:]] = message.partition(TMSI_ELEMENT)[2][:4]
        elif message.startswith(AUTH_REQUEST):
            self._rand = message[3:19]
        elif message.startswith(TEXT):
            self._reference[step.connection] = message[4:5]


def name(octets):
    message, _ = parse_NAS_MT(octets)
    return message._name if message else octets.hex()


# What of a message the standard leaves to the network: {name: what is left when that is taken out}; in the others
# every octet is the same.
CHOICES = {
    "MMIdentityRequest": lambda octets: octets[:2],  # IMEI or IMEISV
    "MMAuthenticationRequest": lambda octets: octets[:2],
    "MMLocationUpdatingAccept": lambda octets: octets[:-4],  # TMSI
    "RRAssignmentCmd": lambda octets: octets[6:7],  # the channel, the power on it, the codec
    "CCSetupMT": lambda octets: (octets[:2], octets[-7:-5], octets[-2:]),  # all but the numbers' digits
    "CCConnectMT": lambda octets: (octets[:2], octets[-2:]),
    "CCDisconnectMT": lambda octets: (octets[:-2], octets[-1]),  # where the cause lies
    "CCReleaseMT": lambda octets: (octets[:-2], octets[-1]),
    "CCStartDTMFAcknowledge": lambda octets: octets[:2],
    "CP_DATA": lambda octets: octets[-14:] if len(octets) > 14 else octets,  # of a text, all but its end
}  # fmt: skip


def essence(octets):
    return CHOICES.get(name(octets), bytes)(octets)


def wanted(steps):
    """What the box should say where the network of the trace said `steps`."""
    octets = [step.octets for step in steps]
    if any(message.startswith(KEY_REFUSED) for message in octets):  # that network has no DTMF; ours has
        octets = [KEY_TAKEN if message.startswith(KEY_REFUSED) else message for message in octets]
    return octets


def without_last_cp_ack(messages):
    """Of a text to a phone: the network of the traces leaves it out, against TS 24.011 5.3.2."""
    return [message for at, message in enumerate(messages) if at == 0 or message[1:] != CP_ACK or message[0] & 0x80]


@pytest.mark.parametrize("path", TRACES, ids=lambda path: path.stem if path else "none")
def test_replay(path, tmp_path):
    capture = tmp_path / "trace.pcapng"
    subprocess.run([find("tshark"), "-r", path, "-F", "pcapng", "-w", capture], check=True, capture_output=True)
    replay = Replay(read(capture))
    replay.run()
    for number, came in enumerate(replay.came):
        if number in replay.missing:
            continue
        there = wanted(step for step in replay.trace.steps if step.connection == number and not step.uplink)
        here = without_last_cp_ack(came)
        assert [name(octets) for octets in here] == [name(octets) for octets in there]
        assert [essence(octets) for octets in here] == [essence(octets) for octets in there]
    assert replay.box.misuse == []
