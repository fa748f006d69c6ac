"""What an installed stereocast contains, with and without a C++ compiler."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent


def build_wheel(folder: Path, **environment: str) -> Path:
    """Build the wheel as pip does for a user, from a copy of the tracked sources."""
    sources = folder / "sources"
    archive = subprocess.run(
        ["git", "-C", str(REPOSITORY), "ls-files", "-z"], capture_output=True, check=True
    )
    for name in archive.stdout.decode().rstrip("\0").split("\0"):
        file = REPOSITORY / name
        if file.is_file() and not name.startswith(".dev/"):
            (sources / name).parent.mkdir(parents=True, exist_ok=True)
            (sources / name).write_bytes(file.read_bytes())
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps"]
    run = subprocess.run(
        [*command, "--wheel-dir", str(folder), str(sources)],
        env=os.environ | environment,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    (wheel,) = folder.glob("*.whl")
    return wheel


@pytest.mark.slow
def test_a_wheel_has_every_room_the_native_module_and_the_shared_headers(tmp_path):
    names = set(zipfile.ZipFile(build_wheel(tmp_path)).namelist())
    assert any(name.startswith("stereocast/kernels/_native.") for name in names)
    assert {
        "stereocast/__init__.py",
        "stereocast/py.typed",
        "stereocast/kernels/warp/math.h",
        "stereocast/kernels/portable.h",
        "stereocast/kernels/pack/kernel.cu",
        "stereocast/configs/cpu.toml",
        "stereocast/configs/training/tiny.toml",
        "stereocast/engine/depth/tiny/weights.safetensors",
        "stereocast/engine/depth/tiny/MODEL_CARD.md",
        "stereocast/engine/pipeline.py",
        "stereocast/runtime/cli/__init__.py",
        "stereocast/bench/latency.py",
        "stereocast/runtime/web/static/index.html",
        "stereocast/runtime/web/static/main.js",
    } <= names
    assert not [name for name in names if name.endswith(".cpp")]
    assert not [name for name in names if name.startswith(("kernels/", "engine/", "runtime/"))]


@pytest.mark.slow
def test_without_a_compiler_the_reference_kernels_are_installed_and_say_so(tmp_path):
    wheel = build_wheel(tmp_path, CC="/bin/false", CXX="/bin/false")
    assert wheel.name.endswith("-none-any.whl")
    site = tmp_path / "site"
    zipfile.ZipFile(wheel).extractall(site)
    script = (
        "import torch; from stereocast.kernels import native, forward_warp; "
        "print(native.description()); "
        "view, holes = forward_warp(torch.zeros(3, 8, 9, dtype=torch.uint8), torch.ones(8, 9)); "
        "print(int(holes.sum()))"
    )
    run = subprocess.run(
        [
            sys.executable,
            "-S",
            "-c",
            f"import sys; sys.path[:0] = {[str(site), *sys.path]!r}; {script}",
        ],
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    said, holes = run.stdout.splitlines()
    assert said.startswith("reference kernels (slow)")
    assert holes == "8"


@pytest.mark.slow
def test_a_demanded_native_module_that_cannot_be_built_fails_the_installation(tmp_path):
    with pytest.raises(AssertionError, match=r"(?i)failed|error"):
        build_wheel(tmp_path, CC="/bin/false", CXX="/bin/false", STEREOCAST_REQUIRE_NATIVE="1")


def configured(folder: Path, choice: str, *, nvcc: Path | None) -> subprocess.CompletedProcess[str]:
    """Configure with this nvcc, or where no folder that may hold one is looked into."""
    if shutil.which("cmake") is None:
        pytest.skip("needs cmake")
    nanobind = subprocess.run(
        [sys.executable, "-m", "nanobind", "--cmake_dir"],
        check=True, capture_output=True, text=True,
    ).stdout.strip()  # fmt: skip
    found = shutil.which("nvcc")
    hidden = {str(path / "bin") for path in Path("/usr/local").glob("cuda*")}
    hidden |= {str(Path(found).parent)} if found else set()
    environment = {name: text for name, text in os.environ.items() if name[:5] != "CUDA_"}
    if nvcc is not None:
        environment["PATH"] = f"{nvcc.parent}:{environment['PATH']}"
    return subprocess.run(
        ["cmake", "-S", str(REPOSITORY), "-B", str(folder), f"-DSTEREOCAST_CUDA={choice}",
         f"-Dnanobind_DIR={nanobind}", f"-DPython_EXECUTABLE={sys.executable}",
         f"-DCMAKE_IGNORE_PATH={';'.join(sorted(hidden))}"],
        env=environment, capture_output=True, text=True,
    )  # fmt: skip


@pytest.mark.slow
def test_without_nvcc_cuda_kernels_are_left_to_where_they_run(tmp_path):
    run = configured(tmp_path, "AUTO", nvcc=None)
    assert run.returncode == 0, run.stderr
    assert "compiled where they run, not ahead (AUTO)" in run.stdout
    assert "fatbin" not in (tmp_path / "CMakeFiles" / "Makefile2").read_text()


@pytest.mark.slow
def test_with_nvcc_every_kernel_is_built_ahead(tmp_path):
    nvcc = tmp_path / "bin" / "nvcc"
    nvcc.parent.mkdir()
    nvcc.write_text("#!/bin/sh\n")
    nvcc.chmod(0o755)
    run = configured(tmp_path / "build", "AUTO", nvcc=nvcc)
    assert run.returncode == 0, run.stderr
    rules = (tmp_path / "build" / "CMakeFiles" / "cuda_kernels.dir" / "build.make").read_text()
    for kernel in (REPOSITORY / "kernels").glob("*/kernel.cu"):
        assert f"kernels/{kernel.parent.name}/kernel.fatbin" in rules


@pytest.mark.slow
def test_a_demanded_nvcc_that_is_not_there_is_refused_with_the_remedy(tmp_path):
    run = configured(tmp_path, "ON", nvcc=None)
    assert run.returncode != 0
    assert "STEREOCAST_CUDA=ON needs nvcc: install the CUDA toolkit, or say" in run.stderr
