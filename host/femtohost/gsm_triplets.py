"""Files of triplets, as tools for SIMs write them.

A table: a line each triplet, of RAND (32 hexadecimal digits), SRES (8) and Kc (16) in any order, with spaces, commas,
semicolons or colons between them; in front perhaps the IMSI that it is of; lines that begin with # say nothing. Or what
osmo-auc-gen prints, any number of times: lines "RAND: ...", "SRES: ...", "Kc: ...".
"""

import re

from femtohost.errors import UserError
from femtohost.gsm_auth import IMSI, KC_OCTETS, MOST, RAND_OCTETS, SRES_OCTETS

_LARGEST = 1 << 16  # octets of a file
_FIELDS = {2 * RAND_OCTETS: "RAND", 2 * SRES_OCTETS: "SRES", 2 * KC_OCTETS: "Kc"}  # by digits
_NAMED = re.compile(r"(RAND|SRES|Kc):\s*([0-9A-Fa-f]+)\s*")
_HEXADECIMAL = re.compile("[0-9A-Fa-f]+")
_BETWEEN = re.compile(r"[\s,;:]+")
_ONE = "RAND, SRES and Kc of 32, 8 and 16 hexadecimal digits"


def read_triplets(path, imsi):
    """The octets of all triplets of `imsi` in the file: RAND SRES Kc each; what has no IMSI is of any.

    UserError: the line that is wrong. OSError: no file.
    """
    with open(path, "rb") as file:
        octets = file.read(_LARGEST + 1)
    if len(octets) > _LARGEST:
        raise UserError(f"{path}: larger than {_LARGEST} octets: no file of at most {MOST} triplets")
    lines = octets.decode("latin-1").splitlines()
    found = _named(lines, path) or _table(lines, path, imsi)
    if not 1 <= len(found) <= MOST:
        raise UserError(f"{path}: {len(found)} triplets of IMSI {imsi}; should be 1 to {MOST}")
    if len({triplet["RAND"] for triplet in found}) < len(found):
        raise UserError(f"{path}: the same RAND twice; each triplet has its own")
    return b"".join(triplet["RAND"] + triplet["SRES"] + triplet["Kc"] for triplet in found)


def _named(lines, path):
    """Those in lines that begin with names; [] if there is no such line."""
    found = []
    for number, line in enumerate(lines, 1):
        match = _NAMED.fullmatch(line)
        if not match:
            continue
        name, digits = match.groups()
        if name == "RAND":
            found.append({})
        if not found or name in found[-1] or _FIELDS.get(len(digits)) != name:
            raise UserError(f"{path}:{number}: should be {_ONE}, in this order")
        found[-1][name] = bytes.fromhex(digits)
    if any(len(triplet) < len(_FIELDS) for triplet in found):
        raise UserError(f"{path}: a RAND without its SRES or Kc")
    return found


def _table(lines, path, imsi):
    """Those of a table."""
    found = []
    for number, line in enumerate(lines, 1):
        words = [word for word in _BETWEEN.split(line) if word]
        if not words or words[0].startswith("#"):
            continue
        whose = words.pop(0) if len(words) > len(_FIELDS) and IMSI.fullmatch(words[0]) else imsi
        fields = {_FIELDS.get(len(word)): word for word in words if _HEXADECIMAL.fullmatch(word)}
        if len(words) != len(_FIELDS) or fields.keys() != set(_FIELDS.values()):
            raise UserError(f"{path}:{number}: should be {_ONE}")
        if whose == imsi:
            found.append({name: bytes.fromhex(word) for name, word in fields.items()})
    return found
