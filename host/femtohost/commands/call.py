"""`femtojack call`, `replay` and `bench call`."""

import json
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from femtohost import errors
from femtohost.commands.common import CaptureFile, Json, Seed, Target, app, bench, progress_bar, say

Near = Annotated[str | None, typer.Option(metavar="AUDIO", help="What the near talker says: WAV or FLAC, any rate.")]
Far = Annotated[str | None, typer.Option(metavar="AUDIO", help="What the far talker says.")]
Number = Annotated[str, typer.Option(metavar="DIGITS", help="Digits to dial; with --incoming the caller's number.")]
EchoPathName = Annotated[
    str, typer.Option(metavar="d2..d9|FILE.csv", help="Echo path of the near hybrid: one of G.168, or a file of taps.")
]
Erl = Annotated[float, typer.Option(metavar="DB", help="Echo return loss of that path, 0 to 60 dB.")]
LineNoise = Annotated[float | None, typer.Option(metavar="DBM0", help="Noise on the line, -90 to -20 dBm0.")]
Seconds = Annotated[float, typer.Option(metavar="S", help="Length of the conversation.")]
Overlap = Annotated[bool, typer.Option("--overlap", help="Both talk at once; else they take turns.")]
Nlp = Annotated[bool, typer.Option("--nlp", help="Suppress the residual echo too, with comfort noise.")]
Incoming = Annotated[bool, typer.Option("--incoming", help="The far end calls.")]
Gsm = Annotated[
    str | None,
    typer.Option(
        metavar="[sip|line]",
        help="With an emulated GSM phone: its call by SIP, the near talker at it; or with the telephone on the line.",
    ),
]
Out = Annotated[Path | None, typer.Option(metavar="DIR", help="Folder for report and recordings; else a new one here.")]


@app.command()
def call(
    near: Near = None,
    far: Far = None,
    number: Number = "555",
    path: EchoPathName = "d2",
    erl: Erl = 6.0,
    line_noise: LineNoise = None,
    seconds: Seconds = 20.0,
    overlap: Overlap = False,
    nlp: Nlp = False,
    incoming: Incoming = False,
    gsm: Gsm = None,
    seed: Seed = 1,
    target: Target = "cpython",
    capture: CaptureFile = None,
    out: Out = None,
    as_json: Json = False,
):
    """Make one telephone call through the emulated box, in virtual time, and report on its echo.

    Example: femtojack call --near me.wav --far you.flac --path d5 --erl 12 --out my-call

    Example: femtojack call --gsm line --incoming --seconds 10
    """
    from femtohost.call import CallOptions, check_folder, make_call, save_call
    from femtohost.report import call_table

    options = CallOptions(
        near, far, number, path, erl, line_noise, seconds, overlap, nlp, incoming, seed, target, capture, gsm
    )
    folder = out or Path(f"femtojack-call-{datetime.now():%Y%m%d-%H%M%S}")
    check_folder(folder)
    with progress_bar("calling") as progress:
        run = make_call(options, progress)
        report = save_call(run, folder)
    if as_json:
        print(json.dumps(run.call))
    else:
        Console().print(call_table({**run.call, "report": str(report)}))
    raise typer.Exit(_verdict(run, number, incoming or gsm == "line"))


def _verdict(run, number, incoming):
    """The exit code of a call, and why on stderr."""
    for misuse in run.box.misuse:
        say(f"misuse: {misuse}", None)
    if run.box.misuse:
        return errors.MISUSE
    if not incoming and run.call["digits"] != number.rstrip("#"):
        return say(f"dialled {number}, but the box understood {run.call['digits']}", errors.CHECK_FAILED)
    return errors.GOOD


@app.command()
def replay(
    trace: Annotated[Path, typer.Argument(help="A trace.jsonl of `femtojack call` or of a failed test.")],
    target: Target = "cpython",
    as_json: Json = False,
):
    """Run the inputs of a saved trace again and name the first difference.

    Example: femtojack replay my-call/trace.jsonl
    """
    from femtohost.replay import replay as run_again

    box, difference = run_again(trace, target)
    result = {"same": difference is None, "records": box.trace.count, "trace_sha256": box.trace.sha256()}
    if difference:
        result |= {"index": difference.index, "recorded": difference.recorded, "now": difference.now}
    if as_json:
        print(json.dumps(result))
    else:
        print(f"the same {box.trace.count} records" if difference is None else f"first difference at {difference}")
    raise typer.Exit(errors.CHECK_FAILED if difference else errors.GOOD)


@bench.command("call")
def bench_call(
    runs: Annotated[int, typer.Option(help="Calls to make; the median counts.", min=1)] = 5,
    seconds: Annotated[float, typer.Option(help="Length of each conversation.")] = 60.0,
    as_json: Json = False,
):
    """How many times faster than real time a call runs: both talk, canceller on, no report.

    Example: femtojack bench call --json
    """
    from femtohost.measure.bench import bench_call as measure

    with progress_bar("calling") as progress:
        result = measure(runs, seconds, progress)
    if as_json:
        print(json.dumps(result))
    else:
        print(f"{result['speed']:.0f} times real time (median of {runs}; {min(result['speeds']):.0f}"
              f" to {max(result['speeds']):.0f}), a call of {seconds:g} s")  # fmt: skip
