"""A sweep of power cuts as a whole: over processors, with a folder from which it goes on when it was interrupted."""

import json
import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from functools import lru_cache

from femtohost.errors import UserError
from femtohost.flash.powercut import MODES, Sweep, Tally, Walk
from femtohost.flash.scenarios import SCENARIOS
from femtojack.flash.layout import REGIONS, SLOT_SIZE

EXHAUSTIVE = 2  # cuts in a history, up to which all histories are tried
SLOTS = {1: 64, 2: 16}  # KiB, by depth; deeper ones as 2
FULL = SLOT_SIZE // 1024
BATCH = 25  # sampled histories in a task
OPTIONS, DONE, MAP = "options.json", "done.jsonl", "map.svg"


@dataclass(frozen=True)
class Options:
    """depth: cuts in a history, at most. modes: of MODES. seeds: of each random outcome. slot: KiB, None: by depth.
    sample: at most so many first operations, None: all. histories: how many, for depths that are sampled.
    UserError: something is wrong."""

    depth: int = 1
    modes: tuple = MODES
    seeds: int = 1
    slot: int | None = None
    sample: int | None = None
    histories: int = 10_000

    def __post_init__(self):
        wrong = [mode for mode in self.modes if mode not in MODES]
        if wrong or not self.modes:
            raise UserError(f"--modes {','.join(self.modes)}: of {','.join(MODES)}")
        if not 1 <= self.depth <= 8:
            raise UserError(f"--depth {self.depth}: 1 to 8 cuts")
        if not 8 <= self.slot_kib <= FULL:
            raise UserError(f"--slot {self.slot_kib}: 8 to {FULL} KiB")

    @property
    def slot_kib(self):
        return self.slot or SLOTS.get(self.depth, SLOTS[EXHAUSTIVE])


@lru_cache
def _sweep(name, slot_kib, modes, depth, seeds):
    return Sweep(name, slot_kib, modes, depth, seeds)


@lru_cache
def _walk(name, slot_kib, modes, depth):
    return Walk(name, slot_kib, modes, depth)


def tasks(options):
    """The parts of it, each a list that JSON holds: ["cut", scenario, operation] or ["walk", scenario, first, last]."""
    if options.depth > EXHAUSTIVE:
        ranges = range(0, options.histories, BATCH)
        return [["walk", SCENARIOS[i // BATCH % 2], i, min(i + BATCH, options.histories)] for i in ranges]
    found = []
    for name in SCENARIOS:
        count = len(_sweep(name, options.slot_kib, options.modes, options.depth, options.seeds).first)
        sample = min(options.sample or count, count)
        found += [["cut", name, i * count // sample] for i in range(sample)]
    return found


def work(options, task):
    """{mode: Tally as a dict} of one part; a walk has the one mode "sampled"."""
    kind, name, *numbers = task
    if kind == "cut":
        sweep = _sweep(name, options.slot_kib, options.modes, options.depth, options.seeds)
        return {mode: tally.as_dict() for mode, tally in sweep.at(*numbers).items()}
    walk, total = _walk(name, options.slot_kib, options.modes, options.depth), Tally()
    for seed in range(*numbers):
        total.add(walk.history(seed))
    return {"sampled": total.as_dict()}


def run(options, *, workers=1, folder=None, progress=lambda done, of: None):
    """The whole sweep. `folder` keeps what is done and gets the map; a sweep that it holds is gone on with.

    Returns {"histories", "identity_lost", "not_booting", "broken", "max_boots", "outcomes", "failures", "seconds",
    "per_minute", "operations": [{"scenario", "number", "kind", "address", "region", "modes": {mode: outcomes}}]}.
    UserError: the folder holds another sweep.
    """
    begin = time.monotonic()
    todo = tasks(options)
    done = _resume(options, folder) if folder else {}
    fresh = 0
    left = [task for task in todo if json.dumps(task) not in done]
    progress(len(todo) - len(left), len(todo))
    for task, tallies in _results(options, left, workers):
        done[json.dumps(task)] = tallies
        fresh += sum(tally["histories"] for tally in tallies.values())
        if folder:
            with (folder / DONE).open("a") as file:
                print(json.dumps({"task": task, "tallies": tallies}), file=file)
        progress(len(todo) - len(left) + 1, len(todo))
        left.pop()
    seconds = time.monotonic() - begin
    return _summary(options, todo, done) | {
        "seconds": round(seconds, 1), "per_minute": round(fresh / seconds * 60) if fresh else 0
    }  # fmt: skip


def _results(options, left, workers):
    """(task, its tallies), as they come."""
    if workers == 1:
        for task in list(left):
            yield task, work(options, task)
        return
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        futures = {pool.submit(work, options, task): task for task in left}
        for future in as_completed(futures):
            yield futures[future], future.result()


def _resume(options, folder):
    """What the folder holds of this sweep: {task as JSON: tallies}."""
    folder.mkdir(parents=True, exist_ok=True)
    path, facts = folder / OPTIONS, json.loads(json.dumps(asdict(options)))
    if path.exists() and json.loads(path.read_text()) != facts:
        raise UserError(f"--out {folder}: it holds a sweep with other options ({OPTIONS}); give an empty folder")
    path.write_text(json.dumps(facts))
    found = {}
    for line in (folder / DONE).read_text().splitlines() if (folder / DONE).exists() else ():
        try:
            entry = json.loads(line)
        except ValueError:
            continue  # it was interrupted while it wrote that
        found[json.dumps(entry["task"])] = entry["tallies"]
    return found


def _summary(options, todo, done):
    total, operations = Tally(), []
    for task in todo:
        tallies = done[json.dumps(task)]
        for tally in tallies.values():
            total.add(Tally.from_dict(tally))
        if task[0] == "cut":
            operations.append(_described(options, task, tallies))
    return total.as_dict() | {"operations": operations}


def _described(options, task, tallies):
    """One operation of the first power session, for the map."""
    _, name, number = task
    operation = _sweep(name, options.slot_kib, options.modes, options.depth, options.seeds).first[number].operation
    return {
        "scenario": name, "number": number, "kind": operation.kind, "address": operation.address,
        "region": region_of(operation.address), "modes": {mode: tally["outcomes"] for mode, tally in tallies.items()},
    }  # fmt: skip


def region_of(address):
    """Name of the region at an address; "" between regions."""
    return next((name for name, start, size, _ in REGIONS if start <= address < start + size), "")
