"""The last stage: both eyes become one picture in the encoder's colour format."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from stereocast.engine.errors import ConfigError
from stereocast.engine.layout import Layout, half_sphere_size
from stereocast.engine.models import Output
from stereocast.engine.refine.off import NoState
from stereocast.engine.stereo.disparity import RangeState, RangeTracker, inverse_depth
from stereocast.kernels.formats import (
    Anaglyph,
    Palette,
    anaglyph,
    depth_picture,
    difference,
    half_sphere,
    palette,
    recipe,
    sphere_map,
)
from stereocast.kernels.pack import Packing, Squeeze, pack_pictures


@dataclass(frozen=True)
class FormatsConfig:
    """What the layouts for looking at are like."""

    anaglyph: str = Anaglyph.DUBOIS.value
    """Kind of anaglyph: dubois, dubois2, color, gray, half-color, wimmer or wimmer2."""
    depth_colours: str = Palette.GREY.value
    """How the layouts with depth show it: grey or heat."""
    hfov_deg: float = 90.0
    """Angle that the width of the picture fills in VR180, degrees; 1 to 170."""

    def __post_init__(self) -> None:
        for key, kinds in (("anaglyph", Anaglyph), ("depth_colours", Palette)):
            value = getattr(self, key)
            if value not in tuple(kinds):
                raise ConfigError(f"formats.{key}: '{value}' is not one of {', '.join(kinds)}")
        if not 1 <= self.hfov_deg <= 170:
            raise ConfigError(f"formats.hfov_deg must be in [1, 170], got {self.hfov_deg}")


@dataclass(frozen=True)
class PackInput:
    """What one picture is packed from.

    rgb    u8 [3, H, W], the source
    eyes   left and right, each u8 [3, H, W]
    depth  float32 [h, w], as the depth stage gives it
    dt     float32 [1], seconds since the frame before
    strip  int64 [2], source and encoder counter for the barcode; None: no barcode
    """

    rgb: Tensor
    eyes: tuple[Tensor, Tensor]
    depth: Tensor
    dt: Tensor
    strip: Tensor | None = None


@dataclass(frozen=True)
class PackState:
    """The range in which depth is shown; nothing where a layout shows none."""

    shown: RangeState | NoState


class PackStage:
    """Arrange or mix both eyes as one layout says."""

    def __init__(
        self, frame_size: tuple[int, int], layout: Layout, config: FormatsConfig | None = None,
        *, depth_output: Output = Output.RELATIVE_INVERSE,
    ) -> None:  # fmt: skip
        """Prepare the tables of `layout` for frames of `frame_size` = (H, W)."""
        config = config or FormatsConfig()
        self.layout = layout
        self._frame_size = frame_size
        self._depth_output = depth_output
        self._tracker = RangeTracker()
        self._packing = _packing(layout)
        self._recipe = recipe(Anaglyph(config.anaglyph))
        self._palette = palette(Palette(config.depth_colours))
        self._sphere = sphere_map(
            frame_size, half_sphere_size(*frame_size), hfov_deg=config.hfov_deg
        )

    def init(self) -> PackState:
        """Return the state before the first frame."""
        shows_depth = self.layout in (Layout.RGB_DEPTH, Layout.DEBUG_GRID)
        return PackState(self._tracker.init() if shows_depth else NoState())

    def step(self, state: PackState, x: PackInput) -> tuple[PackState, Tensor]:
        """Return the packed picture u8 [H'·3/2, W'], I420.

        Raises ValueError for a strip in a layout that keeps no eyes.
        """
        left, right = x.eyes
        match self.layout:
            case Layout.CROSS_EYED:
                pictures = [right, left]
            case Layout.ANAGLYPH:
                pictures = [anaglyph(left, right, self._recipe)]
            case Layout.VR180:
                pictures = [half_sphere(eye, self._sphere) for eye in (left, right)]
            case Layout.RGB_DEPTH:
                state, depth = self._shown_depth(state, x)
                pictures = [x.rgb, depth]
            case Layout.DEBUG_GRID:
                state, depth = self._shown_depth(state, x)
                pictures = [left, right, depth, difference(left, right)]
            case _:
                pictures = [left, right]
        if x.strip is not None and not self.layout.keeps_both_eyes:
            raise ValueError(f"a {self.layout} picture has no eyes for a barcode")
        return state, pack_pictures(pictures, self._packing, strip=x.strip)

    def _shown_depth(self, state: PackState, x: PackInput) -> tuple[PackState, Tensor]:
        assert isinstance(state.shown, RangeState)
        inverse = inverse_depth(x.depth, self._depth_output)
        shown, nearness = self._tracker.step(state.shown, inverse, x.dt)
        return PackState(shown), depth_picture(nearness, self._frame_size, self._palette)


def _packing(layout: Layout) -> Packing:
    columns = 1 if layout.is_stacked or layout is Layout.ANAGLYPH else 2
    squeeze = Squeeze.NONE
    if layout.is_squeezed:
        squeeze = Squeeze.HEIGHT if layout.is_stacked else Squeeze.WIDTH
    return Packing(columns, squeeze, sharp=True, crossed=layout is Layout.CROSS_EYED)
