"""What the GPU bench does without a GPU: its arithmetic, its cases, its tables, its refusal."""

from __future__ import annotations

import math

import pytest
import torch

from stereocast.bench.gpu import attempted
from stereocast.bench.gpu.agreement import Agreement, compare, worst
from stereocast.bench.gpu.cases import cases
from stereocast.bench.gpu.parts import agreements
from stereocast.bench.gpu.report import failures, folder_of, markdown
from stereocast.bench.gpu.roofline import (
    Ceilings,
    percentile,
    rate_gb_per_s,
    share_of_roof,
    spread,
)
from stereocast.engine.static import Place
from stereocast.runtime.cli import run
from tests.cuda_on_cpu.launcher import Emulator

ROOF = Ceilings(gb_per_s=1000.0, tflop_s=100.0, launch_us=2.0)


def test_a_copy_at_the_ceiling_has_share_one():
    assert rate_gb_per_s(2_000_000, 0.002) == pytest.approx(1000)
    assert share_of_roof(2_000_000, 0.002, ROOF) == pytest.approx(1)
    assert rate_gb_per_s(1, 0) == math.inf


def test_percentiles_are_samples():
    samples = [float(n) for n in range(1, 101)]
    assert spread(samples) == {"p50": 50.0, "p95": 95.0, "p99": 99.0, "max": 100.0}
    assert percentile([3.0], 0.99) == 3.0
    with pytest.raises(ValueError, match="needs samples"):
        percentile([], 0.5)


def test_agreement_is_bit_for_bit_unless_a_tolerance_is_named():
    expected = torch.arange(100.0)
    actual = expected.clone()
    assert compare(actual, expected) == Agreement(0.0, 0.0, True)
    actual[7] += 0.5
    assert compare(actual, expected) == Agreement(0.5, 0.01, False)
    assert compare(actual, expected, tolerance=0.5).agrees
    assert compare(actual, expected, tolerance=0.1, most_flips=0.01) == Agreement(0.0, 0.01, True)
    assert compare(actual, expected, tolerance=0.1, most_flips=0.005) == Agreement(0.5, 0.01, False)


def test_holes_and_not_numbers_agree_with_themselves_only():
    odd = torch.tensor([torch.nan, -torch.inf, 1.0])
    assert compare(odd, odd.clone()).agrees
    assert not compare(odd, torch.tensor([0.0, -torch.inf, 1.0])).agrees
    with pytest.raises(ValueError, match="differ in kind"):
        compare(odd, torch.zeros(2))


def test_the_worst_agreement_is_the_one_that_does_not():
    small, wrong = Agreement(0.0, 0.0, True), Agreement(0.1, 0.0, False)
    assert worst([small, wrong, small]) is wrong


def test_every_seed_gives_other_inputs():
    def first(seed: int) -> torch.Tensor:
        case = next(iter(cases((16, 24), seed)))
        return case.prepare(torch.device("cpu"))()[0]

    assert not torch.equal(first(1), first(2))


@pytest.mark.slow
def test_every_case_runs_through_the_kernels_of_a_gpu_and_agrees():
    """As on a GPU, but for the machine: the emulator executes what the loader would launch."""
    emulator = Emulator(orders=("forward",))
    place = Place(torch.device("cpu"), emulator)
    found = agreements(place, seed=5, sizes=((22, 34),))
    assert all(each["agrees"] for each in found.values()), found
    assert len(found) == len(list(cases((22, 34), 5)))
    assert {"stereocast_warp_eyes_u8", "stereocast_prime"} <= emulator.kernels


def test_a_part_that_fails_is_told_and_the_others_go_on():
    def fails() -> object:
        raise RuntimeError("no such unit\nhint")

    assert attempted(fails) == {"failed": "RuntimeError: no such unit"}
    assert attempted(lambda: {"p50": 1.0}) == {"p50": 1.0}


def report() -> dict[str, object]:
    agrees = {"largest": 0.0, "flips": 0.0, "agrees": True}
    return {
        "gpu": {"name": "NVIDIA Some GPU", "capability": "9.0", "memory_gb": 80, "cuda": "13.0"},
        "ceilings": {"gb_per_s": 1.0, "tflop_s": 2.0, "launch_us": 3.0},
        "seconds": 5.0,
        "probes": [{"name": "encoder", "works": False, "detail": "a | b"}],
        "parts": {
            "agreement": {"warp": agrees, "fill": agrees | {"agrees": False}},
            "pipeline": {"ms": {"p50": 1.0}, "allocations_after_warm_up": 3},
            "encoders": {"failed": "EncodeError: refused"},
        },
    }


def test_tables_have_a_row_for_everything_and_no_broken_cells():
    text = markdown(report())
    assert text.startswith("# NVIDIA Some GPU")
    assert "| fill | 0.0 | 0.0 | False |" in text
    assert "| ms | p50 1.0 |" in text
    assert "a \\| b" in text
    assert "Failed: EncodeError: refused" in text
    assert folder_of("NVIDIA H100 80GB HBM3") == "nvidia-h100-80gb-hbm3"


def test_what_is_wrong_is_named():
    assert failures(report()) == [
        "fill disagrees",
        "pipeline: 3 allocations after warm-up",
        "encoders: EncodeError: refused",
    ]


@pytest.mark.skipif(torch.cuda.is_available(), reason="for machines without a GPU")
def test_without_a_gpu_the_command_ends_with_one_clear_line(capfd):
    assert run(["bench", "gpu"]) == 1
    (line,) = capfd.readouterr().err.strip().splitlines()
    assert line.startswith("stereocast: device.name = cuda: PyTorch")
    assert "install a driver" in line
