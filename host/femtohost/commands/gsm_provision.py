"""`femtojack gsm provision`: which SIMs the box authenticates, and by what. It may run or not."""

import json
import re
import secrets
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from femtohost import errors
from femtohost.commands.common import Json
from femtohost.commands.gsm import gsm

provision = typer.Typer(
    help="Triplets by which the box authenticates SIMs; no key enters it, and it may run or not. A SIM without any is "
    'let in unasked, unless authentication = "required" in section gsm of gateway.toml.'
)
gsm.add_typer(provision, name="provision")

Imsi = Annotated[str, typer.Argument(metavar="IMSI", help="Of the SIM: 6 to 15 digits.")]
BoxProfile = Annotated[Path, typer.Option("--profile", metavar="DIR", help="The profile of the box.")]
Count = Annotated[int, typer.Option(help="How many triplets; the box uses them in turn.", metavar="N")]
KEY_HELP = "32 hexadecimal digits, or - to read them from standard input, unseen by other users."


@provision.command("triplets")
def from_file(
    imsi: Imsi,
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="Lines of RAND SRES Kc in hexadecimal, or what osmo-auc-gen prints."),
    ],
    profile: BoxProfile,
    as_json: Json = False,
):
    """Authenticate a SIM by triplets that another tool has made, in place of those that the box has.

    Example: femtojack gsm provision triplets 001010000000001 triplets.txt --profile box1
    """
    from femtohost.gsm_triplets import read_triplets

    _put(profile, imsi, lambda: read_triplets(file, imsi), as_json)


@provision.command()
def milenage(
    imsi: Imsi,
    ki: Annotated[str, typer.Option("--ki", metavar="HEX", help=f"Its Ki (K): {KEY_HELP}")],
    opc: Annotated[str, typer.Option("--opc", metavar="HEX", help="Its OPc: 32 hexadecimal digits.")],
    profile: BoxProfile,
    count: Count = 20,
    as_json: Json = False,
):
    """Authenticate a SIM with the Milenage algorithms (TS 35.206), as a GSM network does.

    Example: femtojack gsm provision milenage 001010000000001 --ki - --opc $OPC --profile box1
    """
    from femtohost.gsm_auth import milenage, triplets

    _put(profile, imsi, lambda: triplets(milenage(_key(ki, "--ki"), _key(opc, "--opc")), _random, count), as_json)


@provision.command()
def comp128v1(
    imsi: Imsi,
    ki: Annotated[str, typer.Option("--ki", metavar="HEX", help=f"Its Ki: {KEY_HELP}")],
    profile: BoxProfile,
    count: Count = 20,
    as_json: Json = False,
):
    """Authenticate a SIM with COMP128 version 1. Needs the extra `peers` of the package.

    Example: femtojack gsm provision comp128v1 001010000000001 --ki 00112233445566778899aabbccddeeff --profile box1
    """
    from femtohost.gsm_auth import comp128v1, triplets

    _put(profile, imsi, lambda: triplets(comp128v1(_key(ki, "--ki")), _random, count), as_json)


@provision.command("list")
def list_(profile: BoxProfile, as_json: Json = False):
    """The SIMs that the box authenticates.

    Example: femtojack gsm provision list --profile box1
    """
    from femtohost.gsm_auth import provisioned

    known = [{"imsi": imsi, "triplets": count} for imsi, count in provisioned(_store(profile))]
    if as_json:
        print(json.dumps({"provisioned": known}))
        return
    table = Table("IMSI", "triplets", box=None, pad_edge=False)
    for one in known:
        table.add_row(one["imsi"], str(one["triplets"]))
    Console().print(table)


@provision.command()
def remove(imsi: Imsi, profile: BoxProfile, as_json: Json = False):
    """Forget a SIM's triplets.

    Example: femtojack gsm provision remove 001010000000001 --profile box1
    """
    from femtohost.gsm_auth import withdraw

    withdraw(_store(profile), imsi)
    _tell(imsi, 0, as_json)


def _put(profile, imsi, make, as_json):
    """Nothing is written unless all of it is right."""
    from femtohost.gsm_auth import TRIPLET, checked_imsi, provision

    checked_imsi(imsi)
    octets = make()
    profile.mkdir(parents=True, exist_ok=True, mode=0o700)
    provision(_store(profile), imsi, octets)
    _tell(imsi, len(octets) // TRIPLET, as_json)


def _tell(imsi, count, as_json):
    print(json.dumps({"imsi": imsi, "triplets": count}) if as_json else f"{imsi}: {count} triplets")


def _store(profile):
    from femtohost.store import FileStore

    return FileStore(profile / "store")


def _key(text, name):
    """16 octets. The text is a secret: no message repeats it."""
    digits = sys.stdin.readline().strip() if text == "-" else text
    if not re.fullmatch("[0-9A-Fa-f]{32}", digits):
        raise errors.UserError(f"{name}: {len(digits)} characters; should be 32 hexadecimal digits")
    return bytes.fromhex(digits)


def _random(octets):
    return secrets.token_bytes(octets)
