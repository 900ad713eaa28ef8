"""The command line's entry: the commands of femtohost.commands, and how their errors are told."""

import sys

import typer

from femtohost import errors
from femtohost.commands import (  # noqa: F401  (they register commands)
    board,
    call,
    ec,
    flash,
    g168,
    gsm,
    gsm_fr,
    gsm_provision,
    iso,
    powercut,
    run,
    usb,
)
from femtohost.commands.common import app, bench, progress_bar, say, terminal, with_values  # noqa: F401
from femtojack.config import ConfigError


@app.callback(invoke_without_command=True)
def overview(context: typer.Context):
    """Without a command: what there is."""
    if context.invoked_subcommand is None:
        print(context.get_help())


def main():
    """Entry point of `femtojack`. A person's mistake is one line on stderr and exit code 2, never a traceback."""
    try:
        code = app(with_values(sys.argv[1:]), standalone_mode=False)
    except typer.TyperException as error:
        code = say(f"femtojack: {error.format_message()} (femtojack --help tells more)", errors.USAGE)
    except (errors.UserError, ConfigError, OSError) as error:
        code = say(f"femtojack: {error}", errors.USAGE)
    except errors.VirtualTimeout as error:
        code = say(f"femtojack: {error}", errors.TIMED_OUT)
    except errors.BoardLost as error:
        code = say(f"femtojack: {error}", errors.BOARD_LOST)
    except (typer.Abort, KeyboardInterrupt):
        code = say("femtojack: interrupted", errors.INTERRUPTED)
    sys.exit(code)
