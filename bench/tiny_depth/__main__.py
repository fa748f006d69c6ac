"""`python -m stereocast.bench.tiny_depth`: score the built-in network, write its card."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import torch
import typer

from stereocast.bench.stereo_truth.real_pairs import NAMES
from stereocast.bench.tiny_depth import cost, real, worlds
from stereocast.bench.tiny_depth.card import write_card
from stereocast.bench.tiny_depth.methods import Streams
from stereocast.engine.depth.tiny.weights import BUILT_IN, load_network
from stereocast.engine.errors import StereocastError
from stereocast.runtime import machine
from stereocast.training.progress import progress


def score(
    weights: Annotated[Path, typer.Option(help="The weights to score.")] = BUILT_IN,
    data: Annotated[
        Path | None, typer.Option(help="Folder with stereo/: real clips, too.", show_default=False)
    ] = None,
    count: Annotated[int, typer.Option(min=0, help="Held-out worlds of each kind.")] = 24,
    out: Annotated[Path | None, typer.Option(help="JSON report.", show_default=False)] = None,
    card: Annotated[
        Path | None, typer.Option(help="Model card to write.", show_default=False)
    ] = None,
) -> None:
    """Score the built-in depth network beside constant, ramp, mean picture and prior.

    Nothing is trained, tuned or chosen by what comes out.

    \b
    python -m stereocast.bench.tiny_depth
    python -m stereocast.bench.tiny_depth --data DIR --out tiny.json --card MODEL_CARD.md
    """
    torch.set_num_threads(1)
    network = load_network(weights)
    streams = Streams(network)
    report: dict[str, object] = {
        "schema": "stereocast/bench-tiny-depth/1",
        "machine": machine.facts(),
        "worlds_each": count,
        "first_seed": worlds.FIRST_SEED,
        "cost": cost.run(network),
    }
    if count:
        with progress("worlds", 2 * count) as advance:
            report["worlds"] = worlds.run(streams, count, told=lambda: advance(""))
    if data is not None:
        with progress("real clips", len(NAMES)) as advance:
            report["real"] = real.run(streams, data, told=lambda: advance(""))
    text = json.dumps(report, indent=1)
    if out is not None:
        out.write_text(text + "\n")
    if card is not None:
        write_card(report, card)
    print(text)


if __name__ == "__main__":
    try:
        typer.run(score)
    except StereocastError as error:
        sys.exit(f"error: {error}")
