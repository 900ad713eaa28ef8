"""Figures of the table of floors that are taken with speech, over random paths.

ERL 6..30 dB unless it says otherwise, sparse or dispersive paths with a delay of 0..10 ms, Rin of -12..-26 dBm0, near
talker in dB over Rin, mu-law on Rin and Sin, 128 taps. Studies take `make` and `quick` as in floors_css; they are the
same in the quick form, since a median of fewer talkers would be another figure.
"""

import warnings
from functools import cache
from pathlib import Path

import numpy as np
import soundfile

from femtohost import audio
from femtohost.audio import RATE
from femtohost.measure import g168, metrics
from femtohost.measure.floors_css import lost
from femtohost.measure.scene import make_scene, play
from femtohost.speech import speech_like

SOUNDS = Path("/usr/share/asterisk/sounds")
VOICES = ("en_US_f_Allison", "es_MX_f_Allison", "fr_CA_f_June", "it_IT_m_Carlo", "ru_RU_f_IvrvoiceRU")
SHORTEST_S, VOICE_S = 1.5, 90.0  # of a prompt, and of what is taken of a voice

FRAME = 80  # 10 ms: the grain of what the NLP cuts
CUT_DB = 3.0
ACTIVE_DB = 20.0  # near frames count as speech down to this under their mean
ONSET_FRAMES, QUIET_FRAMES = 3, 10  # a syllable's first 30 ms after 100 ms of pause
LEARN_S, TALK_S, AFTER_S = 4.0, 5.0, 4.0


def installed():
    """Names of the recorded voices of this machine."""
    return tuple(name for name in VOICES if (SOUNDS / name).is_dir())


def material():
    """What speaks in these figures, in words."""
    names = installed()
    return f"recorded prompts: {', '.join(names)}" if names else "synthetic speech: no recorded prompts are installed"


@cache
def _voice(name):
    """Up to 90 s of a voice, prompt after prompt, float64."""
    if name in ("low", "high"):
        return speech_like(VOICE_S, np.random.default_rng(len(name)), name).astype(float)
    pieces, length = [], 0
    for file in sorted((SOUNDS / name).glob("*.wav")):
        if length < VOICE_S * RATE and soundfile.info(file).duration >= SHORTEST_S:
            pieces.append(audio.load(file))
            length += len(pieces[-1])
    return np.concatenate(pieces).astype(float)


def talk(rng, name, seconds, dbm0):
    """`seconds` of a voice from a random moment on, at an active level of `dbm0`."""
    voice = _voice(name)
    part = np.roll(voice, -rng.integers(len(voice)))[: round(seconds * RATE)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", audio.LimitWarning)  # a few peaks of loud talk are limited, as in a phone
        return audio.level_to(part, dbm0).astype(float)


def _conversation(index, seconds, erl_db=None):
    """(far, near, path) of a case by its number; near is as loud as far. An ERL of None is a random one."""
    rng = np.random.default_rng([168, index])
    names = installed() or ("low", "high")
    far, near = names[index % len(names)], names[(index + 1) % len(names)]
    level = rng.uniform(-26, -12)
    drawn = rng.uniform(6, 30)
    path = g168.random_path(rng, drawn if erl_db is None else erl_db)
    return talk(rng, far, seconds, level), talk(rng, near, seconds, level), path


def _between(near, start, end, db):
    """`near` at `db`, from `start` to `end` s only."""
    out = np.zeros(len(near))
    part = slice(round(start * RATE), round(end * RATE))
    out[part] = near[part] * 10 ** (db / 20)
    return out


def near_talk(make, quick):
    """ERLE lost to 5 s of a near talker of 0, -6, -15 dB after 4 s of learning: median and worst."""
    losses = []
    for index in range(18):
        far, near, path = _conversation(index, LEARN_S + TALK_S + AFTER_S)
        talker = _between(near, LEARN_S, LEARN_S + TALK_S, (0, -6, -15)[index % 3])
        losses.append(lost(make, far, path, talker, LEARN_S, LEARN_S + TALK_S))
    return float(np.median(losses)), max(losses)


def double_talk_from_reset(make, quick):
    """ERLE from 6 to 10 s of double talk that begins at reset, median, near talker of 0 and of -6 dB, ERL 6 dB."""
    figures = {0: [], -6: []}
    for db, found in figures.items():
        for index in range(12):
            far, near, path = _conversation(index, 10.0, erl_db=6.0)
            scene = make_scene(far, [(0, path)], near * 10 ** (db / 20))
            sout = play(scene, make(taps=128, nlp=False, comfort_noise=False))
            found.append(metrics.erle(scene.echo, sout - scene.sgen, 6.0, 10.0))
    return tuple(float(np.median(found)) for found in figures.values())


def near_under_nlp(make, quick):
    """The near talker through the NLP of a canceller that has learnt: change of level at 0 and -6 dB, the largest;
    onsets cut at 0 and -6 dB; frames cut at -15 dB in per cent."""
    changes, onsets, frames = [], 0, []
    for index in range(18):
        db = (0, -6, -15)[index % 3]
        near, sout = _under_nlp(make, index, db)
        if db == -15:
            frames.append(_frames_cut(near, sout))
        else:
            changes.append(abs(_change(near, sout)))
            onsets += _onsets_cut(near, sout)
    return max(changes), float(onsets), float(100 * np.mean(frames))


def _under_nlp(make, index, db):
    """Near talker and Sout while both talk."""
    far, near, path = _conversation(index, LEARN_S + TALK_S)
    scene = make_scene(far, [(0, path)], _between(near, LEARN_S, LEARN_S + TALK_S, db))
    sout = play(scene, make(taps=128, nlp=True, comfort_noise=False))
    begin = round(LEARN_S * RATE)
    return scene.sgen[begin:], sout[begin:]


def _powers(samples):
    return np.mean(np.asarray(samples, float).reshape(-1, FRAME) ** 2, axis=1)


def _active(near):
    """Frames of 10 ms in which the near talker speaks."""
    powers = _powers(near)
    return powers > powers.mean() * 10 ** (-ACTIVE_DB / 10)


def _change(near, sout):
    active = _active(near)
    return 10 * np.log10(max(_powers(sout)[active].sum(), 1e-9) / _powers(near)[active].sum())


def _frames_cut(near, sout):
    """Share of the active frames that lose more than 3 dB."""
    active = _active(near)
    return float(np.mean(_powers(sout)[active] < _powers(near)[active] * 10 ** (-CUT_DB / 10)))


def _onsets_cut(near, sout):
    """How many syllables lose more than 3 dB of their first 30 ms."""
    active = _active(near)
    speech, left = _powers(near), _powers(sout)
    starts = [
        i for i in range(QUIET_FRAMES, len(active) - ONSET_FRAMES)
        if active[i : i + ONSET_FRAMES].all() and not active[i - QUIET_FRAMES : i].any()
    ]  # fmt: skip
    heard = ((left[i : i + ONSET_FRAMES].sum(), speech[i : i + ONSET_FRAMES].sum()) for i in starts)
    return sum(bool(after < before * 10 ** (-CUT_DB / 10)) for after, before in heard)
