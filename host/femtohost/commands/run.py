"""`femtojack run`, `ctl`, `repl` and `doctor`: a box that runs, and those who talk to it."""

import json
import secrets
import signal
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from femtohost import errors, targets
from femtohost.commands.common import CaptureFile, Json, Target, app, bench, progress_bar, say
from femtohost.commands.common import ask as _command

ctl = typer.Typer(help="Act on a box that runs: its telephone, its power, its state.")
phone = typer.Typer(help="The telephone on the line of a box that runs.")
power = typer.Typer(help="The box's power.")
ctl.add_typer(phone, name="phone")
ctl.add_typer(power, name="power")
app.add_typer(ctl, name="ctl")

Config = Annotated[
    Path | None, typer.Option(metavar="FILE", help="gateway.toml; without it the box is not registered.")
]
ProfileDir = Annotated[
    Path | None, typer.Option("--profile", metavar="DIR", help="What the box keeps; a temporary folder by default.")
]


def _given(context: typer.Context, profile: Path | None):
    """The profile of the command line, given after the command's name or before it."""
    profile = profile or context.obj
    if profile is None:
        raise errors.UserError("which box? give --profile DIR, as the first line of femtojack run tells it")
    return profile


RUNS_ON = {"metavar": "DIR", "help": "The profile that the box runs on."}
RunningProfile = Annotated[Path | None, typer.Option("--profile", callback=_given, **RUNS_ON)]
AnySeed = Annotated[int | None, typer.Option("--seed", metavar="N", help="Of every random stream; else a random one.")]


@app.command()
def run(
    config: Config = None,
    profile: ProfileDir = None,
    seed: AnySeed = None,
    target: Target = "cpython",
    iso: Annotated[Path | None, typer.Option(metavar="FILE", help="The disc in the drive: an ISO 9660 image.")] = None,
    usbip: Annotated[
        str | None,
        typer.Option(metavar="HOST:PORT", help="Export the USB port there, for `usbip attach`; port 0 is any."),
    ] = None,
    serprog: Annotated[
        str | None,
        typer.Option(metavar="HOST:PORT", help="Export the flash chip there, for flashrom; port 0 is any."),
    ] = None,
    serprog_timing: Annotated[
        str, typer.Option(metavar="bus|real", help="The chip is busy until the next poll, or as long as a real one.")
    ] = "bus",
    http: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="GET /status and POST /update there; port 0 is any.")
    ] = None,
    gsmtap: Annotated[
        str | None,
        typer.Option(
            metavar="[IFACE]",
            help="Put the cell on virtual Um: GSMTAP multicast on this network interface, lo by default.",
        ),
    ] = None,
    capture: CaptureFile = None,
    as_json: Json = False,
):
    """Power one gateway on, with real UDP sockets in real time, until it is interrupted.

    The first line tells where it listens; with --json it is one JSON object, and so is every event after it.

    Example: femtojack run --config gateway.toml --profile box1 --json
    """
    from femtohost.bridges.serprog import check_timing
    from femtohost.disc import Disc
    from femtohost.gateway import Gateway
    from femtohost.profile import Profile
    from femtohost.settings import load_settings, parse_host_port
    from femtohost.store import SERIAL, SERIAL_OCTETS, FileStore, provision

    settings = load_settings(config)
    disc = Disc(iso)
    usbip = usbip and parse_host_port(usbip, "--usbip")
    serprog = serprog and parse_host_port(serprog, "--serprog")
    http = http and parse_host_port(http, "--http")
    check_timing(serprog_timing)
    home = Profile(profile)
    store = FileStore(home.path / "store")
    provision(store, secrets.token_bytes(SERIAL_OCTETS))
    tell = _json_line if as_json else _log_line
    targets.parse(target)
    gateway = Gateway(
        settings, secrets.randbits(32) if seed is None else seed, tell,
        target=target, capture=capture, disc=disc, store=store, usbip=usbip, gsmtap=gsmtap,
        flash=home.flash((store.get(SERIAL).decode(), "")), serprog=serprog, serprog_timing=serprog_timing, http=http,
    )  # fmt: skip
    _serve(gateway, home, tell)
    raise typer.Exit(errors.INTERRUPTED)


def _serve(gateway, home, tell):
    """Power on, and off again when it is interrupted."""
    from femtohost.control import ControlServer

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: gateway.loop.stop())
    server = ControlServer(gateway, home.listen())
    tell({"event": "ready", "profile": str(home.path), "addresses": gateway.addresses, "seed": gateway.seed})
    gateway.power_on()
    gateway.loop.run()
    gateway.shut_down()
    server.close()
    gateway.close()
    home.close()


def _json_line(event):
    print(json.dumps(event), flush=True)


def _log_line(event):
    """One event for people, on stderr."""
    facts = {key: value for key, value in event.items() if key not in ("event", "t")}
    time = f"{event['t']:10.3f}" if "t" in event else " " * 10
    say(f"{time}  {event['event']:<11} " + "  ".join(f"{key} {_shown(value)}" for key, value in facts.items()), None)


def _shown(value):
    return " ".join(f"{key} {item}" for key, item in value.items()) if isinstance(value, dict) else str(value)


