"""Benchmarks: figures that depend on the machine."""

from statistics import median

from femtohost.call import CallOptions, make_call


def bench_call(runs, seconds, progress=lambda done, of: None):
    """Speeds of `runs` calls of `seconds` with both talking at once: virtual over wall-clock time."""
    speeds = []
    for i in range(runs):
        run = make_call(CallOptions(seconds=seconds, overlap=True, seed=i, keep_trace=False))
        speeds.append(run.call["speed"])
        progress(i + 1, runs)
    return {"speed": median(speeds), "speeds": speeds, "seconds": seconds}
