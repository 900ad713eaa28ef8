"""The RTP session of one call, G.711 in 20 ms packets: the network's leg of the bridge.

Keys go as events where both ends want that (femtojack.voice.telephone_event); the media of the telephone on the line,
whose keys are tones already, does not.
"""

from array import array

from micropython import const

from femtojack.board import BLOCK
from femtojack.sip import sdp
from femtojack.sip.rtp import HEADER, RtpReceiver, RtpSender
from femtojack.voice.jitter import EMPTY, OK, JitterBuffer

_LARGEST = const(700)  # octets of a datagram: header, 15 contributing sources, an extension, 60 ms
_BRIDGE = const(2)  # blocks
_PIECE = const(80)  # octets of 10 ms: packets of any whole number of them are played
_ULAW_SILENCE = const(0xFF)
_ALAW_SILENCE = const(0xD5)


class Packet:
    """Where a datagram is taken in. Ports that are drained one after the other share one."""

    def __init__(self):
        self.octets = bytearray(_LARGEST)
        self._view = memoryview(self.octets)
        self.pieces = self.cut(HEADER)  # after a plain header

    def cut(self, start):
        """Views of the pieces of a packet whose payload begins at `start`."""
        return [self._view[i : i + _PIECE] for i in range(start, _LARGEST - _PIECE + 1, _PIECE)]


class Media:
    """One RTP port and at most one call on it.

    `packet`: one that it shares with other ports; by default its own. `tells_keys`: offer and take telephone-event in
    the next call. `sender` and `receiver` are those of femtojack.voice.telephone_event, None without.
    """

    def __init__(self, board, port, packet=None, sender=None, receiver=None):
        self._key, self._tone = sender, receiver
        self.tells_keys = sender is not None
        self._events = None  # payload type that the far end wants them with
        self._voice = board.voice
        self._entropy = board.entropy
        self._address = board.udp.address
        self._port = port
        self._socket = board.udp.open(port)
        self._packet = packet or Packet()
        self._source = bytearray(6)
        self._remote = bytearray(6)
        self._per_packet = 0  # pieces in the far end's packets
        self._heard = bytearray(_PIECE)
        self._jitter = self._receiver = self._sender = None
        self._sends = False
        self._codec = -1
        self._bridged = 0
        self._session = 0
        self._encode = self._decode = None
        self._decoded = array("h", bytes(2 * BLOCK))
        self._silence = None  # a piece
        self._halves = None  # of the frame to send
        self._half = 0
        self.running = False

    # -- what the call control asks for ---------------------------------------------------------------------------

    def offer(self):
        """SDP of an offer."""
        self._session += 1
        events = sdp.EVENTS if self.tells_keys else None
        return sdp.offer(self._address, self._port, self._session, events=events)

    def answer(self, remote):
        """SDP of the answer to `remote`, or an offer where the far end made none; None if there is no common codec."""
        if remote is None:
            return self.offer()
        self._session += 1
        return sdp.answer(remote, self._address, self._port, self._session, events=self.tells_keys)

    def start(self, remote):
        """Talk to `remote` (femtojack.sip.sdp.Session); again with another to go on there. Unusable: silence."""
        if remote is None or not remote.usable:
            return
        self._remote[:] = remote.address + bytes((remote.port >> 8, remote.port & 0xFF))
        self._sends = remote.hears
        if not self.running or remote.codec != self._codec:
            self._begin(remote.codec)
        self._events = remote.events if self.tells_keys else None
        self._receiver.events = -1 if self._events is None else self._events

    def stop(self):
        self.running = False
        self.let_go()

    def press(self, key):
        """Tell the far end that `key` is held, until `let_go`. False: it has to be heard instead."""
        if self._events is None or not self.running:
            return False
        self._key.start(key)
        return True

    def let_go(self):
        if self._key:
            self._key.let_go()

    def _begin(self, codec):
        self._codec = codec
        ulaw = codec == 0
        self._encode = self._voice.ulaw_encode if ulaw else self._voice.alaw_encode
        self._decode = self._voice.ulaw_decode if ulaw else self._voice.alaw_decode
        random = bytearray(10)
        self._entropy(random)
        self._sender = RtpSender(random[:4], codec, random[4:])
        self._receiver = RtpReceiver(codec)
        self._jitter = JitterBuffer(_PIECE)
        self._per_packet = 0
        self._bridged = 0
        for keys in (self._key, self._tone):
            if keys:
                keys.stop()
        self._silence = memoryview(bytes((_ULAW_SILENCE if ulaw else _ALAW_SILENCE,)) * _PIECE)
        frame = self._sender.payload
        self._halves = (frame[:BLOCK], frame[BLOCK:])
        self._half = 0
        self.running = True

    def catch_up(self):
        """Nobody has listened for a while: what waits is old."""
        if self.running:
            self._jitter.reset()

    def counters(self):
        """Of this call or the last one: frames received, lost on the way, late, refused; and the times play ran dry."""
        if self._receiver is None:
            return {"received": 0, "lost": 0, "late": 0, "bad": 0, "underruns": 0}
        return {
            "received": self._receiver.received,
            "lost": self._receiver.lost,
            "late": self._jitter.late,
            "bad": self._receiver.bad,
            "underruns": self._jitter.underruns,
        }

    # -- input ----------------------------------------------------------------------------------------------------

    def step(self):
        """Take in every datagram that waits."""
        while True:
            n = self._socket.recv_into(self._packet.octets, self._source)
            if n < 0:
                return
            if self.running and self._receiver.parse(self._packet.octets, n):
                if self._receiver.is_event:
                    self._take_event()
                else:
                    self._take()

    def _take(self):
        """Put the packet's pieces where they belong. Their number is that of the packet times the pieces in one."""
        start, count = self._receiver.start, self._receiver.length // _PIECE
        if count != self._per_packet:
            self._per_packet = count
            self._jitter.reset()
        pieces = self._packet.pieces if start == HEADER else self._packet.cut(start)
        first = self._receiver.sequence * count
        for i in range(count):
            self._jitter.put((first + i) & 0xFFFF, pieces[i])

    def _take_event(self):
        """A key; the speech that it stands for is silence."""
        receiver = self._receiver
        self._tone.take(self._packet.octets, receiver.start, receiver.length)
        first = receiver.sequence * self._per_packet
        for i in range(self._per_packet):
            self._jitter.put((first + i) & 0xFFFF, self._silence)

    # -- the leg of the bridge ------------------------------------------------------------------------------------

    def put(self, pcm):
        """Send `pcm`; two blocks make a frame."""
        self._encode(pcm, self._halves[self._half])
        self._half ^= 1
        if self._half == 0:
            self._send()

    def get(self):
        """The next 10 ms that the far end said; None is silence."""
        octets = self._fetch()
        if self._tone and self._tone.sounding:
            return self._tone.block()
        if octets is None:
            return None
        self._decode(octets, self._decoded)
        return self._decoded

    def _send(self):
        sender = self._sender
        sender.next()
        if not self._sends:
            return
        key = self._key
        if key and key.sounding and self._events is not None:
            key.next(sender.packet, self._events)
            self._socket.send(key.packet, len(key.packet), self._remote)
        else:
            self._socket.send(sender.packet, len(sender.packet), self._remote)

    def _fetch(self):
        """80 octets to play now; None is silence. What is lost is bridged for 20 ms by the block before it."""
        state = self._jitter.get(self._heard)
        if state == OK:
            self._bridged = 0
        elif state == EMPTY or self._bridged == _BRIDGE:
            return None
        else:
            self._bridged += 1
        return self._heard
