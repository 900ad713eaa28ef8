"""The main job: one telephone call through the emulated box, with its figures and its files."""

import json
import os
import shlex
import tempfile
import time
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from femtohost import audio, speech, targets, voice
from femtohost.capture import Capture, CaptureError
from femtohost.emulator import Emulator
from femtohost.errors import UserError
from femtohost.measure.echo import echo_figures
from femtohost.taps import RATE, CallTaps
from femtojack.line.digit_map import COMPLETE, TIMED, DigitMap

TALK_DBM0 = -16.0
FAR_STARTS_S = 0.5
RING_S = 3.0  # how long an incoming call rings before the phone is lifted
KEYS = "0123456789*#ABCD"
LONGEST = 32
DIAL_PLAN = "x.T"
GSM_CALLS = ("sip", "line")


class CallError(UserError):
    """An argument that cannot be: one line with what would be right."""


def check_number(number, name):
    """CallError if `number`, the argument `name`, has anything that a telephone has no key for."""
    if not number or len(number) > LONGEST or any(key not in KEYS for key in number):
        raise CallError(f"{name} {number!r}: a number has 1 to {LONGEST} of 0-9, * # and A-D, such as 5551234")


@dataclass
class CallOptions:
    """What `femtojack call` can be told; see its --help. `near` and `far` are file names or None."""

    near: str | None = None
    far: str | None = None
    number: str = "555"
    path: str = "d2"
    erl: float = 6.0
    line_noise: float | None = None
    seconds: float = 20.0
    overlap: bool = False
    nlp: bool = False
    incoming: bool = False
    seed: int = 1
    target: str = "cpython"
    capture: str | None = None
    gsm: str | None = None
    keep_trace: bool = True

    def check(self):
        """CallError names the first argument that is wrong."""
        check_number(self.number, "--number")
        if self.gsm not in (None, *GSM_CALLS):
            raise CallError(f"--gsm {self.gsm}: the phone calls by sip or the telephone on the line: sip or line")
        dialled = not (self.incoming or self.gsm)
        if dialled and DigitMap(DIAL_PLAN).match(self.number.rstrip("#")) not in (TIMED, COMPLETE):
            raise CallError(f"--number {self.number}: the dial plan {DIAL_PLAN} has digits 0-9 only, such as 5551234")
        if not 0 <= self.erl <= 60:
            raise CallError(f"--erl {self.erl:g}: the echo return loss is 0 to 60 dB; 6 is a bad hybrid, 20 a good one")
        if not 1 <= self.seconds <= 3600:
            raise CallError(f"--seconds {self.seconds:g}: a conversation lasts 1 to 3600 s")
        if self.line_noise is not None and not -90 <= self.line_noise <= -20:
            raise CallError(f"--line-noise {self.line_noise:g}: a level of -90 to -20 dBm0, such as -65")
        if self.seed < 0:
            raise CallError(f"--seed {self.seed}: a whole number, 0 or more")
        targets.parse(self.target)

    def command(self):
        """The command line that makes this call again."""
        words = ["femtojack", "call"]
        for name, value in vars(self).items():
            default = CallOptions.__dataclass_fields__[name].default
            if value == default or name == "keep_trace":
                continue
            words.append("--" + name.replace("_", "-"))
            if value is not True:
                words.append(str(value))
        return shlex.join(words)


@dataclass
class CallRun:
    """A call that was made: `call` is call.json; the rest is what the report draws (femtohost.report)."""

    call: dict
    signals: dict
    erle: tuple
    true_path: np.ndarray
    learnt_path: np.ndarray
    sip: list
    states: list
    seed: int
    command: str
    box: Emulator = field(repr=False)


def make_call(options, progress=lambda done, of: None):
    """Make the call of `options`. `progress(seconds done, seconds in all)` is called twice a virtual second.

    CallError, AudioError, PathError: an argument that is wrong, before anything is powered.
    VirtualTimeout: the call did not come about.
    """
    options.check()
    if options.gsm:
        from femtohost.gsm_call import make_gsm_call

        return make_gsm_call(options, progress)
    near, far = talkers(options)
    config = {"line": {"dial_plan": DIAL_PLAN}, "voice": {"nlp": options.nlp, "comfort_noise": options.nlp}}
    begin = time.perf_counter()
    box = Emulator(
        options.seed, config, path=options.path, erl_db=options.erl, noise_dbm0=options.line_noise,
        keep_trace=options.keep_trace, target=options.target,
    )  # fmt: skip
    with box, capturing(box, options.capture):
        taps = CallTaps(box)
        _answer(box, options)
        _converse(box, near, far, options.seconds, progress)
        learnt = np.asarray(voice.path(box.board.voice.states[0]))  # before the loop opens, and the echo with it ends
        hang_up(box, lambda: box.far.state == "ended")
        return _finish(options, box, taps, learnt, time.perf_counter() - begin)


