"""The command line: one file per command, errors as one line, exit codes that scripts can use.

0 done   1 could not be done (one line says why)   2 the command line is wrong   130 interrupted
"""

from __future__ import annotations

import sys

import typer

from stereocast.engine.errors import StereocastError
from stereocast.runtime.cli.bench import bench
from stereocast.runtime.cli.convert import convert
from stereocast.runtime.cli.demo import demo
from stereocast.runtime.cli.doctor import doctor
from stereocast.runtime.cli.export import export
from stereocast.runtime.cli.keys import keys
from stereocast.runtime.cli.live import live
from stereocast.runtime.cli.models import models
from stereocast.runtime.cli.watch import watch
from stereocast.runtime.machine import version

EXIT_FAILED, EXIT_INTERRUPTED = 1, 130

app = typer.Typer(
    name="stereocast",
    help="Turn any 2D video into 3D while you watch it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
for command in (demo, live, watch, convert, export, doctor, keys):
    app.command()(command)
app.add_typer(models, name="models")
app.add_typer(bench, name="bench")


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"stereocast {version('stereocast')}")
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(
        False, "--version", callback=_print_version, is_eager=True, help="Print the version."
    ),
) -> None:
    pass


def main() -> None:
    """Run the command line and leave with its exit code."""
    try:
        app()
    except StereocastError as error:
        print(f"stereocast: {error}", file=sys.stderr)
        sys.exit(EXIT_FAILED)
    except KeyboardInterrupt:
        print("stereocast: interrupted", file=sys.stderr)
        sys.exit(EXIT_INTERRUPTED)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(EXIT_FAILED)
