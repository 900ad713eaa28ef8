"""The normalised LMS filter of CMSIS-DSP in 32-bit floating point (arm_lms_norm_f32), in its Python wheel."""

import numpy as np

from femtohost.audio import to_int16
from femtohost.measure.peers import Missing, Peer
from femtohost.measure.peers.nlms import STEP

FRAME = 80
FULL_SCALE = 32768.0


class CmsisDsp:
    """A filter without any control. The wheel returns its output, from which Sout follows."""

    def __init__(self, taps):
        try:
            import cmsisdsp
        except ImportError as error:
            raise Missing(str(error)) from None
        self._run = cmsisdsp.arm_lms_norm_f32
        self._filter = cmsisdsp.arm_lms_norm_instance_f32()
        self._unused = np.zeros(FRAME)
        cmsisdsp.arm_lms_norm_init_f32(self._filter, taps, np.zeros(taps), np.zeros(taps + FRAME - 1), STEP)

    def process(self, rin, sin):
        far, near = rin / FULL_SCALE, sin / FULL_SCALE
        left = np.empty(len(sin))
        for i in range(0, len(sin), FRAME):
            part = slice(i, i + FRAME)
            left[part] = near[part] - self._run(self._filter, far[part], near[part], self._unused)
        return to_int16(left * FULL_SCALE)


PEER = Peer("CMSIS-DSP", CmsisDsp, FRAME, "pip install cmsisdsp", f"float32 NLMS, mu {STEP:g}, in its wheel")
