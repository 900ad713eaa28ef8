"""`femtojack g168`: the canceller against the limits of G.168, and against its own floors."""

import json
import os
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from femtohost import errors
from femtohost.commands.common import Json, app, progress_bar

Tests = Annotated[list[str] | None, typer.Option("--test", metavar="2A", help="Only this test; may be given again.")]
Paths = Annotated[
    list[str] | None, typer.Option("--path", metavar="d2..d9|FILE.csv", help="Only this path; may be given again.")
]
Levels = Annotated[
    list[float] | None, typer.Option("--level", metavar="DBM0", help="LRin, -30 to 0; may be given again.")
]
Taps = Annotated[int, typer.Option(metavar="N", help="16 to 1024 samples, in steps of 16.")]
Quick = Annotated[bool, typer.Option("--quick", help="One level; with --floors fewer paths and tones.")]
Out = Annotated[Path | None, typer.Option("--out", metavar="DIR", help="Draw masks and measurements: DIR/g168.html.")]
Floors = Annotated[bool, typer.Option("--floors", help="The table of floors and goals instead of the tests.")]
Workers = Annotated[int | None, typer.Option(metavar="N", help="Processes; all cores by default.", min=1)]


@app.command()
def g168(
    test: Tests = None,
    path: Paths = None,
    level: Levels = None,
    taps: Taps = 128,
    quick: Quick = False,
    out: Out = None,
    floors: Floors = False,
    workers: Workers = None,
    as_json: Json = False,
):
    """Run the tests of ITU-T G.168 on the echo canceller; exit code 1 when a limit is missed.

    Example: femtojack g168 --test 2A --path d5 --out here
    """
    workers = workers or os.cpu_count() or 1
    if floors:
        if test or path or level or out or taps != 128:
            raise errors.UserError("--floors goes with --quick, --workers and --json only: its rows say what they run")
        failed = _floors(quick, workers, as_json)
    else:
        failed = _suite((test or (), path or (), level or (), taps, quick), out, workers, as_json)
    raise typer.Exit(errors.CHECK_FAILED if failed else errors.GOOD)


def _suite(choice, out, workers, as_json):
    from femtohost.call import check_folder
    from femtohost.measure import suite
    from femtohost.report.g168 import suite_table, write_suite

    cases, no_source = suite.choose(*choice), suite.without_source(choice[0])
    if out:
        check_folder(out)
    with progress_bar("measuring") as progress:
        results = suite.run(cases, workers, progress)
    if out:
        out.mkdir(parents=True, exist_ok=True)
        write_suite(out, results, no_source)
    if as_json:
        print(json.dumps(suite.summary(results, choice[0])))
    else:
        Console().print(suite_table(results, no_source, out))
    return any(result.verdict == suite.FAILED for result in results)


def _floors(quick, workers, as_json):
    from femtohost.measure import floors
    from femtohost.report.g168 import floors_table

    with progress_bar("measuring") as progress:
        figures = floors.measure(quick, workers, progress)
    if as_json:
        print(json.dumps(floors.summary(figures)))
    else:
        Console().print(floors_table(figures))
    return any(figure.failed for figure in figures)
