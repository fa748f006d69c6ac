"""`stereocast export MODEL`: a depth network as ONNX or as a TensorRT plan."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stereocast.engine.errors import ConfigError
from stereocast.runtime.cli.cache import cache_folder
from stereocast.runtime.cli.export_refiner import REFINERS, RefinerWish, export_refiner
from stereocast.runtime.cli.networks import NamedNetwork, load_network
from stereocast.runtime.cli.options import JsonOption
from stereocast.runtime.cli.outcome import write_json
from stereocast.runtime.cli.progress import building

if TYPE_CHECKING:
    from stereocast.export.store import Export
    from stereocast.export.verify import Comparison

_MIB = 1 << 20


class Precision(StrEnum):
    """How numbers are stored and multiplied."""

    FP32 = "fp32"
    FP16 = "fp16"
    INT8 = "int8"


class Builder(StrEnum):
    """What builds a plan."""

    TENSORRT = "tensorrt"
    TORCH_TENSORRT = "torch-tensorrt"


class Cache(StrEnum):
    """What a frame leaves in the memory."""

    KV = "kv"
    U = "u"


def export(
    model: Annotated[str, typer.Argument(help="A name from `stereocast models list`.")],
    *,
    grid: Annotated[
        str, typer.Option(metavar="HxW", help="The network's input, multiples of 14.")
    ] = "140x252",
    precision: Annotated[
        Precision | None,
        typer.Option(help="Default: fp32, with --plan fp16.", show_default=False),
    ] = None,
    cache: Annotated[
        Cache | None,
        typer.Option(help="Kind of memory; default: kv, with --plan u.", show_default=False),
    ] = None,
    plan: Annotated[bool, typer.Option("--plan", help="Build a TensorRT plan, too.")] = False,
    targets: Annotated[
        str | None,
        typer.Option(metavar="SM,…", help="Compute capabilities a plan is for: 86,89,120."),
    ] = None,
    builder: Annotated[
        Builder, typer.Option(help="What builds it; torch-tensorrt: for the GPU here only.")
    ] = Builder.TENSORRT,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where to; default: the cache.")
    ] = None,
    weights: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A checkpoint to use instead.")
    ] = None,
    random_weights: Annotated[
        bool, typer.Option("--random-weights", help="Try it out without any weights.")
    ] = False,
    verify: Annotated[
        int, typer.Option(min=0, metavar="N", help="Compare N frames with PyTorch.")
    ] = 0,
    json: JsonOption = None,
) -> None:
    """Export a depth network as ONNX or as a TensorRT plan.

    What is there already is not made again. Building a plan needs no GPU, but the package
    tensorrt-rtx.

    \b
    stereocast export vda-small
    stereocast export vda-small --precision int8 --verify 50   faster, less exact
    stereocast export vda-small --grid 252x448 --out exports
    stereocast export vda-small --plan --targets 86,89         RTX 30 and 40 cards
    stereocast export vda-small --plan --builder torch-tensorrt
    stereocast export refiner --plan                           refine.mode = net; or refiner-none
    """
    from stereocast.export.store import Export, obtain

    height_width, devices = _grid(grid), None if targets is None else _targets(targets)
    if model in REFINERS:
        wish = RefinerWish(
            REFINERS[model], height_width, out or cache_folder() / "exports", weights,
            (devices or (86, 89, 120)) if plan else None,
        )  # fmt: skip
        _refiner(wish, json)
        return
    if plan and precision is Precision.INT8:
        raise ConfigError("a plan is fp32 or fp16; int8 is for CPUs: leave --plan or int8 out")
    if plan:
        _check_builder(builder, devices)
    named = load_network(model, weights=weights, random=random_weights)
    wanted = Export(
        model=named.name,
        weights_sha256=named.weights_sha256,
        grid=height_width,
        precision=(precision or (Precision.FP16 if plan else Precision.FP32)).value,
        cache=(cache or (Cache.U if plan else Cache.KV)).value,
    )
    folder = out or cache_folder() / "exports"
    with building() as (say, advance):
        files = [obtain(named.network, wanted, folder, say=say)]
        if plan:
            say(f"building a TensorRT plan with {builder.value}")
            files.append(_plan(builder, named, wanted, files[0], devices, advance))
    for file in files:
        typer.echo(f"{file}  {file.stat().st_size / _MIB:.1f} MiB")
    compared = _verify(files[0], named, wanted, frames=verify) if verify else None
    write_json(
        json,
        {
            "schema": "stereocast/export/1",
            "export": asdict(wanted),
            "files": [str(file) for file in files],
            "verification": None if compared is None else asdict(compared),
        },
    )


def _refiner(wish: RefinerWish, json: Path | None) -> None:
    with building() as (say, advance):
        files = export_refiner(wish, say, advance)
    for file in files:
        typer.echo(f"{file}  {file.stat().st_size / _MIB:.1f} MiB")
    write_json(
        json,
        {
            "schema": "stereocast/export/1",
            "export": {"model": f"refiner-{wish.core}", "grid": list(wish.grid)},
            "files": [str(file) for file in files],
            "verification": None,
        },
    )


def _check_builder(builder: Builder, targets: tuple[int, ...] | None) -> None:
    """Refuse what cannot be built before anything long begins."""
    if builder is Builder.TORCH_TENSORRT:
        from stereocast.export.through_torch import check_torch_tensorrt

        check_torch_tensorrt(targets)
    else:
        from stereocast.engine.tensorrt import find_tensorrt
        from stereocast.export.to_plan import DEFAULT_TARGETS, check_targets

        check_targets(find_tensorrt(), DEFAULT_TARGETS if targets is None else targets)


def _plan(
    builder: Builder, named: NamedNetwork, export: Export, onnx: Path,
    targets: tuple[int, ...] | None, advance: Callable[[str, int, int], None],
) -> Path:  # fmt: skip
    """Build the plan beside the ONNX file."""
    if builder is Builder.TORCH_TENSORRT:
        from stereocast.export.steps import step_of
        from stereocast.export.through_torch import build_plan_through_torch

        step = step_of(named.network, export.grid, cache=export.cache, storage=export.storage)
        return build_plan_through_torch(step, export, onnx.parent)
    from stereocast.export.to_plan import DEFAULT_TARGETS, build_plan

    return build_plan(onnx, onnx.parent, targets=targets or DEFAULT_TARGETS, progress=advance)


def _grid(text: str) -> tuple[int, int]:
    height, by, width = text.partition("x")
    if not (by and height.isdecimal() and width.isdecimal()):
        raise ConfigError(f"--grid is HEIGHTxWIDTH in pixels, such as 140x252, not '{text}'")
    return int(height), int(width)


def _targets(text: str) -> tuple[int, ...]:
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() for part in parts):
        raise ConfigError(f"--targets are compute capabilities, such as 86,89, not '{text}'")
    return tuple(sorted(int(part) for part in parts))


def _verify(path: Path, named: NamedNetwork, export: Export, *, frames: int) -> Comparison:
    """Compare an exported file with PyTorch in float32 and print the table."""
    import torch
    from rich.console import Console
    from rich.table import Table

    from stereocast.engine.onnx_runner import OnnxRunner
    from stereocast.export.steps import step_of
    from stereocast.export.verify import compare, reference

    torch.set_num_threads(1)
    step = step_of(named.network, export.grid, cache=export.cache)
    result = compare(OnnxRunner(path), reference(step), frames=frames)
    table = Table(title=f"{frames} streamed frames against PyTorch", title_justify="left")
    for column in ("max", "mean", "spread of depth", "CPU ms", "PyTorch CPU ms"):
        table.add_column(column, justify="right")
    table.add_row(
        f"{result.max_difference:.1e}",
        f"{result.mean_difference:.1e}",
        f"{result.spread:.3f}",
        f"{result.cpu_ms:.1f}",
        f"{result.torch_cpu_ms:.1f}",
    )
    Console(highlight=False).print(table)
    return result
