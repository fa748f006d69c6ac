"""`stereocast bench soak`: a long life in short, and whether anything is left over."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from stereocast.runtime.cli.bench_stereo import check_markdown, write_text
from stereocast.runtime.cli.options import JsonOption
from stereocast.runtime.cli.outcome import ExitCode, check_report, complain, write_json
from stereocast.runtime.cli.progress import progress

MarkdownOption = Annotated[
    Path | None, typer.Option("--markdown", metavar="FILE", help="Write the table to this file.")
]


def soak(
    *,
    frames: Annotated[
        int, typer.Option(min=0, metavar="COUNT", help="Frames as fast as they go.")
    ] = 20_000,
    minutes: Annotated[
        float, typer.Option(min=0, max=10_000, metavar="M", help="How long in real time.")
    ] = 10.0,
    connects: Annotated[
        int, typer.Option(min=0, metavar="COUNT", help="Viewers that come and go.")
    ] = 1_000,
    reconfigurations: Annotated[
        int, typer.Option(min=0, metavar="COUNT", help="Changes of the pictures' size.")
    ] = 200,
    json: JsonOption = None,
    markdown: MarkdownOption = None,
) -> None:
    """Run long, and see that memory, files, threads and the cost of a frame stay as they are.

    Every part is a whole stream in this process: engine, encoder, socket and a viewer that decodes.
    0 leaves a part out. Exit code 1 when something grows. Takes a quarter of an hour.

    \b
    Examples:
      stereocast bench soak
      stereocast bench soak --minutes 60 --json soak.json --markdown soak.md
      stereocast bench soak --frames 2000 --minutes 0 --connects 100 --reconfigurations 20
    """
    from stereocast.bench import soak as bench_soak
    from stereocast.bench.soak.report import failures
    from stereocast.bench.soak.report import markdown as as_markdown

    check_markdown(markdown)
    check_report(json)
    case = bench_soak.Case(frames, minutes, connects, reconfigurations)
    report = bench_soak.run(case, lambda word, total, unit: progress(word, total, unit=unit))
    text = as_markdown(report)
    typer.echo(text)
    if markdown is not None:
        write_text(markdown, text)
    wrong = failures(report)
    write_json(json, report | {"failures": wrong})
    for each in wrong:
        complain(each)
    if wrong:
        raise typer.Exit(ExitCode.FAILED)
