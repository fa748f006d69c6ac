"""The rows of a network's step on a GPU: what is made of times, and of ways that are not there."""

from __future__ import annotations

import pytest
import torch

from stereocast.bench.gpu import ways
from stereocast.bench.gpu.report import failures, markdown
from stereocast.bench.gpu.ways import CAPTURED, EAGER, TENSORRT, UPSTREAM, Effort, planned, rows
from stereocast.engine.depth.tiny import load_network
from stereocast.engine.errors import MissingDependency
from stereocast.engine.static import Place
from tests.bench.test_gpu_bench import report

CPU = Place(torch.device("cpu"))


def test_a_row_tells_how_often_it_is_as_fast_as_upstream():
    made = rows({EAGER: [4.0], CAPTURED: [1.0, 2.0, 9.0], UPSTREAM: [8.0]})
    assert made[CAPTURED] == {"p50": 2.0, "p95": 9.0, "p99": 9.0, "max": 9.0, "times as fast": 4.0}
    assert made[UPSTREAM]["times as fast"] == 1.0
    assert "times as fast" not in rows({EAGER: [4.0]})[EAGER]
    assert "times as fast" not in rows({EAGER: [4.0], UPSTREAM: "no memory"})[EAGER]


def test_a_way_that_is_not_there_is_a_line_of_the_table_and_no_failure():
    found = report()
    before = failures(found)
    found["parts"]["depth"] = rows({CAPTURED: [1.0], TENSORRT: "not installed: pip install x"})
    text = markdown(found)
    assert f"| {TENSORRT} |  |  |  |  | not installed: pip install x |" in text
    assert failures(found) == before


def test_without_tensorrt_its_row_says_what_to_install(monkeypatch):
    def planner_for(*_: object) -> object:
        def planner(*_: object) -> None:
            raise MissingDependency("a TensorRT plan needs tensorrt-rtx or tensorrt: pip install x")

        return planner

    monkeypatch.setattr(ways, "planner_for", planner_for)
    effort = Effort(torch.device("cpu"), 4, 1.0)
    found = planned(
        effort, load_network(), "tiny", (42, 56), passing=None, call_of=lambda _: lambda: None
    )
    assert found == "a TensorRT plan needs tensorrt-rtx or tensorrt: pip install x"


@pytest.mark.skipif(torch.cuda.is_available(), reason="for machines without a GPU")
def test_steps_are_rehearsed_on_the_cpu_and_say_there_what_a_plan_needs():
    small = {"size": (34, 46), "steps": 4, "limit_s": 0.1}
    made = {**ways.tiny_step(CPU, (42, 56), **small), **ways.refiner_step(CPU, (28, 42), **small)}
    refused = [row for row in made.values() if "not run" in row]
    assert len(refused) == 3
    assert all("needs a CUDA device" in row["not run"] for row in refused)
    assert made[CAPTURED]["p50"] > 0
