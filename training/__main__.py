"""`python -m stereocast.training`: render clips, train the networks that stereocast brings."""

from __future__ import annotations

import sys

import typer

from stereocast.engine.errors import StereocastError
from stereocast.training.calibrate_command import calibrate
from stereocast.training.clips_command import clips
from stereocast.training.refiner_command import refiner
from stereocast.training.tiny_command import tiny

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
app.command()(clips)
app.command()(tiny)
app.command()(refiner)
app.command()(calibrate)


@app.callback()
def main() -> None:
    """Render clips and train the networks that stereocast brings with it."""


if __name__ == "__main__":
    try:
        app()
    except StereocastError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit("stopped; the same command continues from the last checkpoint")
