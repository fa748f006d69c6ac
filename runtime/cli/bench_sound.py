"""`stereocast bench sound`: how far sound and picture are out of step."""

from __future__ import annotations

from typing import Annotated

import typer

from stereocast.runtime.cli.options import JsonOption
from stereocast.runtime.cli.outcome import ExitCode, complain, write_json


def sound(
    *,
    seconds: Annotated[
        float, typer.Option(min=6, max=3600, metavar="SECONDS", help="How long to measure.")
    ] = 60.0,
    every_picture: Annotated[
        bool,
        typer.Option("--every-picture", help="Stream without --realtime; needs a free machine."),
    ] = False,
    json: JsonOption = None,
) -> None:
    """Measure sound against picture: a film that flashes and beeps, streamed, seen and heard.

    Exit code 1 where they are more than 30 ms apart (p95). A machine that is busy with other work
    shows pictures late by turns, which no sound can follow.

    \b
    Examples:
      stereocast bench sound
      stereocast bench sound --seconds 20 --json sound.json
    """
    from dataclasses import replace

    from rich.console import Console
    from rich.table import Table

    from stereocast.bench import sound as bench_sound

    case = bench_sound.Case(seconds=seconds, options=() if every_picture else ("--realtime",))
    case = replace(case, film=replace(case.film, seconds=seconds + 4))
    typer.echo(f"measuring for {seconds:g} s …", err=True)
    report = bench_sound.run(case)
    table = Table(title="from flash to beep", title_justify="left")
    for column in ("where", "pairs", "median ms", "p50 ms", "p95 ms", "max ms"):
        table.add_column(column, justify="left" if column == "where" else "right")
    rows = {
        "live, decoded": "skew_ms",
        "by the server's clocks": "capture_skew_ms",
        "in the recording": "recording_skew_ms",
    }
    for where, key in rows.items():
        values = report[key]
        assert isinstance(values, dict)
        figures = (values.get(name) for name in ("median", "p50", "p95", "max"))
        cells = ("" if figure is None else f"{figure:.2f}" for figure in figures)
        table.add_row(where, str(values["count"]), *cells)
    Console(highlight=False).print(table)
    typer.echo(
        f"{report['pictures']} pictures, {report['sounds']} packets of sound, {report['late']} too "
        f"late, {report['resyncs']} jumps; sound is held back by {report['delay_ms']} ms; "
        f"goal p95 ≤ {bench_sound.GOAL_MS:g} ms"
    )
    write_json(json, report)
    if not report["is_met"]:
        complain(f"sound and picture are out of step by more than {bench_sound.GOAL_MS:g} ms")
        raise typer.Exit(ExitCode.FAILED)
