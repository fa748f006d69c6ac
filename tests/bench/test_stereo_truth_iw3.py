"""Our iw3 is iw3: warp, fill, masks, dilation and curves equal the original's output."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from stereocast.bench.stereo_truth import iw3_edges, iw3_eyes, iw3_mapper, iw3_warp

SETS = ("integers", "fractional", "layered")
EYES = {"left": iw3_warp.left_eye, "right": iw3_warp.right_eye}


def arrays(golden, name):
    with np.load(golden / "stereo" / f"iw3_{name}.npz") as found:
        return {key: torch.from_numpy(found[key]) for key in found.files}


@pytest.mark.parametrize("divergence", [6, 16])
@pytest.mark.parametrize("name", SETS)
def test_warp_fill_and_masks_equal_the_original(golden, name, divergence):
    known = arrays(golden, name)
    width = known["depth"].shape[1]
    compared = 0
    for convergence in ("0", "0.5", "1"):
        for synthetic in ("both", "left", "right"):
            share = 0.5 if synthetic == "both" else 1.0
            for eye in EYES if synthetic == "both" else (synthetic,):
                made = EYES[eye](
                    known["image"],
                    known["depth"],
                    shift_px=divergence / 100 * width * share,
                    convergence=float(convergence),
                )
                prefix = f"div{divergence}_conv{convergence}_{synthetic}_"
                filled, raw = known[f"{prefix}{eye}_fill"], known[f"{prefix}{eye}_raw"]
                torch.testing.assert_close(made.filled, filled, rtol=0, atol=1e-5)
                torch.testing.assert_close(made.raw, raw, rtol=0, atol=1e-5)
                assert torch.equal(made.mask[None], known[f"{prefix}{eye[0]}mask"])
                compared += 1
    assert compared == 12


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize(("key", "across", "down"), [("2", 2, 2), ("_x4y1", 4, 1)])
def test_edge_dilation_equals_the_original(golden, name, key, across, down):
    known = arrays(golden, name)
    grown = iw3_edges.dilate_edges(known["depth"], across=across, down=down)
    torch.testing.assert_close(grown, known[f"edge_dilate{key}"], rtol=0, atol=1e-5)


@pytest.mark.parametrize("curve", iw3_mapper.CURVES)
def test_curves_equal_the_original(golden, curve):
    known = arrays(golden, "mapper")
    bent = iw3_mapper.remap(known["x"], curve)
    torch.testing.assert_close(bent, known[curve], rtol=0, atol=1e-6)


@pytest.mark.parametrize("curve", iw3_mapper.CURVES)
def test_curves_rise_from_zero_to_one(curve):
    bent = iw3_mapper.remap(torch.linspace(0, 1, 101), curve)
    assert (bent.diff() > 0).all()
    torch.testing.assert_close(bent[[0, -1]], torch.tensor([0.0, 1.0]), rtol=0, atol=1e-6)


def box_in_front():
    """A picture of columns, a box of 4 px disparity in columns 10…14."""
    left = torch.arange(32).mul(8).expand(3, 20, 32).to(torch.uint8).contiguous()
    disparity = torch.zeros(20, 32)
    disparity[:, 10:15] = 4
    return left, disparity


def test_the_nearer_wins_and_the_hole_is_filled_from_the_right():
    left, disparity = box_in_front()
    view, holes = iw3_eyes.bare(left, disparity)
    assert torch.equal(view[:, :, 6:11], left[:, :, 10:15])
    assert holes is not None
    assert holes.nonzero()[:, 1].unique().tolist() == [11, 12, 13, 14]
    assert (view[:, :, 11:15] == left[:, :, 15:16]).all()


def test_the_left_eye_mirrors_the_right(generator):
    image = torch.rand(3, 9, 24, generator=generator)
    nearness = torch.rand(9, 24, generator=generator)
    right = iw3_warp.right_eye(image, nearness, shift_px=3.0, convergence=0.5)
    left = iw3_warp.left_eye(image.flip(-1), nearness.flip(-1), shift_px=3.0, convergence=0.5)
    torch.testing.assert_close(left.filled.flip(-1), right.filled, rtol=0, atol=1e-4)


@pytest.mark.parametrize("rows", [196, 392])
def test_as_shipped_grows_near_things_by_a_pixel_or_two_of_the_network(rows):
    nearness = torch.zeros(rows, rows)
    nearness[:, rows // 4 : rows // 2] = 1
    is_near = iw3_edges.as_shipped(nearness)[rows // 2] > 0.5
    gained = int(is_near.sum()) - rows // 4
    assert 1 * rows / 392 <= gained / 2 <= 2 * rows / 392
