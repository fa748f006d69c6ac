"""`stereocast bench …`: how fast and how good, as tables and JSON. The measuring is in bench/."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from stereocast.runtime.cli.bench_depth import depth_quality
from stereocast.runtime.cli.bench_gpu import gpu
from stereocast.runtime.cli.bench_soak import soak
from stereocast.runtime.cli.bench_sound import sound
from stereocast.runtime.cli.bench_stereo import stereo_truth
from stereocast.runtime.cli.cache import cache_folder
from stereocast.runtime.cli.options import FramesOption, JsonOption
from stereocast.runtime.cli.outcome import write_json

if TYPE_CHECKING:
    from rich.table import Table

bench = typer.Typer(help="Measure: how fast it is, and how good.")
bench.command()(stereo_truth)
bench.command()(depth_quality)
bench.command()(gpu)
bench.command()(sound)
bench.command()(soak)


@bench.command()
def latency(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="What to stream.")] = "testsrc:",
    *,
    seconds: Annotated[
        float, typer.Option(min=2, max=1e6, metavar="SECONDS", help="How long to measure.")
    ] = 20.0,
    slow_viewer: Annotated[
        bool, typer.Option("--slow-viewer", help="Let a slow viewer join before the fast one.")
    ] = False,
    json: JsonOption = None,
) -> None:
    """Measure capture to decoded pixels, stage by stage, through a real stream.

    A server and its viewers run as processes of their own; barcodes in the pixels of both eyes
    prove that the right picture was shown.

    \b
    Examples:
      stereocast bench latency
      stereocast bench latency film.mp4 --seconds 60 --json latency.json
      stereocast bench latency --slow-viewer
    """
    from stereocast.bench import latency as bench_latency

    viewers = bench_latency.SLOW_FIRST if slow_viewer else (bench_latency.Viewer("viewer"),)
    report: dict[str, Any] = bench_latency.run(
        bench_latency.Scenario(source=source, seconds=seconds, viewers=viewers)
    )
    _say_machine(report["machine"])
    for name, viewer in report["viewers"].items():
        table = _table(
            f"capture → decoded, {name}", "stage", "p50 ms", "p95 ms", "p99 ms", "max ms"
        )
        for stage, values in viewer["stages_ms"].items():
            table.add_row(stage, *(f"{value:.2f}" for value in values.values()))
        table.add_section()
        table.add_row("total", *(f"{value:.2f}" for value in viewer["total_ms"].values()))
        _print(table)
        strips, drops = viewer["strips"], viewer["drops"]
        typer.echo(
            f"{name}: {viewer['frames_out']} frames, {viewer['fps']} fps, barcodes read in both "
            f"eyes {strips['proven']} of {strips['pictures']}, not shown: {drops}\n"
        )
    goal = report["idle_goal_ms"]
    typer.echo(
        f"server dropped {report['server']['drops']}; goal on an idle machine with 2 cores: "
        f"p50 {goal['p50']:g} ms, p95 {goal['p95']:g} ms; load after: {report['load_after'][0]}"
    )
    write_json(json, report)


@bench.command()
def kernels(*, json: JsonOption = None) -> None:
    """Measure the CPU time of every kernel at 1280×720, beside a copy of memory."""
    from stereocast.bench import kernels as bench_kernels

    report: dict[str, Any] = bench_kernels.run()
    _say_machine(report["machine"])
    for threads, rows in report["cpu_ms"].items():
        columns = ("ms", "ns/px", "GB/s", "of copy", "goal")
        table = _table(f"CPU ms per call, {threads}", "kernel", *columns)
        for name, values in rows.items():
            goal = report["goals_ms"].get(name)
            table.add_row(
                name,
                *(f"{values[key]:.2f}" for key in ("median_ms", "ns_per_pixel", "gb_per_s")),
                f"{values['share_of_copy']:.1%}",
                "" if goal is None else f"≤ {goal:g}",
            )
        _print(table)
    copy = report["yardstick_copy_64_mib_ms"]["median_ms"]
    typer.echo(
        f"copying 64 MiB takes {copy:.1f} CPU-ms: {report['copy_gb_per_s']:.1f} GB/s read and "
        f"written; {report['kernels']}"
    )
    write_json(json, report)


@bench.command()
def depth(
    *,
    frames: Annotated[int, typer.Option(min=3, help="How many frames to stream.")] = 12,
    json: JsonOption = None,
) -> None:
    """Measure the CPU time of streaming depth (vits): PyTorch and exported, one thread."""
    from stereocast.bench import depth as bench_depth

    report: dict[str, Any] = bench_depth.run(cache_folder() / "exports", frames=frames)
    _say_machine(report["machine"])
    columns = ("CPU ms", "min", "wall", "share", "goal", "max diff")
    for grid, rows in report["grids"].items():
        table = _table(f"per frame at {grid}, {report['encoder']}", "way", *columns)
        for name, row in rows.items():
            goal = report["goals_share"].get(name)
            table.add_row(
                name,
                *(f"{row[key]:.1f}" for key in ("cpu_ms", "min_cpu_ms", "wall_ms")),
                f"{row['share']:.3f}",
                "" if goal is None else f"≤ {goal:.2f}",
                f"{row['max_difference']:.1e}",
            )
        _print(table)
    copy = report["yardstick_copy_64_mib_ms"]["median_ms"]
    typer.echo(f"yardstick: copying 64 MiB takes {copy:.1f} CPU-ms")
    write_json(json, report)


@bench.command()
def convert(
    source: Annotated[
        str, typer.Argument(metavar="SOURCE", help="What to convert.")
    ] = "testsrc:?frames=240",
    *,
    frames: FramesOption = None,
    json: JsonOption = None,
) -> None:
    """Measure the CPU time of a whole conversion, and where it goes."""
    from stereocast.bench import conversion

    report: dict[str, Any] = conversion.run(source, frames=frames)
    whole = report["whole_program"]
    _say_machine(report["machine"])
    table = _table("CPU ms per frame, one thread", "stage", "ms")
    for name, value in report["stages_cpu_ms"].items():
        table.add_row(name, f"{value:.2f}")
    table.add_section()
    table.add_row("sum", f"{sum(report['stages_cpu_ms'].values()):.2f}")
    _print(table)
    typer.echo(
        f"whole program: {whole['frames_in']} frames in, {whole['frames_out']} out, "
        f"{whole['cpu_ms_per_frame']} CPU-ms per frame (goal ≤ {report['goal_cpu_ms']:g}), "
        f"{whole['fps']} fps wall"
    )
    write_json(json, report)


@bench.command()
def gateway(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="What to stream.")] = "testsrc:",
    *,
    browsers: Annotated[
        int, typer.Option(min=1, max=7, metavar="COUNT", help="WebSockets that watch.")
    ] = 1,
    seconds: Annotated[
        float, typer.Option(min=2, max=1e6, metavar="SECONDS", help="How long to measure.")
    ] = 20.0,
    json: JsonOption = None,
) -> None:
    """Measure the web gateway: CPU time per frame and browser, and the delay that it adds.

    Compared are browsers that decode nothing and a viewer of our own, on the same stream.

    \b
    Examples:
      stereocast bench gateway
      stereocast bench gateway --browsers 3 --json gateway.json
    """
    from stereocast.bench import gateway as bench_gateway

    report: dict[str, Any] = bench_gateway.run(source, browsers=browsers, seconds=seconds)
    _say_machine(report["machine"])
    table = _table(f"{browsers} × {report['fps']:.1f} fps", "delay", "p50 ms", "p95 ms", "p99 ms")
    for name in ("engine_to_browser_ms", "added_ms"):
        table.add_row(name, *(f"{value:.2f}" for value in report[name].values()))
    _print(table)
    typer.echo(
        f"gateway: {report['cpu_ms_per_frame_and_browser']} CPU-ms per frame and browser, "
        f"{report['frames']} frames"
    )
    write_json(json, report)


@bench.command()
def pumping(*, json: JsonOption = None) -> None:
    """Measure how much the depth range breathes when a near thing comes and goes."""
    from stereocast.bench import pumping as bench_pumping

    report: dict[str, Any] = bench_pumping.run()
    for title, measure in (("wobble", "wobble"), ("farthest pixel", "deviation")):
        flakes = next(iter(report["breathing_percent"]["stereocast"].values()))
        table = _table(
            f"{title} in % of what never changes, by the size of a near flake",
            "normaliser",
            "in frames",
            *flakes,
        )
        for name, periods in report["breathing_percent"].items():
            for period, values in periods.items():
                table.add_row(name, period, *(f"{v[measure]:.2f}" for v in values.values()))
        _print(table)
    table = _table("a change of range that lasts", "change", "90 % after s", "beyond it %")
    for name, answer in report["response"].items():
        table.add_row(name, f"{answer['seconds']:.2f}", f"{100 * answer['overshoot']:.2f}")
    _print(table)
    write_json(json, report)


@bench.command()
def overload(
    *,
    seconds: Annotated[
        float, typer.Option(min=5, max=3600, metavar="SECONDS", help="How long for each row.")
    ] = 20.0,
    factor: Annotated[
        float, typer.Option(min=0.1, max=20, metavar="TIMES", help="How much too fast it comes.")
    ] = 2.0,
    json: JsonOption = None,
) -> None:
    """Measure how old frames get when the source is faster than the engine.

    \b
    Examples:
      stereocast bench overload
      stereocast bench overload --factor 4 --seconds 60 --json overload.json
    """
    from stereocast.bench import overload as bench_overload

    case = bench_overload.Case(seconds=seconds, overload=factor)
    report: dict[str, Any] = bench_overload.run(case)
    _say_machine(report["machine"])
    height, width = report["case"]["size"]
    table = _table(
        f"{width}×{height}: a frame takes {report['work_ms']} ms, {report['source_fps']} come "
        "a second; age at the socket in the source's frames",
        "degrade", "fps", "p50", "p95", "p99", "max", "p99 ms", "MiB grown",
    )  # fmt: skip
    for name in ("off", "ladder"):
        row = report[name]
        ages = (f"{value:.1f}" for value in row["age_frames"].values())
        table.add_row(
            name, f"{row['fps']:.1f}", *ages, f"{row['age_ms']['p99']:.0f}", f"{row['grown_mib']}"
        )
    _print(table)
    typer.echo(
        f"goal: p99 ≤ {report['goal_frames']:g} frames; the ladder came to "
        f"'{report['ladder']['rung']}'; dropped {report['ladder']['drops']}; "
        f"load after: {report['load_after'][0]}"
    )
    write_json(json, report)


def _table(title: str, *columns: str) -> Table:
    from rich.table import Table

    table = Table(title=title, title_justify="left")
    for number, column in enumerate(columns):
        table.add_column(column, justify="right" if number else "left")
    return table


def _print(table: Table) -> None:
    from rich.console import Console

    Console(highlight=False).print(table)


def _say_machine(facts: dict[str, Any]) -> None:
    typer.echo(
        f"{facts['processor']}, {facts['cores_usable']} cores, load {facts['load_1_5_15']}, "
        f"{facts['system']}, stereocast {facts['packages']['stereocast']}\n"
    )
