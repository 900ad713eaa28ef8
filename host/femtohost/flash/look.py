"""What a flash holds, looked at with the firmware's own eyes, on a copy: nothing is healed, counted or rolled back."""

from femtohost.flash.factory import Jig
from femtohost.models import nor_status
from femtohost.models.nor_cells import SECTOR
from femtojack.flash.boot import Boot
from femtojack.flash.identity import Identity
from femtojack.flash.journal import CONFIRMED, TRIAL, UPDATING, Journal
from femtojack.flash.layout import REGIONS
from femtojack.flash.results import name
from femtojack.flash.slots import NAMES, Slot

KINDS = {None: "none", CONFIRMED: "confirmed", UPDATING: "updating", TRIAL: "trial"}


def regions():
    """What lies where, for JSON; the identity is there twice, as it is in two parts."""
    return [{"name": name, "start": start, "size": size, "protected": p} for name, start, size, p in REGIONS]


def octets(flash, region=None):
    """All that the flash holds, or the parts of one region, one after the other."""
    parts = [r for r in REGIONS if r[0] == region] if region else [("", 0, flash.silicon.size, False)]
    return b"".join(flash.silicon.store.read(start, size) for _, start, size, _ in parts)


def identity(flash):
    """{"serial", "number" (None: lost), "copies" (good ones)}."""
    found = Identity(Jig(flash.fork()).driver())
    found.load()
    return {"serial": found.serial, "number": found.number, "copies": found.copies}


def info(flash):
    """The chip, its registers and wear, the slots and the journal, for JSON."""
    jig = Jig(flash.fork())
    driver = jig.driver()
    journal = Journal(driver)
    journal.load()
    status = bytes(flash.silicon.store.status)
    begin, end = nor_status.protected(status, flash.silicon.size)
    boot = Boot(Jig(flash.fork()))
    return {
        "chip": "W25Q128", "size": flash.silicon.size, "status": status.hex(), "protected": [begin, end],
        "slots": {NAMES[i]: _slot(Slot(driver, i, flash.slot_size), jig, driver) for i in range(len(NAMES))},
        "journal": {
            "kind": KINDS.get(journal.kind), "active": NAMES[journal.active], "target": NAMES[journal.target],
            "attempts": journal.attempts, "result": name(journal.result),
        },
        "floor": boot.floor.value, "boots": boot.slot, "fault": boot.fault,
        "erases": erases(flash.silicon.store),
    }  # fmt: skip


def _slot(slot, jig, driver):
    """What stands in a slot: None for nothing."""
    found = slot.manifest()
    if found is None:
        return None
    good = driver.run(slot.verify(jig, 0)) is not None
    return {"version": found.version, "security_counter": found.counter, "size": found.size, "good": good}


def erases(store):
    """The most erase cycles of a sector, region by region."""
    found = {}
    for region, start, size, _ in REGIONS:
        found[region] = max(found.get(region, 0), *(store.cycles[i] for i in _sectors(start, size)))
    return found


def _sectors(start, size):
    return range(start // SECTOR, (start + size) // SECTOR)
