"""The Board's `voice`: the native codecs and the echo canceller on array('h') and bytearray buffers."""

from _femtonative import ffi, lib

_buffer, _process = ffi.from_buffer, lib.ec_process  # looked up once: a block takes a few us
_PCM = ffi.typeof("int16_t[]")
_OCTETS = ffi.typeof("uint8_t[]")
_STATE = ffi.typeof("int32_t[]")


def _state(state):
    """A state that ec_init made; it begins with its own size."""
    view = _buffer(_STATE, state, True)
    if not len(view) or not 0 < view[0] <= len(state):
        raise ValueError(f"state of {len(state)} bytes was not initialised: ec_init(state, taps, flags) comes first")
    return view


def _convert(function, source, source_type, out, out_type):
    n = len(source)
    source, target = _buffer(source_type, source), _buffer(out_type, out, True)
    if not len(source) == len(target) == n:
        raise ValueError(f"{n} elements in, {len(target)} out: both lengths must be equal, PCM as array('h')")
    function(source, target, n)


def _gsm_state(state):
    """A state that gsm_fr_init made; it begins with GSM_FR_STATE, a canceller's never does."""
    view = _buffer(_STATE, state, True)
    if len(state) < lib.gsm_fr_size() or view[0] != lib.GSM_FR_STATE:
        raise ValueError(f"state of {len(state)} bytes is none of gsm_fr_init")
    return view


def _gsm_pcm(pcm, writable=False):
    view = _buffer(_PCM, pcm, writable)
    if not len(pcm) == len(view) == lib.GSM_FR_SAMPLES:
        raise ValueError(f"{len(pcm)} samples: a GSM frame has {lib.GSM_FR_SAMPLES}, as array('h')")
    return view


def _gsm_frame(frame, writable=False):
    view = _buffer(_OCTETS, frame, writable)
    if not len(frame) == len(view) == lib.GSM_FR_OCTETS:
        raise ValueError(f"{len(frame)} octets: a GSM full rate frame has {lib.GSM_FR_OCTETS}")
    return view


class Voice:
    """Native code as the firmware calls it (femtojack.board). PCM is array('h'), octets and states are bytearrays.

    Wrong sizes, taps or an uninitialised state raise ValueError. Nothing is kept between calls but what stands in
    the caller's state.
    """

    def ec_size(self, taps):
        """Bytes of state for `taps` taps: 16..1024 in steps of 16."""
        size = lib.ec_size(taps)
        if size == 0:
            least, most, step = lib.EC_TAPS_MIN, lib.EC_TAPS_MAX, lib.EC_TAPS_STEP
            raise ValueError(f"{taps} taps: must be {least}..{most}, a multiple of {step}")
        return size

    def ec_init(self, state, taps, flags):
        """Make a canceller of `state`; flags: 1 = NLP, 2 = comfort noise, added."""
        if len(state) < self.ec_size(taps):
            raise ValueError(f"state of {len(state)} bytes: {taps} taps need {lib.ec_size(taps)}")
        lib.ec_init(_buffer(_STATE, state, True), taps, flags)

    def ec_reset(self, state):
        lib.ec_reset(_state(state))

    def ec_freeze(self, state, on):
        lib.ec_freeze(_state(state), on)

    def ec_process(self, state, rin, sin, sout):
        """Cancel one block; three array('h') of one length, sout may be sin."""
        n = len(rin)
        view, out = _buffer(_STATE, state, True), _buffer(_PCM, sout, True)
        far, near = _buffer(_PCM, rin), _buffer(_PCM, sin)
        if not len(far) == len(near) == len(out) == n:
            raise ValueError(f"rin {n}, sin {len(sin)}, sout {len(sout)}: must be array('h') of one length")
        if len(view) == 0 or not 0 < view[0] <= len(state):
            _state(state)
        _process(view, far, near, out, n)

    def ulaw_encode(self, pcm, out):
        _convert(lib.ulaw_encode, pcm, _PCM, out, _OCTETS)

    def ulaw_decode(self, octets, out):
        _convert(lib.ulaw_decode, octets, _OCTETS, out, _PCM)

    def alaw_encode(self, pcm, out):
        _convert(lib.alaw_encode, pcm, _PCM, out, _OCTETS)

    def alaw_decode(self, octets, out):
        _convert(lib.alaw_decode, octets, _OCTETS, out, _PCM)

    def pcm_halve(self, pcm, out):
        """Half the sampling rate; `pcm` is the block of twice len(out) samples with the 38 before it."""
        samples, target = _buffer(_PCM, pcm), _buffer(_PCM, out, True)
        if len(samples) != 2 * len(target) + lib.PCM_HALVE_PAST:
            raise ValueError(f"{len(samples)} samples in: {len(target)} out take twice that and {lib.PCM_HALVE_PAST}")
        lib.pcm_halve(samples, target, len(target))

    def gsm_fr_size(self):
        """Bytes of state of a full rate codec, both directions."""
        return lib.gsm_fr_size()

    def gsm_fr_init(self, state):
        """Make a codec of `state`, or forget what it has heard."""
        if len(state) < lib.gsm_fr_size():
            raise ValueError(f"state of {len(state)} bytes: a full rate codec needs {lib.gsm_fr_size()}")
        lib.gsm_fr_init(_buffer(_STATE, state, True))

    def gsm_fr_encode(self, state, pcm, frame):
        """160 samples into `frame`, 33 octets."""
        lib.gsm_fr_encode(_gsm_state(state), _gsm_pcm(pcm), _gsm_frame(frame, True))

    def gsm_fr_decode(self, state, frame, pcm):
        """33 octets into 160 samples; False, and nothing done, if they do not begin with 1101."""
        return lib.gsm_fr_decode(_gsm_state(state), _gsm_frame(frame), _gsm_pcm(pcm, True)) == 0

    def gsm_fr_receive(self, state, frame, pcm):
        """What came in these 20 ms, 33 octets or None, into 160 samples; returns what it was.

        0: nothing of use, so the last frame again, fading; 1: speech; 2: a silence descriptor, so comfort noise.
        """
        octets = ffi.NULL if frame is None else _gsm_frame(frame)
        return lib.gsm_fr_receive(_gsm_state(state), octets, _gsm_pcm(pcm, True))


def stats(state):
    """What the canceller in `state` knows of itself: the dict of EchoCanceller.stats()."""
    figures = ffi.new("ec_stats_t *")
    lib.ec_stats(_state(state), figures)
    return {
        "erle_db": figures.erle / 100,
        "erl_db": figures.erl / 100,
        "double_talk": bool(figures.double_talk),
        "proved": bool(figures.proved),
        "tone": bool(figures.tone),
        "nlp_open": bool(figures.nlp_open),
    }


def path(state):
    """The echo path learnt by the canceller in `state`: its impulse response, a list of floats, one a tap."""
    figures = ffi.new("ec_stats_t *")
    lib.ec_stats(_state(state), figures)
    h = ffi.new("int16_t[]", figures.taps)
    lib.ec_path(_state(state), h)
    return [value / lib.EC_PATH_ONE for value in h]
