"""/main.py of femtojack: starts the firmware in the folder that the file `slot` names.

`femtojack board deploy` puts it here. Where renaming is not atomic (FAT), a power cut can leave only `slot.new`: it is
complete then.
"""

import sys


def chosen():
    for name in ("slot", "slot.new"):
        try:
            with open(name) as file:
                slot = file.read().strip()
        except OSError:
            continue
        if slot in ("a", "b"):
            return slot
    return None


slot = chosen()
if slot:
    sys.path.insert(0, slot)
    __import__("main")
else:
    print("femtojack: nothing is deployed here: femtojack board deploy")
