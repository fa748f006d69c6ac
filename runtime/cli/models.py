"""`stereocast models …`: the depth models on this machine, and how they come here."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stereocast.engine.errors import ModelError
from stereocast.engine.models import MODELS, Output, find
from stereocast.runtime.cli.cache import models_folder
from stereocast.runtime.cli.options import JsonOption
from stereocast.runtime.cli.outcome import write_json
from stereocast.runtime.models.store import NORMALISATIONS, ModelStore, StoredModel

if TYPE_CHECKING:
    from rich.table import Table

_KINDS = {"metric-depth": "metres", "relative-inverse": "relative"}
_WIDE = 110  # columns of a terminal that shows what each model is

models = typer.Typer(help="List, fetch, import and check depth models.", no_args_is_help=True)

NameArgument = Annotated[str, typer.Argument(help="A name from `stereocast models list`.")]
AcceptOption = Annotated[
    bool,
    typer.Option("--accept-licence", help="Agree to a licence that forbids commercial use."),
]


@models.command("list")
def list_models(*, json: JsonOption = None) -> None:
    """Show every model by name: what it is, its licence, and whether it is here.

    \b
    stereocast models list
    stereocast models list --json models.json
    """
    from rich.console import Console

    store = ModelStore(models_folder())
    rows = _rows(store)
    console = Console(highlight=False)
    console.print(_table(rows, wide=console.width >= _WIDE))
    typer.echo(f"models are kept in {store.folder}")
    write_json(json, {"schema": "stereocast/models/1", "folder": str(store.folder), "models": rows})


@models.command()
def pull(
    name: NameArgument,
    *,
    endpoint: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Another hub than huggingface.co, such as a mirror."),
    ] = None,
    accept_licence: AcceptOption = False,
) -> None:
    """Fetch a model's weights from the hub and check them; goes on where it was interrupted.

    \b
    stereocast models pull vda-small
    stereocast models pull vda-small --endpoint https://hub.example.org
    stereocast models pull vda-large --accept-licence        research and private use only
    """
    from stereocast.runtime.models.pull import PullOptions
    from stereocast.runtime.models.pull import pull as fetch

    store, entry = ModelStore(models_folder()), find(name)
    stored = fetch(
        entry,
        store,
        PullOptions(endpoint=endpoint, accept_licence=accept_licence, progress=sys.stderr.isatty()),
    )
    typer.echo(f"{name}: {_size(stored.size_bytes)}, {stored.licence}, verified; {stored.path}")


@models.command("import")
def import_model(
    path: Annotated[Path, typer.Argument(help="A .pth, .pt, .safetensors or .onnx file.")],
    *,
    name: Annotated[
        str | None, typer.Option(help="What to call it; needed for .onnx.", show_default=False)
    ] = None,
    output: Annotated[
        Output | None, typer.Option(help="What its depth means.", show_default=False)
    ] = None,
    normalise: Annotated[
        str | None,
        typer.Option(
            metavar="|".join(NORMALISATIONS),
            help="What an .onnx network wants of its picture.",
            show_default=False,
        ),
    ] = None,
    multiple: Annotated[
        int, typer.Option(help="An .onnx network's picture has sides of this times n.")
    ] = 32,
    licence: Annotated[str, typer.Option(help="An .onnx network's licence.")] = "unknown",
    accept_licence: AcceptOption = False,
) -> None:
    """Take a model from a file: a Video-Depth-Anything checkpoint, or any depth network as ONNX.

    \b
    stereocast models import video_depth_anything_vits.pth
    stereocast models import my_finetune.safetensors --name mine --output relative-inverse
    stereocast models import fastdepth.onnx --name fastdepth --output metric-depth --normalise 0..1
    stereocast models import midas.onnx --name midas --output relative-inverse --normalise imagenet
    """
    store = ModelStore(models_folder())
    if path.suffix == ".onnx":
        stored = _import_network(path, store, (name, output, normalise), multiple, licence)
    else:
        from stereocast.runtime.models.checkpoint import ImportOptions, import_checkpoint

        options = ImportOptions(name=name, output=output, accept_licence=accept_licence)
        stored = import_checkpoint(path, store, options)
    typer.echo(f"{stored.name}: {stored.output}, {_size(stored.size_bytes)}; {stored.path}")


@models.command()
def verify(
    name: Annotated[str | None, typer.Argument(help="One model; default: all here.")] = None,
) -> None:
    """Read the models' files again and compare them with their sha256.

    \b
    stereocast models verify
    stereocast models verify vda-small
    """
    store = ModelStore(models_folder())
    names = store.names() if name is None else (name,)
    damage = []
    for each in names:
        try:
            stored = store.verify(each)
        except ModelError as error:
            damage.append(str(error))
            continue
        typer.echo(f"{each}: right, sha256 {stored.sha256}")
    if damage:
        raise ModelError("; ".join(damage))
    if not names:
        typer.echo(f"there are no models in {store.folder}")


@models.command()
def remove(name: NameArgument) -> None:
    """Delete a model from this machine, also an unfinished one.

    \b
    stereocast models remove vda-large
    """
    freed = ModelStore(models_folder()).remove(name)
    typer.echo(f"{name}: removed, {_size(freed)} free again")


def _import_network(
    path: Path, store: ModelStore, told: tuple[str | None, Output | None, str | None],
    multiple: int, licence: str,
) -> StoredModel:  # fmt: skip
    from stereocast.runtime.models.network import NetworkDeclaration, import_network

    name, output, normalise = told
    if name is None or output is None or normalise is None:
        raise ModelError(
            f"{path}: no ONNX file says what it means: add --name, --output "
            f"({' or '.join(Output)}) and --normalise ({', '.join(NORMALISATIONS)})"
        )
    declared = NetworkDeclaration(name, output, normalise, multiple, licence)
    return import_network(path, store, declared)


def _rows(store: ModelStore) -> list[dict[str, object]]:
    """Return what is known of every model, those of the registry first."""
    rows: list[dict[str, object]] = []
    for entry in MODELS:
        size = entry.file.size_bytes if entry.file else 0
        rows.append(
            {
                "name": entry.name,
                "state": _state(store, entry.name) if entry.file else "built in",
                "size_bytes": size,
                "licence": entry.licence,
                "needs_acceptance": entry.needs_acceptance,
                "output": str(entry.output),
                "summary": entry.summary,
            }
        )
    known = {entry.name for entry in MODELS}
    for name in store.names():
        if name not in known:
            rows.append(_imported(store, name))
    return rows


def _imported(store: ModelStore, name: str) -> dict[str, object]:
    try:
        stored = store.get(name)
    except ModelError as error:
        return {"name": name, "state": "damaged", "size_bytes": 0, "licence": "", "output": "",
                "needs_acceptance": False, "summary": str(error)}  # fmt: skip
    return {
        "name": name,
        "state": "here",
        "size_bytes": stored.size_bytes,
        "licence": stored.licence,
        "needs_acceptance": False,
        "output": str(stored.output),
        "summary": stored.source,
    }


def _state(store: ModelStore, name: str) -> str:
    if name in store.names():
        try:
            store.get(name)
        except ModelError:
            return "damaged"
        return "here"
    file = find(name).file
    partial = store.place(name) / f".{file.name}.partial" if file else None
    if file is not None and partial is not None and partial.is_file():
        return f"{partial.stat().st_size * 100 // file.size_bytes} % fetched"
    return "not here"


def _table(rows: list[dict[str, object]], *, wide: bool) -> Table:
    from rich.table import Table

    table = Table(title="models", title_justify="left", caption_justify="left")
    table.add_column("name", no_wrap=True)
    table.add_column("")
    table.add_column("size", justify="right", no_wrap=True)
    table.add_column("licence", no_wrap=True)
    table.add_column("depth", no_wrap=True)
    if wide:
        table.add_column("what")
    for row in rows:
        size = row["size_bytes"]
        cells = (
            str(row["name"]),
            str(row["state"]),
            _size(size) if isinstance(size, int) and size else "",
            f"{row['licence']} *" if row["needs_acceptance"] else str(row["licence"]),
            _KINDS.get(str(row["output"]), ""),
            str(row["summary"]),
        )
        table.add_row(*cells[: len(table.columns)])
    table.caption = "* forbids commercial use: pull with --accept-licence"
    return table


def _size(size_bytes: int) -> str:
    return f"{size_bytes / 1e6:.0f} MB" if size_bytes >= 1e6 else f"{size_bytes / 1e3:.0f} kB"
