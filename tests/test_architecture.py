"""The invariants of ARCHITECTURE.md, read off the sources: imports, owners, sizes."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
ROOMS = ("kernels", "engine", "export", "training", "runtime", "bench")
MAY_IMPORT = {
    "kernels": {"kernels"},
    "engine": {"engine", "kernels"},
    "export": {"export", "engine", "kernels"},
    "training": {"training", "engine", "kernels"},
    "runtime": {"runtime", "engine", "kernels"},
    "runtime/cli": {"runtime", "engine", "kernels", "export", "training", "bench"},
    "bench": set(ROOMS),
}
OWNERS = {
    "zmq": {
        "runtime/client.py",
        "runtime/curve.py",
        "runtime/socket_options.py",
        "runtime/sink/router_thread.py",
        "runtime/source/live/pushed.py",
        "runtime/cli/doctor.py",
    },
    "msgpack": {"runtime/wire_fields.py", "runtime/wire_messages.py", "runtime/wire.py"},
    "google_crc32c": {"runtime/wire_media.py"},
    "pygame": {"runtime/watch/window.py"},
    "huggingface_hub": {"runtime/models/pull.py"},
    "safetensors": {
        "engine/depth/tiny/weights.py",
        "engine/refine/weights.py",
        "runtime/models/checkpoint.py",
    },
    "OpenEXR": {"runtime/sink/depth/pictures.py"},
    "cmap": {"runtime/sink/depth/colours.py"},
    "PIL": {"runtime/sink/depth/colours.py"},
    "onnxruntime": {"engine/onnx_runtime.py", "export/quantise.py"},
    "fastapi": {
        "runtime/web/app.py",
        "runtime/web/preview_routes.py",
        "runtime/web/state_routes.py",
    },
    "uvicorn": {"runtime/web/server.py"},
    "cryptography": {"runtime/web/certificate.py"},
    "prometheus_client": {"runtime/web/metrics.py"},
    "segno": {"runtime/web/invitation.py"},
    "onnxscript": {"export/operators.py"},
    "openvino": {"bench/openvino.py"},
    "tensorrt": {"engine/tensorrt.py"},
    "tensorrt_rtx": {"engine/tensorrt.py"},
    "torch_tensorrt": {"export/through_torch.py"},
    "cuda": {"kernels/compiler.py", "kernels/loader.py"},
    "PyNvVideoCodec": {"runtime/encode/nvenc.py", "runtime/source/nvdec.py"},
    "torchvision": {"runtime/encode/nvjpeg.py"},
    "mamba_ssm": set(),
    "pickle": set(),
    "yt_dlp": {"runtime/source/live/web_video.py"},
}
"""Packages that only these files may import."""

WITHOUT_TORCH = (
    "stereocast.runtime.cli",
    "stereocast.runtime.client",
    "stereocast.runtime.wire",
    "stereocast.runtime.watch.session",
    "stereocast.runtime.sink.zmq_router",
    "stereocast.runtime.sink.record",
    "stereocast.runtime.encode.probe",
    "stereocast.runtime.source.decode_probe",
    "stereocast.runtime.models.pull",
    "stereocast.runtime.sink.depth.video",
    "stereocast.runtime.machine",
    "stereocast.runtime.web.app",
    "stereocast.runtime.web.server",
    "stereocast.runtime.cli.web",
)
VAGUE_NAMES = {"utils", "helpers", "common", "misc", "core", "manager", "wrapper", "handler"}
MAX_FILE_LINES, MAX_FUNCTION_LINES = 300, 60

FILES = sorted(
    path.relative_to(REPOSITORY) for room in ROOMS for path in (REPOSITORY / room).rglob("*.py")
)
SOURCES = sorted(
    path.relative_to(REPOSITORY)
    for top in (*ROOMS, "tests")
    for suffix in ("py", "cpp", "h", "cu", "js", "pyi")
    for path in (REPOSITORY / top).rglob(f"*.{suffix}")
    if "node_modules" not in path.parts
)


def tree(file: Path) -> ast.Module:
    return ast.parse((REPOSITORY / file).read_text(encoding="utf-8"))


def imports(file: Path) -> Iterator[str]:
    """Every imported module, in full: `from stereocast import x` counts as stereocast.x."""
    for node in ast.walk(tree(file)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}:{node.lineno}: relative import"
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def room_of(file: Path) -> str:
    return "runtime/cli" if file.parts[:2] == ("runtime", "cli") else file.parts[0]


@pytest.mark.parametrize("file", FILES, ids=str)
def test_rooms_import_only_what_they_may(file):
    for name in imports(file):
        top, _, rest = name.partition(".")
        assert top not in (*ROOMS, "tests"), f"{file} imports {name}: say stereocast.{name}"
        if top == "stereocast" and rest:
            room = rest.partition(".")[0]
            assert room in MAY_IMPORT[room_of(file)], f"{file} may not import {name}"


@pytest.mark.parametrize("file", FILES, ids=str)
def test_packages_stay_with_their_owners(file):
    for name in imports(file):
        owners = OWNERS.get(name.partition(".")[0])
        assert owners is None or file.as_posix() in owners, f"{file} may not import {name}"


@pytest.mark.parametrize("file", [f for f in FILES if f.parts[0] in ("kernels", "engine")], ids=str)
def test_no_host_reads_clocks_or_environment_below_runtime(file):
    for node in ast.walk(tree(file)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            where = f"{file}:{node.lineno}"
            assert node.func.attr not in ("item", "cpu", "cuda"), f"{where}: .{node.func.attr}()"
    names = set(imports(file))
    assert not names & {"time", "threading", "logging", "os.environ"}, f"{file}: {names}"


@pytest.mark.parametrize("file", FILES, ids=str)
def test_only_the_command_line_reads_the_environment(file):
    if room_of(file) == "runtime/cli" or file == Path("engine/onnx_runtime.py"):  # which sets it
        return
    for node in ast.walk(tree(file)):
        is_environ = isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv")
        assert not is_environ, f"{file}:{node.lineno} reads the environment"


@pytest.mark.parametrize("file", SOURCES, ids=str)
def test_files_stay_small(file):
    lines = (REPOSITORY / file).read_text(encoding="utf-8").count("\n")
    assert lines <= MAX_FILE_LINES, f"{file} has {lines} lines"
    assert file.stem not in VAGUE_NAMES, f"{file}: say what lives there"


@pytest.mark.parametrize("file", FILES, ids=str)
def test_functions_stay_small(file):
    """Code is counted: no function is long because of its options or its docstring."""
    for node in ast.walk(tree(file)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            code = node.body[1:] if ast.get_docstring(node) else node.body
            if not code:
                continue
            assert node.end_lineno is not None
            lines = node.end_lineno - code[0].lineno + 1
            assert lines <= MAX_FUNCTION_LINES, f"{file}:{node.lineno} {node.name}: {lines} lines"


def test_the_import_law_catches_a_breach():
    """The reader sees every way to write an import; a law that sees nothing would always hold."""
    text = (
        "import stereocast.engine.scene\nfrom stereocast import bench\nfrom stereocast.a import b"
    )
    nodes = ast.parse(text)
    found = set()
    for node in ast.walk(nodes):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    assert found == {"stereocast.engine.scene", "stereocast.bench", "stereocast.a.b"}


def test_viewers_gateways_and_the_doctor_need_no_torch():
    loads = "; ".join(f"import {name}" for name in WITHOUT_TORCH)
    loaded = "sorted(name for name in sys.modules if name.partition('.')[0] == 'torch')"
    check = f"import sys; {loads}; print({loaded})"
    result = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == "[]"
