"""`femtojack gsm`: the cell of a box that runs, as a tester looks at it."""

import json
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from femtohost import errors
from femtohost.commands.common import Json, Seed, app, ask, bench, progress_bar, say
from femtohost.commands.run import RunningProfile

gsm = typer.Typer(help="The cell of a box that runs: its phones, texts to them.")
sms = typer.Typer(help="Short messages.")
gsm.add_typer(sms, name="sms")
app.add_typer(gsm, name="gsm")

Number = Annotated[str, typer.Argument(help="The phone's number, as `femtojack gsm phones` tells it.")]


@gsm.command()
def phones(profile: RunningProfile = None, as_json: Json = False):
    """The phones that the box knows: number, IMSI, IMEI, whether registered.

    Example: femtojack gsm phones --profile box1
    """
    known = ask(profile, "gsm-phones")
    if as_json:
        print(json.dumps({"phones": known}))
        return
    table = Table("number", "IMSI", "IMEI", "", box=None, pad_edge=False)
    for phone in known:
        table.add_row(phone["number"], phone["imsi"], phone["imei"], "registered" if phone["registered"] else "away")
    Console().print(table)


@sms.command()
def send(
    number: Number,
    text: Annotated[str, typer.Argument(help="What it says.")],
    profile: RunningProfile = None,
):
    """Send a text to a phone; it waits at the box while the phone is away.

    Example: femtojack gsm sms send 201 "Dinner is ready" --profile box1
    """
    ask(profile, "gsm-text", number=number, text=text)


@gsm.command()
def page(number: Number, profile: RunningProfile = None, as_json: Json = False):
    """Look for a phone; exit code 1 when it does not answer.

    Example: femtojack gsm page 201 --profile box1
    """
    answered = ask(profile, "gsm-page", number=number)
    if as_json:
        print(json.dumps({"number": number, "answered": answered}))
    elif answered:
        print(f"{number} answers")
    if not answered:
        raise typer.Exit(say(f"{number} does not answer", errors.CHECK_FAILED))


@bench.command("gsm")
def bench_gsm(
    scene: Annotated[
        str,
        typer.Argument(
            metavar="one|seven|day|crowd|delay",
            help="Voice channels busy with keys and texts; a call in ten minutes; phones that register at once; "
            "how late speech is, each way.",
        ),
    ],
    amount: Annotated[
        float | None,
        typer.Option(help="Seconds of virtual time (60, 3600, 86400), or how many phones (100) or calls (8).", min=1),
    ] = None,
    seed: Seed = 1,
    as_json: Json = False,
):
    """How many times faster than real time a cell runs, whether anything is left behind, and how late its speech is.

    Example: femtojack bench gsm seven --amount 60 --json
    """
    from femtohost.measure.bench_gsm import AMOUNTS
    from femtohost.measure.bench_gsm import bench_gsm as measure

    if scene not in AMOUNTS:
        raise errors.UserError(f"{scene}: the scenes are {' '.join(AMOUNTS)}")
    with progress_bar(scene) as progress:
        figures = measure(scene, amount or AMOUNTS[scene], seed, progress)
    print(json.dumps(figures) if as_json else "  ".join(f"{name} {figure}" for name, figure in figures.items()))
