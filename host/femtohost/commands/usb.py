"""`femtojack ctl usb` and `femtojack bench usb`: the disc and the sound card of a box, and how fast its port is."""

import json
from pathlib import Path
from typing import Annotated

import typer

from femtohost.commands.common import Json, ask, bench, progress_bar
from femtohost.commands.run import RunningProfile, ctl

usb = typer.Typer(help="The USB port of a box that runs: its disc, its sound card.")
ctl.add_typer(usb, name="usb")


@usb.command()
def status(profile: RunningProfile = None, as_json: Json = False):
    """Whether the box is on the bus; whether a host is attached and has configured it; blocks of the disc.

    Example: femtojack ctl --profile box1 usb status
    """
    facts = ask(profile, "status")["usb"]
    print(json.dumps(facts) if as_json else "  ".join(f"{key} {value}" for key, value in facts.items()))


@usb.command()
def load(
    iso: Annotated[Path, typer.Argument(help="An ISO 9660 image; what is in the drive comes out first.")],
    profile: RunningProfile = None,
):
    """Put a disc into the drive.

    Example: femtojack ctl --profile box1 usb load installer.iso
    """
    ask(profile, "disc", action="load", file=str(iso.absolute()))


@usb.command()
def eject(profile: RunningProfile = None):
    """Take the disc out of the drive.

    Example: femtojack ctl --profile box1 usb eject
    """
    ask(profile, "disc", action="eject")


@usb.command()
def loopback(
    state: Annotated[str, typer.Argument(help="on: what the PC plays comes back as what it records; or off.")],
    profile: RunningProfile = None,
):
    """Join the sound card's playback to its capture, past the telephone.

    Example: femtojack ctl --profile box1 usb loopback on
    """
    if state not in ("on", "off"):
        raise typer.BadParameter(f"{state}: on or off")
    ask(profile, "loopback", on=state == "on")


@bench.command("usb")
def bench_usb(
    seconds: Annotated[float, typer.Option(help="How long each part lasts, in real time.", min=0.1)] = 3.0,
    as_json: Json = False,
):
    """A client over USB/IP against a running box: control round trip, sequential read of its disc.

    Example: femtojack bench usb --json
    """
    from femtohost.measure.bench_usb import bench_usb as measure

    with progress_bar("measuring") as progress:
        result = measure(seconds, progress)
    if as_json:
        print(json.dumps(result))
        return
    trip = result["control_us"]
    print(f"control round trip {trip['median']:.0f} us (p99 {trip['p99']:.0f}, best {trip['best']:.0f})")
    print(f"sequential READ(10) of {result['read_kib']} KiB: {result['read_mb_s']:.1f} MB/s, {result['load']:.1f} busy")
