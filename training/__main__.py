"""`python -m stereocast.training`: train the networks that stereocast brings with it."""

from __future__ import annotations

import sys

import typer

from stereocast.engine.errors import StereocastError
from stereocast.training.calibrate_command import calibrate
from stereocast.training.refiner_command import refiner

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
app.command()(calibrate)
app.command()(refiner)


@app.callback()
def main() -> None:
    """Train the networks that stereocast brings with it."""


if __name__ == "__main__":
    try:
        app()
    except StereocastError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit("stopped; the same command continues from the last checkpoint")
