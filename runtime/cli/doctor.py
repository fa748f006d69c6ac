"""`stereocast doctor`: what this machine can do, found out by really doing it."""

from __future__ import annotations

import json as serialiser
import os
import shutil
import subprocess
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from stereocast.runtime.cli.options import JsonOption
from stereocast.runtime.cli.outcome import write_json

if TYPE_CHECKING:
    from stereocast.runtime.encode.probe import ProbeResult

_KERNEL_PROBE = """
import json, time, torch
from stereocast.kernels import native, forward_warp, fill_holes
torch.set_num_threads(1)
image = torch.zeros(3, 720, 1280, dtype=torch.uint8)
disparity = torch.zeros(720, 1280)
began = time.process_time()
view, holes = forward_warp(image, disparity)
fill_holes(view, holes)
print(json.dumps({
    "kernels": native.description(),
    "warp_and_fill_720p_cpu_ms": round((time.process_time() - began) * 1e3, 1),
    "cuda": torch.cuda.is_available(),
}))
"""

_NETWORK_PROBE = """
import json, pathlib, tempfile, onnx, torch
from onnx import TensorProto, helper
from stereocast.engine.onnx_runner import OnnxRunner
from stereocast.engine.onnx_runtime import onnx_runtime
kind = TensorProto.FLOAT
graph = helper.make_graph(
    [helper.make_node("Add", ["x", "x"], ["y"])], "probe",
    [helper.make_tensor_value_info("x", kind, [3])],
    [helper.make_tensor_value_info("y", kind, [3])],
)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
with tempfile.TemporaryDirectory() as folder:
    path = pathlib.Path(folder) / "probe.onnx"
    onnx.save(model, path)
    x = torch.arange(3.0)
    assert torch.equal(OnnxRunner(path).run({"x": x})["y"], 2 * x), "1 + 1 is not 2"
print(json.dumps({"works": True, "detail": f"ONNX Runtime {onnx_runtime().__version__}"}))
"""


KernelsOption = Annotated[
    bool, typer.Option("--kernels", help="Compile every CUDA kernel for every architecture.")
]


