"""The canceller on two recordings: Rin and Sin in, Sout out, with figures that need no knowledge of the echo."""

import os
import shlex
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.signal import fftconvolve

from femtohost import audio
from femtohost.audio import FRAME, RATE
from femtohost.canceller import EchoCanceller
from femtohost.errors import UserError
from femtohost.measure.delay import find_delay

FLOOR = 1.0 / 12  # power of the rounding to int16, the least that Sout can be
LEAD = 4  # a shifted path has its strongest tap after a quarter of the tail: what comes before it must fit too


@dataclass(frozen=True)
class Options:
    """What `femtojack ec` can be told; see its --help. rin, sin: audio files; out, report: paths to write, or None."""

    rin: str
    sin: str
    out: Path
    taps: int = 128
    nlp: bool = False
    comfort_noise: bool = False
    report: Path | None = None

    def command(self):
        """The command line that does the same again."""
        words = ["femtojack", "ec", self.rin, self.sin, "-o", str(self.out)]
        words += ["--taps", str(self.taps)] if self.taps != 128 else []
        words += ["--nlp"] * self.nlp + ["--comfort-noise"] * self.comfort_noise
        return shlex.join(words)


@dataclass(frozen=True, eq=False)
class Cancelled:
    """Outcome for arrays of one length: `delay` of the echo and `shift` of Rin in samples (delay None: none found),
    Sout, the learnt path from the shifted Rin, and whether the canceller trusts it."""

    delay: int | None
    shift: int
    sout: np.ndarray
    path: np.ndarray
    proved: bool


@dataclass(frozen=True, eq=False)
class Run:
    """What `cancel_files` returns. figures: see `cancel_files`; signals: rin, sin, sout; erle: (times s, dB)."""

    options: Options
    figures: dict
    signals: dict
    erle: tuple
    path: np.ndarray | None


def cancel(rin, sin, taps=128, nlp=False, comfort_noise=False):
    """Cancel the echo of Rin in Sin, int16 arrays of one length. A Cancelled.

    An echo that is ahead of Rin, or whose strongest tap lies in the second half of the tail or beyond, is made up
    for: the canceller then hears Rin later (shift > 0) or earlier.
    """
    canceller = EchoCanceller(taps, nlp, comfort_noise)
    delay = find_delay(rin, sin)
    shift = 0 if delay is None or 0 <= delay <= taps // 2 else delay - taps // LEAD
    sout = canceller.process(shifted(rin, shift), sin)
    return Cancelled(delay, shift, sout, canceller.path(), canceller.stats()["proved"])


def shifted(samples, shift):
    """`samples` later by `shift`, or earlier if that is below 0; zeros come in, the length stays."""
    out = np.zeros_like(samples)
    n = len(samples) - abs(shift)
    if n > 0:
        out[max(shift, 0) :][:n] = samples[max(-shift, 0) :][:n]
    return out


def cancel_files(options):
    """Load, cancel, measure. A Run; `save` writes it.

    figures: rin, sin, sout (file names), taps, nlp, comfort_noise; seconds; padded ("rin", "sin" or None) and
    padded_s; delay_ms of the echo's strongest tap and shift_ms by which Rin was shifted; erle_db, the median over
    20 ms frames in which the far end is active (double talk in it counts against it); erl_db of the learnt path; levels
    of active speech rin_dbm0, sin_dbm0, sout_dbm0; notes, sentences for a person. None: not measured.
    UserError, AudioError: an argument that is wrong; nothing was written.
    """
    _check(options)
    rin, sin, padded, padded_s = _padded(audio.load(options.rin), audio.load(options.sin))
    done = _cancel(rin, sin, options)
    heard = shifted(rin, done.shift)
    active = audio.active_frames(audio.frame_powers(shifted(rin, done.delay or 0)))
    curve = _erle(sin, done.sout, active)
    figures = {
        "rin": options.rin, "sin": options.sin, "sout": str(options.out),
        "taps": options.taps, "nlp": options.nlp, "comfort_noise": options.comfort_noise,
        "seconds": len(sin) / RATE, "padded": padded, "padded_s": padded_s,
        "delay_ms": None if done.delay is None else _ms(done.delay), "shift_ms": _ms(done.shift),
        "erle_db": _db(np.median(curve[active])) if active.any() else None,
        "erl_db": _erl(heard, done.path) if done.proved else None,
        "rin_dbm0": _db(audio.active_level(rin)), "sin_dbm0": _db(audio.active_level(sin)),
        "sout_dbm0": _db(audio.active_level(done.sout)),
    }  # fmt: skip
    figures["notes"] = list(_notes(figures))
    times = (np.arange(len(curve)) + 0.5) * FRAME / RATE
    signals = {"rin": rin, "sin": sin, "sout": done.sout}
    return Run(options, figures, signals, (times, curve), done.path if done.proved else None)


