"""`femtojack bench gsm-fr`: the GSM full rate codec's cost."""

import json
from typing import Annotated

import typer

from femtohost.commands.common import Json, bench, progress_bar


@bench.command("gsm-fr")
def bench_gsm_fr(
    runs: Annotated[int, typer.Option(help="Repetitions; the median counts.", min=1)] = 7,
    as_json: Json = False,
):
    """What a frame of GSM full rate speech costs here, beside libgsm where it is installed.

    Example: femtojack bench gsm-fr --json
    """
    from femtohost.measure.bench_gsm_fr import bench_gsm_fr as measure

    with progress_bar("coding") as progress:
        result = measure(runs, progress)
    if as_json:
        print(json.dumps(result))
        return
    for name, us in result["codecs"].items():
        print(f"{name}: {us['frame_us']:.1f} us a frame of 20 ms"
              f" (encode {us['encode_us']:.1f}, decode {us['decode_us']:.1f})")  # fmt: skip
    for peer in result["missing"]:
        print(f"{peer['name']} is missing ({peer['said']}): {peer['get']}")
