"""`femtojack image` and `femtojack flash`: update files, and the flash memory of a box."""

import json
from pathlib import Path
from typing import Annotated

import typer

from femtohost import errors
from femtohost.commands.common import Json, app, ask, progress_bar, say

image = typer.Typer(help="Update files of the firmware: made, signed, looked at, installed.")
flash = typer.Typer(help="The flash memory of a box: identity, slots, map.")
app.add_typer(image, name="image")
app.add_typer(flash, name="flash")

File = Annotated[Path, typer.Argument(metavar="FILE", help="An update file.")]
Profile = Annotated[Path, typer.Option("--profile", metavar="DIR", help="The profile of the box.")]
Output = Annotated[Path | None, typer.Option("--output", "-o", metavar="FILE", help="Where it goes; else in place.")]


def _tell(facts, as_json, text):
    print(json.dumps(facts) if as_json else text)


@image.callback()
def images():
    """Update files of the firmware: made, signed, looked at, installed."""


@image.command()
def keygen(
    output: Annotated[Path, typer.Option("--output", "-o", metavar="KEY", help="The private key; KEY.pub beside it.")],
    as_json: Json = False,
):
    """Make an Ed25519 key. A box trusts the .pub files in its profile's folder `keys`.

    Example: femtojack image keygen -o vendor
    """
    from femtohost.flash import keys

    private, public = keys.generate(output)
    _tell({"private": str(private), "public": str(public)}, as_json, f"{private} and {public}")


@image.command()
def build(
    board: Annotated[str, typer.Option(help="The board that it is for: emulator, rp2_pico ...", metavar="B")],
    version: Annotated[str, typer.Option(help="1 to 16 characters.", metavar="V")],
    counter: Annotated[int, typer.Option("--security-counter", help="Never less than what runs.", min=0, metavar="N")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="Where it goes.")],
    folder: Annotated[Path | None, typer.Argument(metavar="DIR", help="Firmware; by default femtojack's own.")] = None,
    revision: Annotated[int, typer.Option(help="Hardware revision of the board.", min=0, metavar="N")] = 1,
    arch: Annotated[str | None, typer.Option(help="Compile to .mpy for it: armv6m, armv7emsp ...")] = None,
    as_json: Json = False,
):
    """Put a firmware into an update file, unsigned.

    Example: femtojack image build --board emulator --version 1.1 --security-counter 1 -o update.fji
    """
    from femtohost.flash import image as files

    octets = files.build(board, version, counter, revision=revision, folder=folder, march=arch)
    output.write_bytes(octets)
    facts = files.inspect(octets)
    text = f"{output}: {facts['version']} for {facts['board']}, {len(octets)} octets, unsigned"
    _tell({"path": str(output), **facts}, as_json, text)


@image.command()
def sign(
    file: File,
    key: Annotated[Path, typer.Option("--key", metavar="KEY", help="The private key.")],
    output: Output = None,
    as_json: Json = False,
):
    """Sign an update file.

    Example: femtojack image sign update.fji --key vendor
    """
    from femtohost.flash import image as files
    from femtohost.flash import keys

    octets = files.sign(file.read_bytes(), keys.load_private(key))
    (output or file).write_bytes(octets)
    facts = files.inspect(octets)
    _tell({"path": str(output or file), **facts}, as_json, f"{output or file}: signed by {facts['key_id']}")


@image.command()
def inspect(file: File, as_json: Json = False):
    """What an update file says of itself.

    Example: femtojack image inspect update.fji --json
    """
    from femtohost.flash import image as files

    facts = files.inspect(file.read_bytes())
    lines = [f"{key.replace('_', ' '):18} {len(value) if key == 'files' else value}" for key, value in facts.items()]
    _tell(facts, as_json, "\n".join(lines))


@image.command()
def verify(
    file: File,
    key: Annotated[Path, typer.Option("--key", metavar="PUBLIC", help="The public key.")],
    as_json: Json = False,
):
    """Whether an update file is whole and signed with that key; exit code 1: it is not.

    Example: femtojack image verify update.fji --key vendor.pub
    """
    from femtohost.flash import image as files
    from femtohost.flash import keys

    reason = files.why_not(file.read_bytes(), keys.load_public(key))
    if as_json:
        print(json.dumps({"good": reason is None, "reason": reason}))
    elif reason is None:
        print(f"{file}: good")
    else:
        say(f"femtojack: {file}: {reason}", None)
    if reason:
        raise typer.Exit(errors.CHECK_FAILED)