def save(run):
    """Write Sout, and the page if it was asked for: all of them or none."""
    out, report = run.options.out, run.options.report
    with _in_place(out) as part:
        audio.save(part, run.signals["sout"])
        if report is not None:
            from femtohost.report.ec import render

            text = render(run)
            report.mkdir(exist_ok=True)
            with _in_place(report / "ec.html") as page:
                page.write_text(text, encoding="utf-8", newline="\n")


def _check(options):
    out, report = options.out, options.report
    if options.comfort_noise and not options.nlp:
        raise UserError("--comfort-noise: fills what the NLP mutes; give --nlp too")
    if out.suffix.lower() != ".wav":
        raise UserError(f"-o {out}: give a name that ends in .wav")
    if not out.parent.is_dir():
        raise UserError(f"-o {out}: {out.parent} is no folder; give a path in a folder that exists")
    if out.exists() and not out.is_file():
        raise UserError(f"-o {out}: not a file; give the name of a WAV file")
    for name in (options.rin, options.sin):
        if out.exists() and Path(name).exists() and out.samefile(name):
            raise UserError(f"-o {out}: is an input; give another name")
    if report is not None and not (report if report.exists() else report.parent).is_dir():
        raise UserError(f"--report {report}: is no folder; give a folder, or a new name in one")


def _cancel(rin, sin, options):
    try:
        return cancel(rin, sin, options.taps, options.nlp, options.comfort_noise)
    except ValueError as error:  # taps: the text says what would be right
        raise UserError(f"--taps {error}") from None


def _padded(rin, sin):
    """Both at the longer one's length, which of them was padded with zeros, and by how many seconds."""
    missing = len(sin) - len(rin)
    name = "rin" if missing > 0 else "sin" if missing < 0 else None
    return (*(np.pad(x, (0, max(len(rin), len(sin)) - len(x))) for x in (rin, sin)), name, abs(missing) / RATE)


def _erle(sin, sout, active):
    """Sin over Sout in dB, one value a frame, nan where the far end is silent."""
    before, after = audio.frame_powers(sin), audio.frame_powers(sout)
    curve = 10 * np.log10(np.maximum(before, FLOOR) / np.maximum(after, FLOOR))
    return np.where(active, curve, np.nan)


def _erl(rin, path):
    """Echo return loss: Rin over what the path makes of it."""
    echo = fftconvolve(np.asarray(rin, np.float32), path.astype(np.float32))[: len(rin)]
    return _db(audio.active_level(rin) - audio.active_level(echo))


def _ms(samples):
    return samples * 1000 / RATE


def _db(value):
    return round(float(value), 2) if np.isfinite(value) else None


def _notes(figures):
    """What a person should know before the figures."""
    tail = _ms(figures["taps"])
    if figures["padded"]:
        name = figures["padded"].capitalize()
        yield f"{name} is {figures['padded_s']:.3f} s shorter: zeros follow it."
    if figures["delay_ms"] is None:
        yield "No echo of Rin was found in Sin; the canceller ran without a delay."
    elif figures["shift_ms"] < 0:
        yield (
            f"The echo is {-figures['delay_ms']:.3f} ms ahead of Rin:"
            f" the canceller heard Rin {-figures['shift_ms']:.3f} ms earlier."
        )
    elif figures["shift_ms"] > 0:
        where = "beyond the tail" if figures["delay_ms"] >= tail else "in the second half of the tail"
        yield (
            f"The echo comes {figures['delay_ms']:.3f} ms after Rin, {where} of {tail:g} ms:"
            f" the canceller heard Rin {figures['shift_ms']:.3f} ms later."
        )


@contextmanager
def _in_place(path):
    """A name beside `path` to write to; it becomes `path` if all went well, and is gone if not."""
    part = path.with_name(f".{path.name}.part")
    try:
        yield part
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
