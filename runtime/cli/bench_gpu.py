"""`stereocast bench gpu`: everything that only a GPU can tell, with one command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from stereocast.engine.errors import StereocastError
from stereocast.runtime.cli.cache import kernels_folder
from stereocast.runtime.cli.outcome import ExitCode, complain

OutOption = Annotated[
    Path, typer.Option("--out", metavar="FOLDER", help="Gets a folder named after the GPU.")
]
SoakOption = Annotated[
    bool, typer.Option("--soak", help="Also run 10,800 frames, three minutes at 60 per second.")
]
IndexOption = Annotated[int, typer.Option("--gpu", min=0, metavar="N", help="Number of the GPU.")]


def gpu(
    *, out: OutOption = Path("bench/results"), soak: SoakOption = False, index: IndexOption = 0
) -> None:
    """Check and time the NVIDIA path: kernels, depth, whole frames, encoders, memory.

    Writes gpu.json and gpu.md; takes up to eight minutes. Exit code 1 without a GPU, or if a kernel
    disagrees with its reference or memory grows.

    \b
    Examples:
      stereocast bench gpu
      stereocast bench gpu --soak --out results
    """
    from stereocast.bench import gpu as bench_gpu
    from stereocast.bench.gpu.report import failures, folder_of, markdown
    from stereocast.runtime.gpu import gpu_place

    place = gpu_place(index, kernels_folder())
    report = bench_gpu.run(place, say=_say, soak=soak)
    device = report["gpu"]
    assert isinstance(device, dict)
    folder = out / folder_of(str(device["name"]))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "gpu.json").write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n")
        (folder / "gpu.md").write_text(markdown(report))
    except OSError as error:
        raise StereocastError(f"{folder}: cannot write the report: {error.strerror}") from None
    typer.echo(markdown(report))
    typer.echo(f"written to {folder}")
    wrong = failures(report)
    for each in wrong:
        complain(each)
    if wrong:
        raise typer.Exit(ExitCode.FAILED)


def _say(part: str) -> None:
    typer.echo(f"measuring: {part} …", err=True)
