"""The voice path: PCM port and echo canceller, in blocks of 10 ms. It is the telephone's leg, and the bridge's clock.

    line -> captured (Sin) -> canceller -> Sout: get()
    line <- play (Rout): put()                      ref (Rin) -> canceller

Nothing is allocated per block.
"""

from array import array

from femtojack.board import BLOCK, VOICE_COMFORT_NOISE, VOICE_NLP


class VoicePath:
    """One telephone's audio. `config` is the "voice" section; `bridge` carries a block whenever the line exchanges one.

    The canceller runs while the line is in the bridge; what it has learnt of the line stays from call to call.
    """

    def __init__(self, board, config, bridge):
        self._exchange = board.pcm.exchange
        self._process = board.voice.ec_process
        self._bridge = bridge
        self._captured = array("h", bytes(2 * BLOCK))
        self._ref = array("h", bytes(2 * BLOCK))
        self._sout = array("h", bytes(2 * BLOCK))
        self._silence = array("h", bytes(2 * BLOCK))
        self._play = self._silence
        self._canceller = _canceller(board.voice, config)

    def step(self):
        """Exchange every block that is due."""
        while self._exchange(self._play, self._captured, self._ref):
            self._play = self._silence
            self._bridge.block()

    def get(self):
        """What the telephone said in this block, without its echo."""
        self._process(self._canceller, self._ref, self._captured, self._sout)
        return self._sout

    def put(self, pcm):
        """Play `pcm` next; it stays as it is until the next block."""
        self._play = pcm


def _canceller(voice, config):
    """The canceller's state, initialised."""
    flags = VOICE_NLP if config["nlp"] else 0
    if config["nlp"] and config["comfort_noise"]:
        flags |= VOICE_COMFORT_NOISE
    state = bytearray(voice.ec_size(config["taps"]))
    voice.ec_init(state, config["taps"], flags)
    return state
