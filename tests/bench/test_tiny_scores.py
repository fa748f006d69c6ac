"""The scores of the built-in depth: exact where the truth is known, and in the card."""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType

import pytest
import torch

from stereocast.bench.tiny_depth.card import BEGIN, END, write_card
from stereocast.bench.tiny_depth.methods import CONSTANT, METHODS, TINY, Streams
from stereocast.bench.tiny_depth.real import PROBE
from stereocast.bench.tiny_depth.scores import absrel, disparity_error, flicker
from stereocast.bench.tiny_depth.worlds import run
from stereocast.engine.depth.tiny import TinyDepth

TRUTH = 1 + 9 * torch.rand(20, 30, generator=torch.Generator().manual_seed(1))


def test_depth_up_to_scale_and_shift_has_no_error():
    error, near = absrel(3 / TRUTH + 7, TRUTH)
    assert error < 1e-4 and near == 1
    wrong, _ = absrel(torch.rand(20, 30, generator=torch.Generator().manual_seed(2)), TRUTH)
    assert wrong > 0.2


def test_sky_is_not_scored():
    truth = TRUTH.clone()
    truth[:5] = torch.inf
    assert absrel(1 / TRUTH, truth)[0] < 1e-4


def test_a_robust_line_ignores_what_stands_out():
    cue = TRUTH.clone()
    wanted = 2 * TRUTH - 5
    wanted[0, 0] += 100
    error, r = disparity_error(cue, wanted, torch.ones_like(cue, dtype=torch.bool))
    assert error == pytest.approx(100 / 600, rel=1e-3) and 0.5 < r < 1


def test_flicker_is_measured_where_nothing_changes():
    truth = TRUTH.expand(4, 20, 30).clone()
    truth[2:, :, :15] += 1
    steady = (1 / TRUTH).expand(4, 20, 30).clone()
    assert flicker(steady, truth) == 0
    shaking = steady + 0.1 * torch.tensor([0.0, 1, 0, 1]).view(4, 1, 1)
    assert flicker(shaking, truth) == pytest.approx(0.1 / float((1 / TRUTH).std()), rel=1e-3)


def test_every_method_is_scored_and_enters_the_card(tmp_path: Path):
    torch.manual_seed(1)
    streams = Streams(TinyDepth().eval(), (140, 252), meanmap_worlds=2)
    worlds = run(streams, 1, told=lambda: None, frames=3)
    assert set(worlds) == {"static", "moving"}
    assert all(set(worlds[group]) == set(METHODS) for group in worlds)
    assert worlds["static"][CONSTANT]["flicker"] == 0 < worlds["static"][TINY]["flicker"]
    card = tmp_path / "card.md"
    card.write_text(f"Words.\n{BEGIN}\nold\n{END}\nMore.\n")
    write_card({"worlds": worlds, "worlds_each": 1}, card)
    text = card.read_text()
    assert text.startswith("Words.\n") and text.endswith("More.\n") and "old" not in text
    assert all(f"| {method} |" in text for method in METHODS)


def test_rows_of_two_matchings_meet_as_shares_of_the_ramp(tmp_path: Path):
    even = {"error_px": 2.0, "r": 0.1, "absrel": 2.0, "delta1": 0.1}
    half = even | {"error_px": 1.0, "absrel": 1.0}
    methods = {method: half if method == TINY else even for method in METHODS}
    real = dict.fromkeys(PROBE, MappingProxyType(methods))
    card = tmp_path / "card.md"
    card.write_text(f"{BEGIN}{END}")
    write_card({"real": real}, card)
    rows = card.read_text().splitlines()
    assert "| tiny, share of the row ramp | 0.500 | 0.500 | 0.500 | 0.500 | 0.500 |" in rows
    assert "| probe, share of its row ramp | 0.932 | 0.913 | 0.816 | 1.023 | 0.979 |" in rows
