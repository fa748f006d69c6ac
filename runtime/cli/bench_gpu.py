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


PartOption = Annotated[
    list[str] | None,
    typer.Option("--part", metavar="NAME", help="Only parts that begin like this; repeatable."),
]
RehearseOption = Annotated[
    bool, typer.Option("--rehearse", help="Everything on the CPU, small: no figure of a GPU.")
]


def gpu(
    *, out: OutOption = Path("bench/results"), soak: SoakOption = False, index: IndexOption = 0,
    part: PartOption = None, rehearse: RehearseOption = False,
) -> None:  # fmt: skip
    """Check and time the NVIDIA path: kernels, depth, whole frames, codecs, whole streams.

    Writes gpu.json and gpu.md, after every part; takes up to eight minutes. With --part the files
    are called after the parts. Exit code 1 without a GPU, or if a kernel disagrees with its
    reference, a frame is dropped or memory grows.

    \b
    Examples:
      stereocast bench gpu
      stereocast bench gpu --soak --out results
      stereocast bench gpu --part depth --part frames
      stereocast bench gpu --rehearse --out /tmp/rehearsal
    """
    import torch

    from stereocast.bench import gpu as bench_gpu
    from stereocast.bench.gpu.rehearsal import REHEARSAL, stand_in
    from stereocast.bench.gpu.report import failures, folder_of, markdown
    from stereocast.runtime.gpu import gpu_place

    if rehearse:
        torch.set_num_threads(1)  # the pictures are too small to be shared
    place = stand_in() if rehearse else gpu_place(index, kernels_folder())
    name = f"gpu-{folder_of(' '.join(part))}" if part else "gpu"
    plan = REHEARSAL if rehearse else bench_gpu.Plan()

    def keep(report: dict[str, object]) -> None:
        device = report["gpu"]
        assert isinstance(device, dict)
        folder = out / folder_of(str(device["name"]))
        text = json.dumps(report, indent=2, ensure_ascii=False) + "\n"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{name}.json").write_text(text)
            (folder / f"{name}.md").write_text(markdown(report))
        except OSError as error:
            raise StereocastError(f"{folder}: cannot write the report: {error.strerror}") from None

    report = bench_gpu.run(place, say=_say, plan=plan, with_soak=soak, only=part or (), keep=keep)
    typer.echo(markdown(report), nl=False)
    wrong = failures(report)
    for each in wrong:
        complain(each)
    if wrong:
        raise typer.Exit(ExitCode.FAILED)


def _say(part: str) -> None:
    typer.echo(f"measuring: {part} …", err=True)