@contextmanager
def capturing(box, path):
    """Write what the box says into the capture `path`, if there is one."""
    if not path:
        yield
        return
    with closing(Capture(path, lambda: box.clock.now)) as capture:
        capture.watch_network(box.network)
        capture.watch_usb(box.board.usb_controller)
        if box.air:
            capture.watch_air(box.air)
        yield
        if capture.error:
            raise CaptureError(f"--capture {path}: {capture.error}")


def talkers(options):
    """Near and far speech of the conversation's length, int16."""
    rng = np.random.default_rng([options.seed, 0x5EE])
    near = _speech(options.near, "high", rng)
    far = _speech(options.far, "low", rng)
    if options.overlap:
        n = round(options.seconds * RATE)
        return np.resize(near, n), np.resize(far, n)
    return speech.take_turns(near, far, options.seconds)


def _speech(file, pitch, rng):
    samples = audio.load(file) if file else speech.speech_like(20, rng, pitch)
    return audio.level_to(samples, TALK_DBM0)


def _answer(box, options):
    """From power-on to both ends talking."""
    box.run_until(lambda: box.state("fxs") == "ON_HOOK", timeout_s=10)
    if options.incoming:
        box.far.call(options.number)
        box.run_until(lambda: box.phone.ringing, timeout_s=10)
        box.run_for(RING_S)
        box.phone.off_hook()
    else:
        box.phone.off_hook()
        box.phone.dial(options.number)
    box.run_until(lambda: box.state("call") == "TALKING" and box.far.state == "in-call", timeout_s=60)


def _converse(box, near, far, seconds, progress):
    begin = box.clock.now
    box.far.talk(far, start_after_s=FAR_STARTS_S, loop=False)
    box.run_for(FAR_STARTS_S)
    box.phone.talk(near, loop=False)
    step = 0.5
    for i in range(1, int(seconds / step) + 1):
        box.run_to(begin + round(i * step * 1e9))
        progress(i * step, seconds)
    box.run_to(begin + round(seconds * 1e9))


def hang_up(box, gone):
    """Put the telephone down; `gone()`: the other end has heard of it."""
    box.phone.on_hook()
    box.run_until(lambda: gone() and box.state("call") == "IDLE", timeout_s=40)
    box.run_for(0.5)


def _finish(options, box, taps, learnt, wall):
    figures = echo_figures(taps.echo(), taps.near(), taps.sout())
    call = {
        "direction": "in" if options.incoming else "out", **words_of(options), "taps": len(learnt),
        "erle_db": figures.erle_db, "t20_s": figures.t20_s, "t30_s": figures.t30_s,
        "residual_dbm0": figures.residual_dbm0,
        "digits": taps.digits(), "setup_ms": taps.setup_ms(),
        "virtual_s": round(box.time_s, 3), "wall_s": round(wall, 3), "speed": round(box.time_s / wall, 1),
        "trace_sha256": box.trace.sha256(), "misuse": [m.as_dict() for m in box.misuse],
        "sip_final_status": box.far.final_status,
    }  # fmt: skip
    return CallRun(
        call=rounded(call), signals=taps.signals(), erle=(figures.times, figures.erle), true_path=box.echo_path,
        learnt_path=learnt, sip=taps.ladder(), states=taps.states(), seed=options.seed, command=options.command(),
        box=box,
    )  # fmt: skip


def words_of(options):
    """What call.json repeats of the options; the echo path only where there is one."""
    names = ("seed", "nlp", "overlap", "near", "far") if options.gsm != "sip" else ("seed", "overlap", "near", "far")
    words = {name: getattr(options, name) for name in names}
    if options.gsm != "sip":
        words |= {"path": options.path, "erl_db": options.erl, "line_noise_dbm0": options.line_noise}
    return words


def rounded(call):
    """Figures as people read them: decibels and seconds to three places."""
    return {key: round(value, 3) if isinstance(value, float) else value for key, value in call.items()}


def check_folder(folder):
    """CallError if `folder` cannot become the folder of a report."""
    if folder == Path() or (folder / "report.html").is_dir():
        raise CallError(f"--out {folder}: give a folder of its own for the report")
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not there.is_dir() or not os.access(there, os.W_OK):
        raise CallError(f"--out {folder}: {there} is no folder that can be written to; give another one")


def save_call(run, folder):
    """Write rin/rout/sin/sout.wav, call.json, trace.jsonl and report.html to `folder`: all of them or none.

    Returns the path of the report.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".femtojack-") as draft:
        _write_files(run, Path(draft))
        folder.mkdir(exist_ok=True)
        for file in Path(draft).iterdir():
            file.replace(folder / file.name)
    return folder / "report.html"


def _write_files(run, folder):
    from femtohost.report import write_report  # drawing takes a second to load, and a bench does not draw

    for name, samples in run.signals.items():
        audio.save(folder / f"{name}.wav", samples)
    (folder / "call.json").write_text(json.dumps(run.call, indent=2) + "\n")
    run.box.recorder.save(folder / "trace.jsonl")
    write_report(folder, run)
