"""Clips of a room: both true eyes of any frame, with everything that is exact about them.

Which parts the left eye cannot know is decided in visibility.py.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from stereocast.engine.errors import ConfigError
from stereocast.kernels.raycast import Camera, Scene, disparity_px, raycast
from stereocast.training.scenes.layout import draw_room
from stereocast.training.scenes.truth import TruthFrame
from stereocast.training.scenes.visibility import hidden_from_left

CameraPath = Literal["drift", "static"]
CONVERGENCE_M = 4.0
SHARE_OF_INFINITY = 0.025
"""Disparity behind the screen at infinity, as a share of the width; a third of 4 m is at +5 %."""
FINER = 2
"""Samples per pixel and direction behind colours and masks."""


class SceneClip:
    """The moving room of a seed, seen by two eyes; any frame can be asked for directly.

    camera  "drift" moves as a hand would; "static" stays where it is at frame 0, things still move

    The same seed, size, path and index always give the same frame. Raises ConfigError for a size or
    a path it cannot use.
    """

    def __init__(self, seed: int, *, height: int, width: int, camera: CameraPath = "drift") -> None:
        if not (8 <= height <= 4096 and 8 <= width <= 4096):
            raise ConfigError(
                f"SceneClip: height and width must be in [8, 4096], got {height} × {width}"
            )
        if camera not in ("drift", "static"):
            raise ConfigError(f"SceneClip: camera must be 'drift' or 'static', got {camera!r}")
        self.seed, self.height, self.width, self.camera = seed, height, width, camera
        self._room = draw_room(seed)

    def scene_at(self, index: int) -> Scene:
        """Return what stands where in a frame."""
        return self._room.scene_at(index)

    def eyes_at(self, index: int, *, finer: int = 1) -> tuple[Camera, Camera]:
        """Return the left and the right eye in a frame, of a picture `finer` times as large."""
        moment = index if self.camera == "drift" else 0
        left = self._room.camera_at(moment, height=finer * self.height, width=finer * self.width)
        right = left.other_eye(
            baseline_m=_baseline_m(left, finer * self.width), convergence_m=CONVERGENCE_M
        )
        return left, right

    def frame(self, index: int) -> TruthFrame:
        """Render frame `index` ≥ 0."""
        scene = self.scene_at(index)
        size = {"height": self.height, "width": self.width}
        depths = [raycast(scene, eye, **size)[1] for eye in self.eyes_at(index)]
        baseline_m = _baseline_m(self.eyes_at(index)[0], self.width)
        left, right = (
            disparity_px(z, eye, baseline_m=baseline_m, convergence_m=CONVERGENCE_M)
            for z, eye in zip(depths, self.eyes_at(index), strict=True)
        )
        fine = {"height": FINER * self.height, "width": FINER * self.width}
        eyes = self.eyes_at(index, finer=FINER)
        left_rgb, _, left_ids = raycast(scene, eyes[0], **fine)
        right_rgb, right_depth, right_ids = raycast(scene, eyes[1], **fine)
        occluded, outside = hidden_from_left(
            scene, eyes, left_ids=left_ids, right_depth=right_depth, right_ids=right_ids
        )
        return TruthFrame(
            left=_averaged(left_rgb),
            right=_averaged(right_rgb),
            disparity=left,
            right_disparity=right,
            depth_m=depths[0],
            occluded=_share(occluded),
            outside=_share(outside),
        )


def _baseline_m(eye: Camera, width: int) -> Tensor:
    return SHARE_OF_INFINITY * width * CONVERGENCE_M / eye.focal_px


def _averaged(rgb: Tensor) -> Tensor:
    """Return the mean of each 2 × 2 samples, rounded, [3, H, W] uint8."""
    rows = rgb[:, 0::2].to(torch.int16) + rgb[:, 1::2]
    return ((rows[..., 0::2] + rows[..., 1::2] + 2) >> 2).to(torch.uint8)


def _share(mask: Tensor) -> Tensor:
    """Return the share of each 2 × 2 samples that is set, [H, W] float32."""
    counts = mask.view(torch.uint8)
    rows = counts[0::2] + counts[1::2]
    return (rows[:, 0::2] + rows[:, 1::2]).float() / 4
