"""The command line: one file per command, errors as one line, exit codes that scripts can use.

0    done
1    could not be done; one line on standard error says why, and no half-made file is left
2    the command line itself is wrong
3    done in part: the source broke in the middle, and what came before it is whole and playable
130  interrupted by Ctrl-C, SIGTERM or a closed terminal; for `live` and `watch` these are the usual
     way to end and count as done
"""

from __future__ import annotations

import io
import sys

import typer

from stereocast.engine.errors import DeviceLost, StereocastError
from stereocast.runtime.cli.bench import bench
from stereocast.runtime.cli.convert import convert
from stereocast.runtime.cli.demo import demo
from stereocast.runtime.cli.doctor import doctor
from stereocast.runtime.cli.export import export
from stereocast.runtime.cli.keys import keys
from stereocast.runtime.cli.live import live
from stereocast.runtime.cli.models import models
from stereocast.runtime.cli.outcome import ExitCode, complain
from stereocast.runtime.cli.replay import replay
from stereocast.runtime.cli.signals import ignore_signals, interrupt_on_signals
from stereocast.runtime.cli.watch import watch
from stereocast.runtime.cli.web import web
from stereocast.runtime.machine import version

_WIDEST_HELP = 100

app = typer.Typer(
    name="stereocast",
    help="Turn any 2D video into 3D while you watch it.",
    epilog="`stereocast COMMAND --help` shows examples. To begin: stereocast demo",
    add_completion=False,
    pretty_exceptions_enable=False,
    # Plain help keeps the lines of the examples; boxes and wrapping would tear them apart.
    rich_markup_mode=None,
    context_settings={
        "help_option_names": ["-h", "--help"],
        "max_content_width": _WIDEST_HELP,
    },
)
for command in (demo, live, watch, web, replay, convert, export, doctor, keys):
    app.command()(command)
app.add_typer(models, name="models")
app.add_typer(bench, name="bench")

# Typer has had several homes for this class; its well-known child is exported by all of them.
_WrongUsage: type[Exception] = typer.BadParameter.__bases__[0]


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
    """Run the process's command line and leave with its exit code."""
    interrupt_on_signals()
    for output in (sys.stdout, sys.stderr):
        # A terminal that lacks a letter, or a file name in another encoding, is no reason to stop.
        if isinstance(output, io.TextIOWrapper):
            output.reconfigure(errors="backslashreplace")
    code = run(sys.argv[1:] or ["--help"])
    ignore_signals()
    sys.exit(code)


def run(arguments: list[str]) -> int:
    """Run one command line; say in one line what went wrong, if so, and return the exit code."""
    try:
        code = app(arguments, prog_name="stereocast", standalone_mode=False) or ExitCode.DONE
    except DeviceLost as error:
        complain(error)
        return ExitCode.DEVICE_LOST
    except StereocastError as error:
        complain(error)
        return ExitCode.FAILED
    except _WrongUsage as error:
        complain(_usage_words(error))
        return ExitCode.WRONG_USAGE
    except (KeyboardInterrupt, typer.Abort):
        code = ExitCode.INTERRUPTED
    if code == ExitCode.INTERRUPTED:
        complain("interrupted")
    return int(code)


def _usage_words(error: Exception) -> str:
    """Return what is wrong with the command line, and where to read how it should be."""
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "stereocast"
    message = error.format_message() if hasattr(error, "format_message") else str(error)
    message = message.strip().rstrip(".")
    return f"{message[:1].lower()}{message[1:]} (see: {command} --help)"