def doctor(*, kernels: KernelsOption = False, json: JsonOption = None) -> None:
    """Say what works on this machine, and why the rest does not.

    Everything is tried for real: kernels run, encoders code a picture, a socket is opened. Exit
    code 1 means that stereocast cannot stream here. With --kernels only the CUDA sources are
    looked at; that needs no GPU, and exit code 1 means that one of them does not compile.

    \b
    Examples:
      stereocast doctor
      stereocast doctor --json doctor.json
      stereocast doctor --kernels
    """
    if kernels:
        from stereocast.runtime.cli.doctor_kernels import examine_kernels

        return examine_kernels(json)
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    rows, report, able = _examine()
    table = Table(title="stereocast doctor", title_justify="left", show_header=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column()
    for name, finding in rows:
        table.add_row(name, escape(finding))  # reasons may hold [brackets]
    Console(width=None).print(table)
    write_json(json, report)
    if not able:
        raise typer.Exit(1)


def _examine() -> tuple[list[tuple[str, str]], dict[str, object], bool]:
    """Return rows for people, a report for programs, and whether streaming can work."""
    from stereocast.runtime import machine
    from stereocast.runtime.cli.doctor_gpu import gpu_parts, gpu_summary
    from stereocast.runtime.encode import probe
    from stereocast.runtime.source import decode_probe
    from stereocast.runtime.threads import ThreadsConfig, usable_cores

    facts = machine.facts()
    kernels, networks, models = _probe_kernels(), _probe_networks(), _models_here()
    threads = ThreadsConfig().resolved(usable_cores())
    encoders = probe.describe(probe.EncoderSettings(threads=threads.encode))
    decoders = decode_probe.describe()
    gpu = gpu_parts()
    address, transport_works = _probe_transport()
    page = _ways_to_headsets()
    window = machine.version("pygame-ce")
    rows = [
        ("machine", f"{facts['processor']}, {facts['cores_usable']} cores usable, "
                    f"{facts['memory_gib']} GiB, load {facts['load_1_5_15']}"),
        ("system", f"{facts['system']}, Python {facts['python']}"),
        ("packages", ", ".join(f"{k} {v}" for k, v in machine.versions().items())),
        ("kernels", str(kernels.get("kernels", kernels.get("error")))),
        ("GPU", gpu_summary(gpu)),
        *((f"GPU {part.name}", part.detail) for part in gpu),
        ("networks", str(networks["detail"])),
        ("depth models", ", ".join(models)),
        ("threads", ", ".join(f"{k} {v}" for k, v in asdict(threads).items())),
        *((f"{kind} {tried.name}", _verdict(tried))
          for kind, ladder in (("decoder", decoders), ("encoder", encoders)) for tried in ladder),
        ("transport", address),
        ("headsets", page),
        ("window", f"pygame-ce {window}" if window != "not installed"
                   else "not installed: pip install 'stereocast[view]'"),
    ]  # fmt: skip
    able = "error" not in kernels and any(e.works for e in encoders) and transport_works
    report: dict[str, object] = {
        "schema": "stereocast/doctor/1",
        "machine": facts,
        "kernels": kernels,
        "gpu": [asdict(part) for part in gpu],
        "networks": networks,
        "models": models,
        "threads": asdict(threads),
        "decoders": [asdict(decoder) for decoder in decoders],
        "encoders": [asdict(encoder) for encoder in encoders],
        "transport": {"works": transport_works, "detail": address},
        "headsets": page,
        "window": window,
        "able": able,
    }
    return rows, report, able


def _verdict(tried: ProbeResult) -> str:
    return ("works: " if tried.works else "does not work: ") + tried.detail


def _probe_kernels() -> dict[str, object]:
    """Run the kernels in a process of their own: a broken torch must not take the doctor down."""
    try:
        return _probe(_KERNEL_PROBE)
    except RuntimeError as error:
        return {"error": f"the kernels do not run: {error}"}


def _probe_networks() -> dict[str, object]:
    """Run a network in ONNX Runtime, likewise; without it PyTorch runs what it can."""
    try:
        return _probe(_NETWORK_PROBE)
    except RuntimeError as error:
        return {"works": False, "detail": f"only those of PyTorch, ONNX Runtime fails: {error}"}


def _probe(program: str) -> dict[str, object]:
    """Return what a Python program prints as JSON; RuntimeError with its last words otherwise."""
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=120
    )
    if run.returncode != 0:
        raise RuntimeError((run.stderr.strip().splitlines() or ["it died without a word"])[-1])
    result: dict[str, object] = serialiser.loads(run.stdout)
    return result


def _models_here() -> list[str]:
    """Return the names of the depth models on this machine."""
    from stereocast.runtime.cli.cache import models_folder
    from stereocast.runtime.models.store import ModelStore

    return ["tiny", "prior", *ModelStore(models_folder()).names()]


def _probe_transport() -> tuple[str, bool]:
    """Open the private folder of the default address and bind a socket there."""
    import zmq

    from stereocast.engine.errors import TransportError
    from stereocast.runtime.address import claim_folder, default_folder, parse_address

    try:
        place = parse_address(f"doctor-{os.getpid()}", folder=default_folder(os.environ))
        claim_folder(place)
        with zmq.Context() as sockets, sockets.socket(zmq.ROUTER) as socket:
            socket.bind(place.url)
            socket.unbind(place.url)
    except (TransportError, zmq.ZMQError) as error:
        return f"does not work: {error}", False
    curve = "with" if zmq.has("curve") else "without"
    return (
        f"ZeroMQ {zmq.zmq_version()} {curve} CURVE, sockets in {default_folder(os.environ)}",
        True,
    )


def _ways_to_headsets() -> str:
    """Say how browsers of headsets can reach the page of this machine."""
    from stereocast.runtime.cli.cache import web_folder
    from stereocast.runtime.cli.web import DEFAULT_PORT
    from stereocast.runtime.web.certificate import CERTIFICATE
    from stereocast.runtime.web.lan import lan_addresses

    kept = "is kept" if (web_folder() / CERTIFICATE).is_file() else "is made on first use"
    near = ", ".join(lan_addresses())
    lan = f"--web --lan: https at {near}, the certificate {kept}" if near else "no network"
    bridge = "adb is here" if shutil.which("adb") else "adb is not installed"
    return f"{lan}; --web: http on localhost:{DEFAULT_PORT}, also by USB ({bridge})"
