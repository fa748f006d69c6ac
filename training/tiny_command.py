"""`python -m stereocast.training tiny`: train the built-in depth network."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import torch
import typer


def tiny(
    config: Annotated[Path, typer.Option(help="Settings: configs/training/tiny.toml.")],
    clips: Annotated[Path, typer.Option(help="Folder of shards, made by `clips`.")],
    out: Annotated[Path, typer.Option(help="Folder for checkpoint, log and weights.")],
    begin: Annotated[
        Path | None, typer.Option(help="Weights to start from.", show_default=False)
    ] = None,
    threads: Annotated[int, typer.Option(min=1, help="Threads of PyTorch.")] = 1,
    until: Annotated[
        int | None, typer.Option(min=1, help="Stop before this step.", show_default=False)
    ] = None,
) -> None:
    """Train the built-in depth network, or continue where `--out` stands.

    Ctrl-C loses the steps since the last checkpoint.

    \b
    python -m stereocast.training tiny --config configs/training/tiny.toml --clips clips --out run
    """
    from stereocast.engine.depth.tiny.weights import load_network, save_network
    from stereocast.training.data import ClipShards
    from stereocast.training.progress import progress
    from stereocast.training.settings import read_settings
    from stereocast.training.tiny import Losses, TinyTraining, train

    torch.set_num_threads(threads)
    first = None if begin is None else load_network(begin)
    training = TinyTraining(read_settings(config), ClipShards(clips), first)
    stored = out / "checkpoint.pt"
    if stored.exists():
        training.restore(stored)
        typer.echo(f"continuing from step {training.taken}", err=True)
    with progress("tiny", training.settings.steps, done=training.taken) as advance:

        def told(_step: int, losses: Losses) -> None:
            advance(f"loss {losses.total:.3f}, depth {losses.depth:.3f}")

        train(training, out, told=told, until=until)
    save_network(training.average, out / "weights.safetensors")
    typer.echo(f"{out / 'weights.safetensors'}: the mean of the weights after {training.taken}")
