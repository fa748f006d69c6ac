"""`stereocast doctor --kernels`: compile every CUDA kernel for every architecture, and say so.

It always compiles; what it made is kept for streams to come. Loading is not tried: that needs a GPU
for every architecture.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from stereocast.engine.errors import MissingDependency
from stereocast.runtime.cli.outcome import ExitCode, complain, say, write_json
from stereocast.runtime.cli.progress import progress

if TYPE_CHECKING:
    from rich.table import Table

    from stereocast.kernels.cubins import Cubin
    from stereocast.kernels.sources import CudaSource


@dataclass(frozen=True)
class Attempt:
    """One operation for one architecture: what came out of compiling it."""

    op: str
    arch: int
    ms: float
    cubin: Cubin | None
    error: str = ""

    def words(self) -> str:
        """Say it in a cell of a table."""
        if self.cubin is None:
            return "[bold red]failed[/]"
        return f"{self.ms:.0f} ms\n{len(self.cubin.code) / 1e3:.0f} kB"

    def report(self) -> dict[str, object]:
        """Say it to a program."""
        found: dict[str, object] = {"op": self.op, "arch": self.arch, "ms": round(self.ms, 1)}
        if self.cubin is None:
            return found | {"ok": False, "error": self.error}
        kernels = [asdict(kernel) for kernel in self.cubin.kernels]
        warnings = list(self.cubin.warnings)
        size = len(self.cubin.code)
        return found | {"ok": True, "bytes": size, "warnings": warnings, "kernels": kernels}


def examine_kernels(json: Path | None) -> None:
    """Compile everything, print a table, write the report; exit code 1 if something failed.

    Raises MissingDependency without a compiler.
    """
    from rich.console import Console

    # The kernels' own package imports torch, so this is not done before it is asked for.
    from stereocast.kernels.compiler import SUPPORTED, CompilerMissing, toolchain
    from stereocast.kernels.sources import cuda_ops, read_source
    from stereocast.runtime import machine

    try:
        compiler = toolchain()
    except CompilerMissing as error:
        raise MissingDependency(str(error)) from None
    sources = [read_source(op) for op in cuda_ops()]
    began = time.process_time()
    attempts = []
    with progress("compiling", len(sources) * len(SUPPORTED), unit="cubins") as advance:
        for source in sources:
            for arch in SUPPORTED:
                attempts.append(_attempt(source, arch))
                advance()
    cpu_s = time.process_time() - began
    Console(width=None).print(_table(f"{compiler}, {cpu_s:.1f} CPU-s", attempts))
    failures = [attempt for attempt in attempts if attempt.cubin is None]
    say(_notes(attempts))
    for failure in failures:
        complain(failure.error)
    report: dict[str, object] = {
        "schema": "stereocast/doctor-kernels/1",
        "machine": machine.facts(),
        "compiler": compiler,
        "architectures": list(SUPPORTED),
        "attempts": [attempt.report() for attempt in attempts],
        "cpu_s": round(cpu_s, 2),
        "able": not failures,
    }
    write_json(json, report)
    if failures:
        raise typer.Exit(ExitCode.FAILED)


def _attempt(source: CudaSource, arch: int) -> Attempt:
    from stereocast.kernels.compiler import CompileError, compile_kernel
    from stereocast.runtime.cli.cache import kernels_folder

    began = time.perf_counter()
    try:
        cubin = compile_kernel(source, arch, cache=kernels_folder(), refresh=True)
        error = ""
    except CompileError as failure:
        cubin, error = None, str(failure)
    return Attempt(source.op, arch, (time.perf_counter() - began) * 1e3, cubin, error)


def _table(title: str, attempts: list[Attempt]) -> Table:
    """Lay out one row per operation and one column per architecture."""
    from rich.markup import escape
    from rich.table import Table

    table = Table(title=f"CUDA kernels: {escape(title)}", title_justify="left", show_lines=True)
    table.add_column("operation", style="bold", no_wrap=True)
    for arch in dict.fromkeys(attempt.arch for attempt in attempts):
        table.add_column(f"sm_{arch}", justify="right")
    for op in dict.fromkeys(attempt.op for attempt in attempts):
        own = [attempt for attempt in attempts if attempt.op == op]
        table.add_row(op, *(attempt.words() for attempt in own))
    return table


def _notes(attempts: list[Attempt]) -> list[str]:
    """Say what is not wrong, and still nobody should overlook."""
    notes: list[str] = []
    for attempt in attempts:
        if attempt.cubin is None:
            continue
        notes += attempt.cubin.warnings
        if attempt.cubin.origin != "compiled":
            notes.append(f"{attempt.op} for sm_{attempt.arch}: {attempt.cubin.origin}")
        notes += [
            f"{kernel.name} spills {kernel.spill_bytes} bytes per thread on sm_{attempt.arch}"
            for kernel in attempt.cubin.kernels
            if kernel.spill_bytes
        ]
    return list(dict.fromkeys(notes))