@image.command()
def install(file: File, profile: Profile, as_json: Json = False):
    """Give an update file to a box: the one that runs on the profile, else one that is powered on for it.

    Waits until the box has tried it and confirmed or refused it; exit code 1: it was not confirmed.

    Example: femtojack image install update.fji --profile box1 --json
    """
    from femtohost.flash.install import install as give
    from femtohost.profile import Profile as Home
    from femtohost.profile import runs

    octets = file.read_bytes()
    if runs(profile):
        result = ask(profile, "install", file=_to_text(octets))
    else:
        home = Home(profile)
        result = give(home.flash(), octets)
        home.close()
    _tell(result, as_json, f"{result['result']}: the box runs {result['version']} in slot {result['slot']}")
    if result["result"] == "wrong-key":
        say(f"femtojack: {file}: the box trusts the keys {profile / 'keys'}/*.pub", None)
    if result["result"] != "confirmed":
        raise typer.Exit(errors.CHECK_FAILED)


def _to_text(octets):
    import base64

    return base64.b64encode(octets).decode()


@flash.callback()
def memory():
    """The flash memory of a box: identity, slots, map."""


@flash.command()
def provision(
    serial: Annotated[str, typer.Option(help="Its serial number: 1 to 32 characters.", metavar="S")],
    number: Annotated[str, typer.Option(help="Its telephone number: up to 32 of 0-9 * # +.", metavar="N")],
    profile: Profile,
    as_json: Json = False,
):
    """Write the identity of a box that does not run, as the factory does. Nothing else ever writes one.

    Example: femtojack flash provision --serial 0A1B2C3D4E5F --number 5550123 --profile box1
    """
    from femtohost.flash import factory, look
    from femtohost.profile import Profile as Home

    home = Home(profile)
    factory.provision(home.flash((serial, number)), serial, number)
    facts = look.identity(home.flash())
    home.close()
    _tell(facts, as_json, f"serial {facts['serial']}, number {facts['number']}, in {facts['copies']} copies")


@flash.command()
def info(profile: Profile, as_json: Json = False):
    """The chip, its registers and wear, the slots and the journal.

    Example: femtojack flash info --profile box1 --json
    """
    from femtohost.flash import look
    from femtohost.profile import look_at_flash

    facts = look.info(look_at_flash(profile))
    lines = [f"{key:10} {_shown(value)}" for key, value in facts.items()]
    _tell(facts, as_json, "\n".join(lines))


def _shown(value):
    return ", ".join(f"{key} {item}" for key, item in value.items()) if isinstance(value, dict) else str(value)


@flash.command("map")
def show_map(profile: Profile, as_json: Json = False):
    """What lies where, and what the chip protects.

    Example: femtojack flash map --profile box1 --json
    """
    from femtohost.flash import look
    from femtohost.profile import look_at_flash

    look_at_flash(profile)
    found = look.regions()
    marks = {True: "  protected", False: ""}
    lines = [f"{r['start']:06x} {r['size'] // 1024:5} KiB  {r['name']}{marks[r['protected']]}" for r in found]
    _tell({"regions": found}, as_json, "\n".join(lines))


@flash.command()
def identity(profile: Profile, as_json: Json = False):
    """Who the box is, and how many of the three copies are good; exit code 1: none is.

    Example: femtojack flash identity --profile box1 --json
    """
    from femtohost.flash import look
    from femtohost.profile import look_at_flash

    facts = look.identity(look_at_flash(profile))
    lost = facts["serial"] is None
    text = f"serial {facts['serial']}, number {facts['number'] or 'none'}, {facts['copies']} of 3 copies good"
    _tell(facts, as_json, "NO-IDENTITY: no copy is good" if lost else text)
    if lost:
        raise typer.Exit(errors.CHECK_FAILED)


@flash.command()
def dump(
    profile: Profile,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="Where it goes.")],
    region: Annotated[str | None, typer.Option(help="One region of the map; else all.")] = None,
):
    """Copy the flash, or a region of it, into a file; a region in two parts as one.

    Example: femtojack flash dump --profile box1 --region littlefs -o files.lfs
    """
    from femtohost.flash import look
    from femtohost.profile import look_at_flash

    names = dict.fromkeys(r["name"] for r in look.regions())
    if region is not None and region not in names:
        raise errors.UserError(f"--region {region}: there are {', '.join(names)}")
    memory_ = look_at_flash(profile)
    with progress_bar("reading"):
        output.write_bytes(look.octets(memory_, region))
