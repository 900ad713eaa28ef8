"""WebRTC's AEC3, in the binding of LiveKit: echo canceller and suppressor in one."""

import numpy as np

from femtohost.audio import RATE
from femtohost.measure.peers import Missing, Peer

FRAME = 80  # 10 ms


class Aec3:
    """Its tail is its own choice; `taps` is not heard. The suppressor is always on."""

    def __init__(self, taps):
        try:
            from livekit.rtc import AudioFrame, AudioProcessingModule
        except ImportError as error:
            raise Missing(str(error)) from None
        self._frame = lambda samples: AudioFrame(bytearray(samples), RATE, 1, FRAME)
        self._module = AudioProcessingModule(echo_cancellation=True)

    def process(self, rin, sin):
        out = bytearray()
        for i in range(0, len(sin), FRAME):
            far, near = (self._frame(x[i : i + FRAME].tobytes()) for x in (rin, sin))
            self._module.process_reverse_stream(far)
            self._module.process_stream(near)
            out += near.data.tobytes()
        return np.frombuffer(out, np.int16)


PEER = Peer("WebRTC-AEC3", Aec3, FRAME, "pip install livekit", "suppressor always on, tail and delay its own")
