"""What the commands share: the app they register on, options, progress, words on stderr."""

import sys
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

app = typer.Typer(
    name="femtojack",
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="A home telephone gateway: run its firmware without hardware, and measure it.",
)
bench = typer.Typer(help="Measure how fast it is: figures only, no verdict.")
app.add_typer(bench, name="bench")

terminal = Console(stderr=True)
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout, and nothing else there.")]
CaptureFile = Annotated[
    Path | None, typer.Option("--capture", metavar="FILE.pcapng", help="Write SIP, RTP, USB and Um for Wireshark.")
]
Seed = Annotated[int, typer.Option(help="Every random stream of the run comes from it.", metavar="N")]
Target = Annotated[
    str,
    typer.Option(metavar="cpython|micropython[:HEAPk]", help="What runs the firmware; the trace is the same."),
]


VALUES_LEFT_OUT = {"--gsmtap": "lo", "--gsm": "sip"}


def with_values(arguments):
    """The command line with a value for each option that may stand alone; typer knows no such options."""
    complete = []
    for argument, following in pairwise([*arguments, "--"]):
        complete.append(argument)
        if argument in VALUES_LEFT_OUT and following.startswith("-"):
            complete.append(VALUES_LEFT_OUT[argument])
    return complete


def say(text, code):
    """`text` on stderr; returns `code`."""
    print(text, file=sys.stderr)
    return code


@contextmanager
def progress_bar(text):
    """A function (done, of) that moves a bar; on a terminal only, on stderr."""
    percent = TextColumn("{task.percentage:3.0f} %")
    columns = (TextColumn("{task.description}"), BarColumn(), percent, TimeRemainingColumn())
    with Progress(*columns, console=terminal, transient=True, disable=not terminal.is_terminal) as progress:
        task = progress.add_task(text, total=None)
        yield lambda done, of: progress.update(task, completed=done, total=of)


def ask(profile, do, **arguments):
    """The result of one command to the box that runs on `profile` (femtohost.control)."""
    from femtohost.control import ControlClient

    control = ControlClient(profile)
    try:
        return control(do, **arguments)
    finally:
        control.close()
