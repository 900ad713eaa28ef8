"""`femtojack iso`: discs."""

import json
from pathlib import Path
from typing import Annotated

import typer

from femtohost.commands.common import Json, app, progress_bar

iso = typer.Typer(help="Images of the disc that the box shows to a PC.")
app.add_typer(iso, name="iso")


@iso.callback()
def discs():
    """Images of the disc that the box shows to a PC."""


@iso.command()
def build(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="What goes onto the disc.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE.iso", help="Where the image goes.")],
    volume: Annotated[str, typer.Option(help="Volume identifier: 1 to 16 of A-Z, 0-9, _.")] = "FEMTOJACK",
    as_json: Json = False,
):
    """Write a folder as an ISO 9660 and Joliet image, with an autorun.inf if it has none; same files, same bytes.

    Example: femtojack iso build installer -o installer.iso
    """
    from femtohost.iso import build as write

    with progress_bar("writing") as progress:
        disc = write(folder, output, volume, progress)
    if as_json:
        print(json.dumps(disc.as_dict()))
    else:
        size = f"{disc.bytes / 1e6:.1f} MB"
        print(f"{disc.path}: {disc.files} files, {disc.folders} folders, {size}, sha256 {disc.sha256}")
