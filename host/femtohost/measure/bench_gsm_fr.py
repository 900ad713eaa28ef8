"""`femtojack bench gsm-fr`: what a full rate frame costs, beside libgsm where it is installed."""

import platform
import time
from statistics import median

import numpy as np

from femtohost.full_rate import SAMPLES, FullRate
from femtohost.measure.libgsm import GET, LibGsm
from femtohost.measure.peers import Missing
from femtohost.speech import speech_like

SECONDS = 10  # of speech, 500 frames


def bench_gsm_fr(repetitions=7, progress=lambda done, of: None):
    """Processor time a frame of 20 ms, the binding's calls (about 1 us) included. A dict ready for JSON:

    machine; frames; codecs: {name: {encode_us, decode_us, frame_us}}, medians of the repetitions, measured in turns;
    missing: [{name, get, said}].
    """
    codecs, missing = _installed()
    pcm = speech_like(SECONDS, np.random.default_rng(1)).astype(np.int16)
    times = {name: [] for name in codecs}
    for i in range(repetitions):
        for name, start in codecs.items():
            times[name].append(_time(start(), pcm))
        progress(i + 1, repetitions)
    return {
        "machine": f"{platform.machine()}, {platform.system()}, Python {platform.python_version()}",
        "frames": len(pcm) // SAMPLES,
        "codecs": {name: _figures(measured) for name, measured in times.items()},
        "missing": missing,
    }


def _installed():
    try:
        LibGsm()
    except Missing as error:
        return {"femtojack": FullRate}, [{"name": "libgsm", "get": GET, "said": str(error)}]
    return {"femtojack": FullRate, "libgsm": LibGsm}, []


def _time(codec, pcm):
    """Microseconds a frame of (encoding, decoding)."""
    begin = time.process_time_ns()
    frames = codec.encode(pcm)
    between = time.process_time_ns()
    codec.decode(frames)
    end = time.process_time_ns()
    n = len(pcm) // SAMPLES * 1000
    return (between - begin) / n, (end - between) / n


def _figures(measured):
    encode, decode = (round(median(times), 2) for times in zip(*measured, strict=True))
    return {"encode_us": encode, "decode_us": decode, "frame_us": round(encode + decode, 2)}
