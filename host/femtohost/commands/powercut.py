"""`femtojack powercut`: power fails everywhere."""

import json
import os
from pathlib import Path
from typing import Annotated

import typer

from femtohost import errors
from femtohost.commands.common import Json, app, bench, progress_bar, say


@app.command()
def powercut(
    depth: Annotated[int, typer.Option(help="Cuts in a history; up to 2 all are tried, deeper ones sampled.")] = 1,
    modes: Annotated[
        str | None, typer.Option(help="before,torn,marginal-late,marginal-early,after,stray; by default all.")
    ] = None,
    seeds: Annotated[int, typer.Option(help="Of each random outcome.", min=1, metavar="N")] = 1,
    slot: Annotated[int | None, typer.Option(help="KiB of a slot; by default 64, and 16 from depth 2 on.")] = None,
    sample: Annotated[int | None, typer.Option(help="At most so many first operations, evenly spread.", min=1)] = None,
    histories: Annotated[int, typer.Option(help="How many, where they are sampled.", min=1)] = 10_000,
    workers: Annotated[int | None, typer.Option(help="Processes; by default one a core.", min=1, metavar="N")] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Keep results and the map there; an interrupted sweep goes on.")
    ] = None,
    as_json: Json = False,
):
    """Cut the power at every flash operation of an update and of an identity's repair, and again while it recovers.

    Exit code 1: a box lost its identity, did not boot within three starts, or ran what it must not.

    Example: femtojack powercut --depth 2 --workers 2 --out sweep
    """
    from femtohost.flash import powercut_map
    from femtohost.flash.powercut_run import MAP, Options, run

    chosen = {"modes": tuple(modes.split(","))} if modes else {}
    options = Options(depth=depth, seeds=seeds, slot=slot, sample=sample, histories=histories, **chosen)
    with progress_bar("cutting the power") as progress:
        result = run(options, workers=workers or os.cpu_count() or 1, folder=out, progress=progress)
    operations = result["operations"]
    if out and operations:
        powercut_map.draw(operations, out / MAP)
    if as_json:
        print(json.dumps(result))
    else:
        _tell(result, powercut_map.text(operations) if operations else "", out and out / MAP)
    if result["broken"]:
        raise typer.Exit(errors.CHECK_FAILED)


def _tell(result, drawing, path):
    if drawing:
        print(drawing, end="\n\n")
    names = {"1": "golden", "2": "old", "3": "new"}
    outcomes = ", ".join(f"{names.get(key, key[1:])} {count}" for key, count in result["outcomes"].items())
    print(f"{result['histories']} histories: {outcomes}")
    print(", ".join(f"{key.replace('_', ' ')} {result[key]}" for key in ("identity_lost", "not_booting", "max_boots")))
    print(f"{result['seconds']} s, {result['per_minute']} a minute")
    for failure in result["failures"]:
        say(f"femtojack: {failure['what']}: cuts {' '.join(failure['cuts'])}", None)
    if path:
        print(f"map: {path}")


@bench.command("wear")
def bench_wear(
    years: Annotated[float, typer.Option(help="Of virtual time.", min=0)] = 10,
    updates: Annotated[float, typer.Option(help="A year.", min=0)] = 52,
    cuts: Annotated[int, typer.Option(help="Power cuts in all.", min=0)] = 100_000,
    unlucky: Annotated[float, typer.Option(help="Share of the cuts that come during an update.", min=0, max=1)] = 0.1,
    seed: Annotated[int, typer.Option(help="Of the cuts.", metavar="N")] = 1,
    as_json: Json = False,
):
    """How often each part of the flash is erased in years of updates and power cuts.

    Example: femtojack bench wear --years 10 --cuts 100000
    """
    from femtohost.flash.wear import measure

    with progress_bar("wearing") as progress:
        result = measure(years, updates, cuts, unlucky, seed, progress)
    if as_json:
        print(json.dumps(result))
        return
    for name, erases in result["erases"].items():
        print(f"{name:9} {erases:6} erases of its busiest sector, {100 * erases / result['rated']:.1f} % of the rated")
    print(f"{result['updates']} updates confirmed; {result['cuts']} power cuts, {result['interrupted']} in an update")
