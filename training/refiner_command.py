"""`python -m stereocast.training refiner`: train the network that corrects the refiner."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import torch
import typer

from stereocast.engine.errors import ConfigError


class Core(StrEnum):
    """What a cell of the network has between encoder and decoder."""

    MAMBA = "mamba"
    NONE = "none"


def refiner(
    config: Annotated[Path, typer.Option(help="Settings: configs/training/refiner.toml.")],
    clips: Annotated[Path, typer.Option(help="Folder of rendered clips; what lacks is rendered.")],
    out: Annotated[Path, typer.Option(help="Folder for checkpoint, log and weights.")],
    seed: Annotated[
        int | None, typer.Option(min=0, help="Another seed than the file's.", show_default=False)
    ] = None,
    core: Annotated[
        Core | None, typer.Option(help="Another core than the file's.", show_default=False)
    ] = None,
    weights: Annotated[
        Path | None,
        typer.Option(help="The teacher's checkpoint, if it is vda-….", show_default=False),
    ] = None,
    until: Annotated[
        int | None, typer.Option(min=1, help="Stop after this step.", show_default=False)
    ] = None,
) -> None:
    """Train the refiner's network, or continue where `--out` stands.

    Ctrl-C loses the steps since the last checkpoint. One thread, about 3 minutes.

    \b
    python -m stereocast.training refiner --config configs/training/refiner.toml \\
        --clips clips --out run
    """
    from stereocast.engine.refine.weights import save_network
    from stereocast.training.progress import progress
    from stereocast.training.refine_clips import ClipCache
    from stereocast.training.refine_settings import read_settings
    from stereocast.training.refiner import RefinerTraining, StepLog, train
    from stereocast.training.teachers import SaidCache

    torch.set_num_threads(1)
    settings = read_settings(config, seed=seed, core=None if core is None else str(core))
    cache, said = ClipCache(clips, settings.shape), None
    numbers = range(settings.first_clip, settings.first_clip + settings.clips)
    with progress("clips", settings.clips) as counted:
        cache.fill(numbers, lambda _: counted(""))
    if settings.teacher is not None:
        said = SaidCache(clips, settings.teacher_shape, settings.teacher.model, weights)
        first = settings.teacher.first_clip
        with progress(f"what {settings.teacher.model} says", settings.teacher.clips) as counted:
            for number in range(first, first + settings.teacher.clips):
                said.clip(number)
                counted("")
    elif weights is not None:
        raise ConfigError(f"{config} names no [teacher]; leave --weights out")
    training = RefinerTraining(settings, cache, said)
    stored = out / "checkpoint.pt"
    if stored.exists():
        training.restore(stored)
        typer.echo(f"continuing from step {training.taken}", err=True)
    with progress(f"refiner, {settings.core}", settings.steps, done=training.taken) as advance:

        def told(log: StepLog) -> None:
            advance(f"loss {log.total:.3f}, depth {log.depth:.3f}, temporal {log.temporal:.3f}")

        train(training, out, told=told, until=until)
    save_network(training.average, out / "weights.safetensors")
    typer.echo(f"{out / 'weights.safetensors'}: the mean of the weights after {training.taken}")
