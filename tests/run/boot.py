"""A box that runs, as it was in the beginning: for tests that share one."""

import itertools

_marks = itertools.count()


def boot(box):
    """Let it boot anew, whatever it is doing, and forget its events."""
    box.ctl("power", state="on")
    box.ctl("on-hook")
    mark = next(_marks)
    box.ctl("execute", source=f"clock.after(1, lambda: gateway._on_event({{'event': 'mark', 'mark': {mark}}}))")
    box.event("mark", mark=mark)
    for state in "off", "on":
        box.ctl("power", state=state)
        box.event("power", state=state)
    box.event("line", state="on-hook")
    return box
