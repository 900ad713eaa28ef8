"""Putting the firmware onto a board, so that at every instant either the old one boots or the new one, whole.

The board has two slots, `a` and `b`, and a file `slot` that names the one to start. The new firmware is written into
the other slot, the board reads all of it back and tells its hashes, and only then one rename changes `slot`.
A power cut, a pulled cable or an interrupt before that rename leaves what was there.
"""

import json

from femtohost.desk import slots
from femtohost.errors import UserError

CONFIG = "config.json"
_OURS = b'"""/main.py of femtojack'

_SLOT = """
try:
    with open('slot') as f:
        print(repr(f.read().strip()))
except OSError:
    print(None)
"""

_RENAME = "import os\nos.rename({old!r}, {new!r})\nif hasattr(os, 'sync'):\n    os.sync()\n"


def deploy(link, bundle, config=None, force=False, progress=None):
    """Put `bundle` onto the board at `link`, and `config` (dict) if one is given. What was done, a dict.

    progress(done, of) counts octets. UserError: wrong board, no room, a /main.py that is not ours (`force` replaces
    it). BoardLost: the board went away; it starts what it had before.
    """
    link.expect(bundle.board)
    current = link.ask(_SLOT)
    slot = slots.SLOTS[current == slots.SLOTS[0]]
    _keep_foreign_starter(link, force)
    places = slots.of(link)
    places.write(slot, bundle, progress)
    _replace(link, "main.py", bundle.starter)
    if config is not None:
        _replace(link, CONFIG, json.dumps(config).encode())
    _replace(link, "slot", f"{slot}\n".encode())
    return {
        "board": bundle.board.name, "machine": link.facts.machine, "slot": slot, "kind": places.kind,
        "files": len(bundle.files), "octets": bundle.size, "sha256": bundle.digest(), "verified": True,
    }  # fmt: skip


def _keep_foreign_starter(link, force):
    found = link.ask("try:\n    print(open('main.py', 'rb').read(64))\nexcept OSError:\n    print(None)\n")
    if found and not found.startswith(_OURS) and not force:
        raise UserError(f"{link.port}: the board has another main.py; save it, then give --force to replace it")


def _replace(link, name, data):
    """One file, whole or as before: written beside, read back, renamed."""
    new = f"{name}.new"
    for _ in slots.write_file(link, new, data):
        pass
    slots.check_files(link, repr([new]), {new: data})
    link.run(_RENAME.format(old=new, new=name))
