"""`testsrc:`: the built-in moving scene as a live source, with the truth that tests need."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from torch import Tensor

from stereocast.engine.errors import SourceError
from stereocast.engine.frame import Frame
from stereocast.kernels.raycast import Camera, Scene, disparity_px, gallery, raycast
from stereocast.runtime.source import SourceInfo

_OPTIONS = "size=WIDTHxHEIGHT, fps=RATE, frames=COUNT"
_LONGEST_SIDE = 8192
_NANO = 1_000_000_000


@dataclass(frozen=True)
class StereoTruth:
    """What both eyes really see. left, right u8 [3, H, W]; disparity float32 [H, W], of the left."""

    left: Tensor
    right: Tensor
    disparity: Tensor


@dataclass(frozen=True)
class SceneOptions:
    """What `testsrc:?…` may choose. frames None: it never ends."""

    width: int = 1280
    height: int = 720
    fps: Fraction = Fraction(30)
    frames: int | None = None


class SyntheticSource:
    """One fixed 3D scene, a pure function of the frame's number. The left eye is the picture."""

    def __init__(self, address: str = "testsrc:") -> None:
        """Paint the scene. Raises SourceError for options it does not know."""
        self._options = options = _parse(address)
        self.info = SourceInfo(
            address=address,
            width=options.width,
            height=options.height,
            fps=float(options.fps),
            live=True,
            time_base=1 / options.fps,
            frames=options.frames,
            duration_ns=None if options.frames is None else self.pts_ns(options.frames),
        )
        self._sheets = gallery.paint()

    def __iter__(self) -> Iterator[Frame]:
        """Yield the frames from the first one on, as fast as they are taken."""
        index = 0
        while index != self._options.frames:
            yield Frame(self._render(index, self.camera_at(index))[0], self.pts_ns(index), index)
            index += 1

    def close(self) -> None:
        """Do nothing: there is nothing to release."""

    def pts_ns(self, index: int) -> int:
        """Return the time of a frame in nanoseconds."""
        return round(index * _NANO / self._options.fps)

    def scene_at(self, index: int) -> Scene:
        """Return all that can be seen in a frame."""
        return gallery.scene_at(self._seconds(index), self._sheets)

    def camera_at(self, index: int) -> Camera:
        """Return the left eye of a frame."""
        options = self._options
        return gallery.camera_at(self._seconds(index), height=options.height, width=options.width)

    def stereo_truth(self, index: int) -> StereoTruth:
        """Render both eyes of a frame, 5 % strength, and the exact disparity between them."""
        camera = self.camera_at(index)
        baseline = gallery.baseline_m(camera, self._options.width)
        other = camera.other_eye(baseline_m=baseline, convergence_m=gallery.CONVERGENCE_M)
        left, depth = self._render(index, camera)
        right, _ = self._render(index, other)
        disparity = disparity_px(
            depth, camera, baseline_m=baseline, convergence_m=gallery.CONVERGENCE_M
        )
        return StereoTruth(left, right, disparity)

    def _render(self, index: int, camera: Camera) -> tuple[Tensor, Tensor]:
        options = self._options
        rgb, depth, _ = raycast(
            self.scene_at(index), camera, height=options.height, width=options.width
        )
        return rgb, depth

    def _seconds(self, index: int) -> float:
        return float(index / self._options.fps)


def _parse(address: str) -> SceneOptions:
    """Read `testsrc:` or `testsrc:?size=640x360&fps=60&frames=90`."""
    _, _, query = address.partition("?")
    values: dict[str, int | Fraction] = {}
    for part in filter(None, query.split("&")):
        key, _, text = part.partition("=")
        try:
            if key == "size":
                width, _, height = text.partition("x")
                values |= {"width": int(width), "height": int(height)}
            elif key == "fps":
                values["fps"] = Fraction(text)
            elif key == "frames":
                values["frames"] = int(text)
            else:
                raise SourceError(f"{address}: unknown option '{key}'; known: {_OPTIONS}")
        except (ValueError, ZeroDivisionError):
            raise SourceError(f"{address}: '{part}' is not understood; known: {_OPTIONS}") from None
    options = SceneOptions(**values)  # type: ignore[arg-type]
    sides = (options.width, options.height)
    if min(sides) < 16 or max(sides) > _LONGEST_SIDE:
        raise SourceError(f"{address}: sides must be 16 to {_LONGEST_SIDE} pixels, got {sides}")
    if not (0 < options.fps <= 1000) or (options.frames is not None and options.frames < 1):
        raise SourceError(f"{address}: fps must be above 0 and up to 1000, frames at least 1")
    return options
