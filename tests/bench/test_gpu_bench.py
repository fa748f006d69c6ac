"""What the GPU bench does without a GPU: its arithmetic, its cases, its tables, its refusal."""

from __future__ import annotations

import json
import math
import re
import time
from collections.abc import Callable

import pytest
import torch

from stereocast.bench.gpu import attempted
from stereocast.bench.gpu import run as run_gpu_bench
from stereocast.bench.gpu.agreement import Agreement, compare, worst
from stereocast.bench.gpu.cases import cases
from stereocast.bench.gpu.clock import ms_of
from stereocast.bench.gpu.frames import Setting, soak
from stereocast.bench.gpu.parts import agreements
from stereocast.bench.gpu.plan import Clockwork, Part
from stereocast.bench.gpu.rehearsal import REHEARSAL, stand_in
from stereocast.bench.gpu.report import failures, folder_of, markdown
from stereocast.bench.gpu.roofline import (
    Ceilings,
    percentile,
    rate_gb_per_s,
    share_of_roof,
    spread,
)
from stereocast.engine.frame import Frame
from stereocast.engine.static import Place
from stereocast.runtime.cli import run
from tests.cuda_on_cpu.launcher import Emulator

CPU = torch.device("cpu")
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
        "needs": [{"name": "encoder", "works": False, "detail": "a | b"}],
        "parts": {
            "agreement": {"warp": agrees, "fill": agrees | {"agrees": False}, "seconds": 2.0},
            "kernels": {"warp": {"ms": 0.1}, "fill": {"failed": "LaunchError: no"}},
            "frames": {"ms": {"p50": 1.0}, "allocations_after_warm_up": 3},
            "encoders": {"failed": "EncodeError: refused"},
            "decoders": {"skipped": "3 s were left"},
            "soak": {"drops": 2, "age_ms": {"p50": 3.0}},
            "units": {"nvidia-smi": "a table\nof two lines"},
        },
    }


def test_tables_have_a_row_for_everything_and_no_broken_cells():
    text = markdown(report())
    assert text.startswith("# NVIDIA Some GPU")
    assert "| fill | 0.0 | 0.0 | False |" in text
    assert "| ms | p50 1.0 |" in text
    assert "a \\| b" in text
    assert "Failed: EncodeError: refused" in text
    assert "Left out: 3 s were left" in text
    assert "| fill |  | LaunchError: no |" in text
    assert "```\na table\nof two lines\n```" in text
    assert folder_of("NVIDIA H100 80GB HBM3") == "nvidia-h100-80gb-hbm3"


def test_what_is_wrong_is_named():
    assert failures(report()) == [
        "agreement: fill: disagrees",
        "kernels: fill: LaunchError: no",
        "frames: 3 allocations after warm-up",
        "encoders: EncodeError: refused",
        "soak: 2 frames dropped",
    ]


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds


def test_a_part_that_no_longer_fits_is_left_out_and_a_limit_is_what_is_left():
    clock, said = Clock(), []
    clockwork = Clockwork(50.0, say=said.append, now=clock)

    def takes(seconds: float) -> Callable[[float], object]:
        def part(limit_s: float) -> object:
            clock.sleep(seconds)
            return {"limit_s": limit_s}

        return part

    assert clockwork.run(Part("a", 30.0, takes(28.0))) == {"limit_s": 30.0, "seconds": 28.0}
    assert clockwork.run(Part("b", 30.0, takes(18.0))) == {"limit_s": 22.0, "seconds": 18.0}
    assert clockwork.run(Part("c", 30.0, takes(1.0))) == {
        "skipped": "4 s were left, it may take 30"
    }
    assert said == ["a", "b"]


def test_a_call_that_takes_long_is_called_less_often_but_often_enough():
    calls = []
    times = ms_of(lambda: calls.append(time.sleep(0.002)), CPU, calls=10**6, limit_s=0.0)
    assert len(times) == 10
    assert len(ms_of(lambda: None, CPU, calls=40)) == 40


def test_frames_that_nobody_had_time_for_are_dropped_and_counted(monkeypatch):
    clock, made = Clock(), []

    def step(session: object, frame: Frame) -> None:
        made.append(frame.index)
        clock.sleep(0.25 if frame.index == 3 else 0.01)

    monkeypatch.setattr("stereocast.engine.session.Session.step", step)
    found = soak(Place(CPU), Setting((32, 48)), seconds=1.0, fps=10.0, now=clock, sleep=clock.sleep)
    assert (found["frames"], found["drops"]) == (10, 1)
    assert made == [0, 1, 2, 3, 5, 6, 7, 8, 9, 10]
    assert found["age_ms"]["max"] == pytest.approx(250.0)


def test_the_report_is_kept_after_every_part_and_parts_can_be_chosen():
    kept = []
    report = run_gpu_bench(
        stand_in(), say=lambda _: None, plan=REHEARSAL, only=("what", "kernels"),
        keep=lambda report: kept.append(list(report["parts"])),
    )  # fmt: skip
    assert kept == [["what the units say"], ["what the units say", "kernels"]]
    said = report["parts"]["what the units say"]
    assert said["decoder cpu"].startswith("works: ")
    assert failures(report) == []
    assert json.loads(json.dumps(report)) == report


@pytest.mark.slow
def test_all_of_it_runs_on_the_cpu(tmp_path, capfd):
    """No line of the bench is run for the first time when a GPU is there at last."""
    assert run(["bench", "gpu", "--rehearse", "--soak", "--out", str(tmp_path)]) == 0
    report = json.loads((tmp_path / "cpu-a-rehearsal" / "gpu.json").read_text())
    parts = report["parts"]
    assert [name for name, part in parts.items() if {"failed", "skipped"} & set(part)] == []
    kinds = "what agreement graph kernels depth refiner frames encoders decoders loopback soak"
    assert {re.split("[ ,]", name)[0] for name in parts} >= set(kinds.split())
    assert parts["graph against CPU"]["cuts"] == [1, 1]
    (loopback,) = (part for name, part in parts.items() if name.startswith("loopback"))
    assert loopback["barcodes"]["proven"] > 0
    assert set(parts["encoders"]) >= {"x264", "mjpeg"}
    assert parts["decoders"]["cpu"]["pictures"] > 1
    assert (tmp_path / "cpu-a-rehearsal" / "gpu.md").read_text() == capfd.readouterr().out


@pytest.mark.skipif(torch.cuda.is_available(), reason="for machines without a GPU")
def test_without_a_gpu_the_command_ends_with_one_clear_line(capfd):
    assert run(["bench", "gpu"]) == 1
    (line,) = capfd.readouterr().err.strip().splitlines()
    assert line.startswith("stereocast: device.name = cuda: PyTorch")
    assert "install a driver" in line
