"""The voice path: PCM port, echo canceller, codec; blocks of 10 ms, of which two make a frame to send.

    line -> captured (Sin) -> canceller -> Sout -> encoder -> stream.frame_out
    line <- play <- decoder <- stream.fetch()            ref (Rin) -> canceller

Nothing is allocated per block.
"""

from array import array

from femtojack.board import BLOCK, VOICE_COMFORT_NOISE, VOICE_NLP


class VoicePath:
    """One telephone's audio. `config` is the "voice" section.

    A stream, while attached, has `encode(pcm, octets)` and `decode(octets, pcm)`, `frame_out`: 160 octets to fill,
    `send()`, and `fetch() -> bytes-like of 80 octets, 10 ms, or None` for silence. The canceller runs while one is
    attached; what it has learnt of the line stays from call to call.
    """

    def __init__(self, board, config):
        self._exchange = board.pcm.exchange
        self._process = board.voice.ec_process
        self._captured = array("h", bytes(2 * BLOCK))
        self._ref = array("h", bytes(2 * BLOCK))
        self._sout = array("h", bytes(2 * BLOCK))
        self._silence = array("h", bytes(2 * BLOCK))
        self._decoded = array("h", bytes(2 * BLOCK))
        self._play = self._silence
        self._canceller = _canceller(board.voice, config)
        self._stream = None
        self._out = None
        self._half = 0

    def attach(self, stream):
        out = memoryview(stream.frame_out)
        self._out = (out[:BLOCK], out[BLOCK:])
        self._half = 0
        self._stream = stream
        self._fetch()

    def detach(self):
        self._stream = None
        self._play = self._silence

    def step(self):
        """Exchange every block that is due."""
        while self._exchange(self._play, self._captured, self._ref):
            if self._stream:
                self._block()

    def _block(self):
        self._process(self._canceller, self._ref, self._captured, self._sout)
        self._stream.encode(self._sout, self._out[self._half])
        self._half ^= 1
        if self._half == 0:
            self._stream.send()
        self._fetch()

    def _fetch(self):
        """The next block to play; silence where the network has none."""
        octets = self._stream.fetch()
        if octets is None:
            self._play = self._silence
        else:
            self._stream.decode(octets, self._decoded)
            self._play = self._decoded


def _canceller(voice, config):
    """The canceller's state, initialised."""
    flags = VOICE_NLP if config["nlp"] else 0
    if config["nlp"] and config["comfort_noise"]:
        flags |= VOICE_COMFORT_NOISE
    state = bytearray(voice.ec_size(config["taps"]))
    voice.ec_init(state, config["taps"], flags)
    return state
