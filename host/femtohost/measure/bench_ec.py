"""`femtojack bench ec`: quality and cost of this canceller and of its peers, in one run."""

import platform

from femtohost.errors import UserError
from femtohost.measure import compare, cost
from femtohost.measure.peers import Missing, all_peers

REPETITIONS, QUICK_REPETITIONS = 9, 3


def bench_ec(names=(), quick=False, progress=lambda done, of: None):
    """Measure the peers of `names` (all if empty) beside this canceller. A dict ready for JSON:

    settings; machine; cancellers: [{name, note, quality}] with the figures of `compare.quality`, the ceiling last;
    cost_ns: {name: {taps: ns a sample}}; to_fastest_peer: {kernel: {taps: ratio of ns}}; process_over_c_us;
    missing: [{name, get, said}].
    UserError for a name that there is not. Takes about 20 s, quick 5 s; the cost depends on the machine.
    """
    chosen, missing = _installed(_chosen(names))
    repetitions = QUICK_REPETITIONS if quick else REPETITIONS
    steps, done = compare.runs(quick) * len(chosen) + repetitions, 0

    def step():
        nonlocal done
        done += 1
        progress(done, steps)

    cancellers = [
        {"name": peer.name, "note": peer.note, "quality": compare.quality(peer, quick, step)} for peer in chosen
    ]
    ceiling = {"name": "ceiling", "note": "the exact echo subtracted", "quality": compare.ceiling(quick)}
    figures = cost.cost(chosen, cost.QUICK_TAPS if quick else cost.TAPS, repetitions, progress=step)
    return {
        "settings": _settings(quick),
        "machine": f"{platform.machine()}, {platform.system()}, Python {platform.python_version()}",
        "cancellers": [*cancellers, ceiling],
        "cost_ns": figures,
        "to_fastest_peer": cost.to_fastest_peer(figures),
        "process_over_c_us": cost.call_overhead_us(figures),
        "missing": missing,
    }


def _chosen(names):
    peers = all_peers()
    known = {peer.name.lower(): peer for peer in peers}
    for name in names:
        if name.lower() not in known:
            one_of = ", ".join(peer.name for peer in peers)
            raise UserError(f"--peers {name}: no such canceller; give one of {one_of}")
    chosen = {peers[0].name, *(known[name.lower()].name for name in names)} if names else {peer.name for peer in peers}
    return [peer for peer in peers if peer.name in chosen]


def _installed(peers):
    """(those that start, what to say of the others)."""
    chosen, missing = [], []
    for peer in peers:
        try:
            peer.start(compare.TAPS)
        except Missing as error:
            missing.append({"name": peer.name, "get": peer.get, "said": str(error)})
        else:
            chosen.append(peer)
    return chosen, missing


def _settings(quick):
    paths, disturbed, changes = compare.plan(quick)
    return {
        "taps": compare.TAPS, "signal": f"CSS {compare.LEVEL_DBM0:g} dBm0", "erl_db": compare.ERL_DB,
        "law": "mu-law", "paths": list(paths), "disturbed": list(disturbed),
        "changes": ["-".join(pair) for pair in changes], "quick": quick,
    }  # fmt: skip