@bench.command("run")
def bench_run(
    seconds: Annotated[float, typer.Option(help="How long, in real time.", min=1)] = 60.0,
    idle: Annotated[bool, typer.Option("--idle", help="No call; else the two boxes talk to each other.")] = False,
    busy: Annotated[int, typer.Option(help="Processes beside that do nothing but compute.", min=0)] = 0,
    as_json: Json = False,
):
    """Two boxes for a long time in real time: lag, memory, RTP.

    Example: femtojack bench run --seconds 3600 --busy 2 --json
    """
    from femtohost.measure.endurance import bench_run as measure

    with progress_bar("running") as progress:
        result = measure(seconds, not idle, busy, progress)
    if as_json:
        print(json.dumps(result))
        return
    for name, figures in zip(("caller", "callee"), result["boxes"], strict=True):
        lag = figures["lag_ms"]
        print(
            f"{name}: lag {lag['median']:.1f} ms (worst {lag['worst']:.1f}, at the end {lag['last']:.1f}),"
            f" {figures['late_events']} events late, memory {figures['memory_growth']:+d} octets, RTP {figures['rtp']}"
        )


@ctl.callback()
def ctl_profile(context: typer.Context, profile: Annotated[Path | None, typer.Option("--profile", **RUNS_ON)] = None):
    context.obj = profile  # for the commands below, each of which takes --profile too


@ctl.command()
def status(profile: RunningProfile = None, as_json: Json = False):
    """What the box does: line, call, sip, misuse, lag.

    Example: femtojack ctl --profile box1 status --json
    """
    facts = _command(profile, "status")
    if as_json:
        print(json.dumps(facts))
        return
    table = Table.grid(padding=(0, 2))
    for key, value in facts.items():
        table.add_row(key, _shown(value) if value not in ([], None) else "none")
    Console().print(table)


@phone.command("off-hook")
def off_hook(profile: RunningProfile = None):
    """Lift the handset.

    Example: femtojack ctl --profile box1 phone off-hook
    """
    _command(profile, "off-hook")


@phone.command("on-hook")
def on_hook(profile: RunningProfile = None):
    """Put the handset down.

    Example: femtojack ctl --profile box1 phone on-hook
    """
    _command(profile, "on-hook")


@phone.command()
def flash(profile: RunningProfile = None):
    """Open the loop for half a second.

    Example: femtojack ctl --profile box1 phone flash
    """
    _command(profile, "flash")


@phone.command()
def dial(digits: Annotated[str, typer.Argument(help="0-9 * # A-D, keyed as DTMF.")], profile: RunningProfile = None):
    """Key digits; returns when they are keyed.

    Example: femtojack ctl --profile box1 phone dial 5550123#
    """
    from femtohost.call import check_number

    check_number(digits, "DIGITS")
    _command(profile, "dial", digits=digits)


@phone.command("say")
def talk(audio: Annotated[Path, typer.Argument(help="WAV or FLAC, any rate.")], profile: RunningProfile = None):
    """Talk into the telephone; returns when all is said.

    Example: femtojack ctl --profile box1 phone say hello.wav
    """
    from femtohost.audio import load
    from femtohost.control import to_text

    _command(profile, "say", pcm=to_text(load(audio)))


@phone.command()
def record(
    wav: Annotated[Path, typer.Argument(help="Where the recording goes: 16-bit, 8 kHz.")],
    seconds: Annotated[float, typer.Argument(help="How long.")],
    profile: RunningProfile = None,
):
    """Record what the earpiece says; returns when it is done.

    Example: femtojack ctl --profile box1 phone record heard.wav 5
    """
    from femtohost.audio import save
    from femtohost.control import from_text

    save(wav, from_text(_command(profile, "record", seconds=seconds)))


@phone.command()
def hears(profile: RunningProfile = None, as_json: Json = False):
    """What the ear at the telephone makes of it: dial, ringback, busy, reorder, silence, speech.

    Example: femtojack ctl --profile box1 phone hears
    """
    names = _command(profile, "hears")
    print(json.dumps({"hears": names}) if as_json else " ".join(names))


@power.command("off")
def power_off(profile: RunningProfile = None):
    """Pull the plug.

    Example: femtojack ctl --profile box1 power off
    """
    _command(profile, "power", state="off")


@power.command("on")
def power_on(profile: RunningProfile = None):
    """Plug it in again: the box boots.

    Example: femtojack ctl --profile box1 power on
    """
    _command(profile, "power", state="on")


@app.command()
def repl(profile: RunningProfile = None):
    """A Python prompt at the running box; Tab completes, Ctrl-D ends.

    Example: femtojack repl --profile box1
    """
    from femtohost.control import ControlClient
    from femtohost.repl import complete_with, prompt

    control = ControlClient(profile)
    complete_with(control)
    prompt(control)


@app.command()
def doctor(as_json: Json = False):
    """What this machine has, what it lacks, and the command that gets it.

    Example: femtojack doctor
    """
    from femtohost.doctor import examine

    findings = examine()
    if as_json:
        print(json.dumps({"findings": [finding.as_dict() for finding in findings]}))
        return
    table = Table("", "what", "for", "here", box=None, pad_edge=False)
    for finding in findings:
        mark, here = ("[green]has[/]", finding.found) if finding.found else ("[yellow]lacks[/]", finding.command)
        table.add_row(mark, finding.name, finding.use, here)
    Console().print(table)
