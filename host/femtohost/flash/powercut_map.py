"""The map of a sweep: what happens when power fails at each operation, as text and as a picture."""

from femtohost.flash.scenarios import GOLDEN, NEW, OLD
from femtojack.flash.layout import CHIP, REGIONS

MARKS = {OLD: ".", NEW: "#", GOLDEN: "g"}
MIXED, BROKEN = "+", "!"
LEGEND = ". the old firmware runs   # the new one   g the golden one   + either   ! broken"
COLOURS = {".": "#7fb3d5", "#": "#52be80", "g": "#f5b041", "+": "#48c9b0", "!": "#c0392b"}
MEANING = {".": "old", "#": "new", "g": "golden", "+": "either", "!": "broken"}


def mark(outcomes):
    """One character for the outcomes of a mode at an operation."""
    if any(verdict.startswith("!") for verdict in outcomes):
        return BROKEN
    marks = {MARKS[verdict] for verdict in outcomes}
    return marks.pop() if len(marks) == 1 else MIXED


def text(operations, width=100):
    """Lines: a column for each operation of the first power session, a row for each mode."""
    lines = []
    for scenario in dict.fromkeys(operation["scenario"] for operation in operations):
        of_it = [operation for operation in operations if operation["scenario"] == scenario]
        for begin in range(0, len(of_it), width):
            part = of_it[begin : begin + width]
            lines += ["", f"{scenario}, operations {part[0]['number']} to {part[-1]['number']}"]
            lines.append(f"{'':15}" + "".join(_letter(operation) for operation in part))
            for mode in part[0]["modes"]:
                lines.append(f"{mode:15}" + "".join(mark(operation["modes"][mode]) for operation in part))
    return "\n".join([*lines, "", LEGEND, "regions: " + "  ".join(f"{_LETTERS[name]} {name}" for name in _LETTERS)])


_LETTERS = {"identity": "i", "journal": "j", "floor": "f", "slot_a": "a", "slot_b": "b"}


def _letter(operation):
    letter = _LETTERS.get(operation["region"], "-")
    return letter.upper() if operation["kind"] == "erase" else letter


def draw(operations, path):
    """The image from its start to its end, in a picture: each operation at its address, each mode in a row of its own.

    Where many operations are close together each row spreads them in the order in which they came.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot
    from matplotlib.patches import Patch

    scenarios = list(dict.fromkeys(operation["scenario"] for operation in operations))
    figure, all_axes = pyplot.subplots(len(scenarios) + 1, 1, figsize=(14, 2 + 3 * len(scenarios)), squeeze=False)
    _draw_image(all_axes[0][0], operations)
    for axes, scenario in zip(all_axes[1:, 0], scenarios, strict=True):
        _draw_scenario(axes, scenario, [operation for operation in operations if operation["scenario"] == scenario])
    patches = [Patch(color=colour, label=MEANING[which]) for which, colour in COLOURS.items()]
    figure.legend(handles=patches, loc="lower center", ncol=len(patches), frameon=False)
    figure.tight_layout(rect=(0, 0.05, 1, 1))
    figure.savefig(path)
    pyplot.close(figure)


def _worst(operation):
    """The most telling mark of all modes of an operation."""
    return max((mark(outcomes) for outcomes in operation["modes"].values()), key=".#+g!".index)


def _draw_image(axes, operations):
    axes.set_title("the flash: what is protected is hatched; operations are where they write", loc="left")
    for name, start, size, protected in REGIONS:
        axes.barh(
            0, size, left=start, height=1, color="#eeeeee", edgecolor="#555555", hatch="//" if protected else None
        )
        if size > CHIP // 40:
            axes.text(start + size / 2, 0.62, name, ha="center", fontsize=8)
    for operation in operations:
        axes.plot(operation["address"], 0, "|", markersize=24, color=COLOURS[_worst(operation)])
    axes.set_xlim(0, CHIP)
    axes.set_ylim(-0.6, 1)
    axes.set_yticks([])
    marks = range(0, CHIP, 1 << 21)
    axes.set_xticks(marks, [f"{address:06x}" for address in marks])


def _draw_scenario(axes, scenario, operations):
    axes.set_title(f"{scenario}: {len(operations)} operations, in order", loc="left")
    modes = list(operations[0]["modes"])
    for column, operation in enumerate(operations):
        for row, mode in enumerate(modes):
            axes.bar(column, 0.9, bottom=row, width=1, color=COLOURS[mark(operation["modes"][mode])])
    axes.set_yticks([row + 0.45 for row in range(len(modes))], modes)
    changes = [i for i, o in enumerate(operations) if not i or o["region"] != operations[i - 1]["region"]]
    axes.set_xticks(changes, [operations[i]["region"] for i in changes], rotation=30, fontsize=7)
    axes.set_xlim(-0.5, len(operations) - 0.5)
