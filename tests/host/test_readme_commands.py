"""Every command in the README is one that the command line takes."""

import re
import shlex
from pathlib import Path

import pytest
import typer

from femtohost.cli import app, with_values

README = Path(__file__).parent.parent.parent / "README.md"


def commands():
    """The words behind `femtojack` of each line in a block of the shell, and of each piece of code in the text."""
    text = README.read_text()
    lines = [line for block in re.findall(r"```sh\n(.*?)```", text, re.S) for line in block.splitlines()]
    lines += re.findall(r"`(femtojack [^`]+)`", text.replace("\n", " "))
    for line in lines:
        words = shlex.split(re.split(r"\s#|\||&&", line)[0])
        if words[:1] == ["femtojack"]:
            yield words[1:]


def test_there_are_many():
    assert len(list(commands())) > 40


@pytest.mark.parametrize("words", list(commands()), ids=" ".join)
def test_it_is_taken(words):
    """As far as words and options go; nothing is run."""
    command = typer.main.get_command(app)
    context = command.make_context("femtojack", with_values(words))
    while hasattr(command, "resolve_command"):
        rest = [*context._protected_args, *context.args]
        assert rest, f"more is wanted: {context.get_usage()}"
        context.obj = context.params.get("profile") or context.obj  # as the callback of `ctl` leaves it
        name, command, rest = command.resolve_command(context, rest)
        context = command.make_context(name, rest, parent=context)
