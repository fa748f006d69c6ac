"""Snippets: which frames are seen together, at every clip length, and as upstream counts them."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import pytest

from stereocast.engine.depth.snippets import (
    FAST,
    FULL,
    annealed_dilation,
    capped_dilation,
    dilated,
    snippets,
)


@pytest.mark.parametrize("dilations", [(1,), FAST, FULL, (2, 1, 5)])
def test_every_frame_of_every_clip_is_in_a_snippet(dilations):
    for frames in (*range(1, 31), 76, 200):
        plan = snippets(frames, dilations=dilations)
        assert {frame for snippet in plan for frame in snippet} == set(range(frames))


def test_snippets_are_evenly_spaced_and_as_long_as_the_clip_allows():
    for frames in range(1, 13):
        for snippet in snippets(frames, dilations=(1, 2)):
            assert len(snippet) == min(3, frames)
            assert len({b - a for a, b in pairwise(snippet)}) <= 1


def test_gaps_that_become_equal_are_used_once():
    plan = snippets(8, dilations=(1, 10, 25))
    assert len(plan) == len(set(plan)) == 6


def test_upstreams_failure_in_short_clips_is_not_ours():
    """Its cap of the gap is frames // length − 1, which is 0 below six frames."""
    assert [capped_dilation(25, frames=frames) for frames in (1, 5, 6, 9, 60)] == [1, 1, 1, 2, 19]


def test_impossible_clips_are_refused():
    with pytest.raises(ValueError, match="must be at least 1"):
        snippets(0)
    with pytest.raises(ValueError, match="must contain 1"):
        snippets(9, dilations=(2, 3))


def test_numbers_are_those_of_the_original(golden: Path):
    """rd_snippets.json, made by RollingDepth's own code; equal, but for the cap of 0."""
    table = json.loads((golden / "stereo" / "rd_snippets.json").read_text())
    for case in table["indices"]:
        gap = annealed_dilation(
            case["d_start"], case["d_end"], step=case["step"], steps=case["steps"]
        )
        plan = dilated(case["seq"], dilation=gap, length=case["snippet"])
        assert [list(snippet) for snippet in plan] == case["idx"]
    for case in table["cap"]:
        gap = capped_dilation(case["dilation"], frames=case["seq"], length=case["snippet"])
        assert gap == max(1, case["out"])
