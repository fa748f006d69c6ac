"""The depth bench compares ways that agree: a fast wrong one would be seen."""

from __future__ import annotations

from stereocast.bench import depth
from tests.engine.vda import recipe
from tests.engine.vda.pictures import GRID


def test_every_way_is_timed_and_agrees_with_upstreams():
    ways = depth.torch_ways(recipe.network("tiny"), GRID)
    rows = depth.report(depth.measure(ways, frames=3))
    assert next(iter(rows)) == depth.UPSTREAM and rows[depth.UPSTREAM]["share"] == 1
    for name, row in rows.items():
        assert row["cpu_ms"] > 0 and row["wall_ms"] > 0
        assert row["max_difference"] <= (0.1 if "float16" in name else 1e-3), name
