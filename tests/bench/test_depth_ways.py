"""The ways of `bench depth` compute the same depth: a fast wrong way would not count."""

from __future__ import annotations

import pytest

from stereocast.bench.depth import (
    GOALS_SHARE,
    ONNX_FP32,
    ONNX_INT8,
    exported_ways,
    measure,
    report,
    torch_ways,
)
from tests.engine.vda import recipe


@pytest.mark.slow
def test_exported_ways_give_the_depth_of_upstreams_way(tmp_path):
    network, grid = recipe.network("tiny"), (42, 70)
    ways = torch_ways(network, grid) | exported_ways(network, grid, tmp_path)
    rows = report(measure(ways, frames=4))
    assert rows[ONNX_FP32]["max_difference"] < 1e-4 < rows[ONNX_INT8]["max_difference"] < 1
    assert rows["kv ring"]["max_difference"] < 1e-4
    assert set(GOALS_SHARE) <= set(rows)
    assert all(row["cpu_ms"] >= row["min_cpu_ms"] > 0 for row in rows.values())
    if "OpenVINO fp32" in rows:
        assert rows["OpenVINO fp32"]["max_difference"] < 1e-3
