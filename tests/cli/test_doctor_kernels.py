"""`stereocast doctor --kernels`: every CUDA source for every architecture, without a GPU."""

from __future__ import annotations

import builtins
import functools
import json
from pathlib import Path

import pytest

from stereocast.kernels import sources
from stereocast.kernels.compiler import SUPPORTED
from tests.commands import Stereocast


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def test_without_the_extra_one_line_says_what_to_install(
    stereocast: Stereocast, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = builtins.__import__

    def absent(name: str, *rest: object, **named: object) -> object:
        if name.partition(".")[0] == "cuda":
            raise ImportError(f"No module named '{name}'")
        return real(name, *rest, **named)

    monkeypatch.setattr(builtins, "__import__", absent)
    result = stereocast("doctor", "--kernels")
    assert (result.code, result.out, len(result.err)) == (1, [], 1)
    assert "pip install 'stereocast[cuda]'" in result.err[0]


@pytest.mark.slow
def test_every_kernel_is_compiled_and_kept(stereocast: Stereocast, tmp_path: Path) -> None:
    result = stereocast("doctor", "--kernels", "--json", tmp_path / "kernels.json")
    assert result.code == 0
    assert all(line.startswith("compiling: ") for line in result.err)
    assert all(any(op in line for line in result.out) for op in sources.cuda_ops())
    report = json.loads((tmp_path / "kernels.json").read_text())
    assert (report["schema"], report["able"]) == ("stereocast/doctor-kernels/1", True)
    pairs = {(attempt["op"], attempt["arch"]) for attempt in report["attempts"]}
    assert pairs == {(op, arch) for op in sources.cuda_ops() for arch in SUPPORTED}
    assert all(attempt["ok"] and attempt["bytes"] > 0 for attempt in report["attempts"])
    kept = list((tmp_path / "cache" / "stereocast" / "kernels").iterdir())
    assert len(kept) == len(report["attempts"])


@pytest.mark.slow
def test_a_kernel_that_does_not_compile_is_code_1_and_the_others_are_still_tried(
    stereocast: Stereocast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for op, body in (("good", "a[0] = 1;"), ("poor", "a[0] = b;")):
        (tmp_path / op).mkdir()
        text = f'extern "C" __global__ void {op}(float* a) {{ {body} }}\n'
        (tmp_path / op / "kernel.cu").write_text(text)
    monkeypatch.setattr(sources, "cuda_ops", functools.partial(sources.cuda_ops, tmp_path))
    read = functools.partial(sources.read_source, folder=tmp_path)
    monkeypatch.setattr(sources, "read_source", read)
    result = stereocast("doctor", "--kernels", "--json", tmp_path / "kernels.json")
    assert result.code == 1
    assert len(result.err) == len(SUPPORTED)
    assert 'poor/kernel.cu(1): error: identifier "b" is undefined' in result.err[0]
    report = json.loads((tmp_path / "kernels.json").read_text())
    assert not report["able"]
    assert [attempt["ok"] for attempt in report["attempts"]] == [True] * 7 + [False] * 7
