"""/main.py of femtojack: starts the firmware in the slot that the file `slot` names.

`femtojack board deploy` puts it here. A slot is one half of the image's ROMFS partition, whose code runs where it
lies, or a folder where the image has none. Where renaming is not atomic (FAT), a power cut can leave only `slot.new`:
it is complete then.
"""

import sys

SLOTS = ("a", "b")
_SEGMENT = 2  # vfs.rom_ioctl: an object for a partition


def enter():
    """Let modules be found in the chosen slot, before all others. Returns its name, None if nothing is deployed."""
    slot = _chosen()
    if slot:
        _mount(slot)
        sys.path[:] = [slot] + [place for place in sys.path if not place.startswith("/rom")]
    return slot


def partition():
    """The ROMFS partition, a block device that can be read as memory; None in an image without one."""
    import vfs

    found = vfs.rom_ioctl(_SEGMENT, 0) if hasattr(vfs, "rom_ioctl") else -1
    return None if isinstance(found, int) else found


def _chosen():
    for name in ("slot", "slot.new"):
        try:
            with open(name) as file:
                slot = file.read().strip()
        except OSError:
            continue
        if slot in SLOTS:
            return slot
    return None


def _mount(slot):
    """Its half of the partition over the folder of the same name."""
    whole = partition()
    if whole is None:
        return
    import vfs

    memory = memoryview(whole)
    half = len(memory) // 2
    begin = half * SLOTS.index(slot)
    try:
        vfs.mount(vfs.VfsRom(memory[begin : begin + half]), "/" + slot)
    except OSError:  # nothing is there: it is a folder
        pass


if __name__ == "__main__":
    if enter():
        __import__("main")
    else:
        print("femtojack: nothing is deployed here: femtojack board deploy")
