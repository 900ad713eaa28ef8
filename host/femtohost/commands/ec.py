"""`femtojack ec` and `bench ec`: the canceller on recordings, and beside other cancellers."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from femtohost.commands.common import Json, app, bench, progress_bar

Rin = Annotated[str, typer.Argument(metavar="RIN", help="What the far end says: WAV or FLAC, any rate.")]
Sin = Annotated[str, typer.Argument(metavar="SIN", help="What comes back from the line: echo and near talker.")]
Sout = Annotated[Path, typer.Option("--output", "-o", metavar="SOUT.wav", help="What goes to the far end: 8 kHz.")]
Taps = Annotated[int, typer.Option(metavar="N", help="Longest echo path: 16 to 1024 samples, in steps of 16.")]
Nlp = Annotated[bool, typer.Option("--nlp", help="Mute what is left of the echo.")]
ComfortNoise = Annotated[bool, typer.Option("--comfort-noise", help="Fill the muted time with noise; with --nlp.")]
Report = Annotated[Path | None, typer.Option(metavar="DIR", help="Write a page with signals and ERLE into DIR.")]
Quick = Annotated[bool, typer.Option("--quick", help="Fewer paths, lengths and repetitions.")]
Peers = Annotated[list[str] | None, typer.Option(metavar="NAME", help="Only this peer; may be given again.")]


@app.command()
def ec(
    rin: Rin,
    sin: Sin,
    output: Sout,
    taps: Taps = 128,
    nlp: Nlp = False,
    comfort_noise: ComfortNoise = False,
    report: Report = None,
    as_json: Json = False,
):
    """Cancel the echo of a recording; a delay beyond the tail is found and made up for.

    Example: femtojack ec rin.wav sin.wav -o sout.wav --report here
    """
    from femtohost.offline import Options, cancel_files, save
    from femtohost.report.ec import ec_table

    run = cancel_files(Options(rin, sin, output, taps, nlp, comfort_noise, report))
    save(run)
    if as_json:
        print(json.dumps(run.figures))
    else:
        Console().print(ec_table(run.figures))


@bench.command("ec")
def bench_ec(quick: Quick = False, peers: Peers = None, as_json: Json = False):
    """This canceller beside others: quality and cost, on the same signals in the same run.

    Example: femtojack bench ec --peers SpeexDSP --json
    """
    from femtohost.measure.bench_ec import bench_ec as measure
    from femtohost.report.comparison import comparison

    with progress_bar("comparing") as progress:
        result = measure(peers or (), quick, progress)
    if as_json:
        print(json.dumps(result))
    else:
        Console().print(comparison(result))
