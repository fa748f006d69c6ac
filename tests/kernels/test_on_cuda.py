"""Kernels on a real GPU: the bits of the CPU, through the loader that streams use."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from stereocast.bench.gpu.agreement import compare
from stereocast.bench.gpu.cases import cases
from stereocast.kernels import forward_warp
from stereocast.kernels.launch import launching

pytestmark = pytest.mark.needs_cuda
NAMES = [case.name for case in cases((16, 24), 0)]


@pytest.mark.parametrize("size", [(34, 46), (61, 93), (270, 480)])
@pytest.mark.parametrize("name", NAMES)
def test_every_kernel_gives_what_the_cpu_gives(name, size):
    from stereocast.kernels.loader import Loader

    (case,) = (case for case in cases(size, 11) if case.name == name)
    expected = case.prepare(torch.device("cpu"))()
    with launching(Loader()):
        actual = case.prepare(torch.device("cuda"))()
    for mine, theirs in zip(actual, expected, strict=True):
        found = compare(
            mine.to("cpu"), theirs, tolerance=case.tolerance, most_flips=case.most_flips
        )
        assert found.agrees, found


def test_tensors_of_a_gpu_need_no_preparation():
    image = torch.randint(0, 256, (3, 20, 30), dtype=torch.uint8)
    disparity = torch.rand(20, 30) * 4
    view, holes = forward_warp(image.to("cuda"), disparity.to("cuda"))
    expected, expected_holes = forward_warp(image, disparity)
    assert torch.equal(view.to("cpu"), expected)
    assert torch.equal(holes.to("cpu"), expected_holes)


def test_tensors_of_two_devices_are_refused():
    image = torch.zeros(3, 4, 9, dtype=torch.uint8, device="cuda")
    with pytest.raises(ValueError, match="tensors of one device are needed"):
        forward_warp(image, torch.zeros(4, 9))


def test_a_row_of_8k_gets_the_shared_memory_it_needs():
    image = torch.randint(0, 256, (3, 2, 7680), dtype=torch.uint8)
    disparity = torch.rand(2, 7680) * 20
    view, _ = forward_warp(image.to("cuda"), disparity.to("cuda"))
    assert torch.equal(view.to("cpu"), forward_warp(image, disparity)[0])


def test_a_refused_launch_names_the_kernel_and_cudas_words(tmp_path: Path):
    from stereocast.kernels.loader import LaunchError, Loader

    loader, one = Loader(tmp_path), torch.zeros(1, dtype=torch.uint8, device="cuda")
    with pytest.raises(LaunchError, match=r"stereocast_prime, grid .*: "):
        loader.launch(
            "prime", "stereocast_prime", grid=(1, 1), block=(2048,),
            args=(one, torch.zeros(3, dtype=torch.int64, device="cuda")),
        )  # fmt: skip
    with pytest.raises(LaunchError, match="has no kernel 'stereocast_nothing'"):
        loader.launch("prime", "stereocast_nothing", grid=(1,), block=(1,), args=(one,))


def test_a_second_loader_finds_the_first_ones_kernels(tmp_path: Path):
    from stereocast.kernels.loader import Loader

    origins = []
    for _ in range(2):
        loader = Loader(tmp_path)
        loader.prepare(["prime"], 0)
        origins.append(loader.origins["prime"])
    assert origins == ["compiled", "cached"]
