"""What of a packed picture a person sees: all of it, one eye, both side by side, or an anaglyph.

Works on decoded pictures with numpy, because viewers run without torch; the product's anaglyphs are
made in `stereocast.kernels.formats`, and a test compares the two.
"""

from __future__ import annotations

from typing import cast

import numpy as np
import numpy.typing as npt
from av.video.frame import VideoFrame

from stereocast.engine.errors import ConfigError, TransportError
from stereocast.engine.layout import Layout, View
from stereocast.runtime.watch.decode import rgb

Pixels = npt.NDArray[np.uint8]

_STEPS = 1 << 12  # of linear light; the tables below then err by less than one code
_DUBOIS = np.array(
    [
        [0.437, 0.449, 0.164, -0.011, -0.032, -0.007],
        [-0.062, -0.062, -0.024, 0.377, 0.761, 0.009],
        [-0.048, -0.050, -0.017, -0.026, -0.093, 1.234],
    ],
    np.float32,
)
"""Least squares for red-cyan glasses; rows are R, G, B, columns left RGB and right RGB."""


def layout_of(name: str) -> Layout:
    """Return the layout that a server names; raise TransportError for one that is unknown here."""
    try:
        return Layout(name)
    except ValueError:
        raise TransportError(
            f"the server sends layout {name!r}; this viewer knows {', '.join(Layout)}. "
            "Update stereocast on this side or choose another layout on the other."
        ) from None


def check_view(view: View, layout: Layout) -> None:
    """Raise ConfigError where a layout has no eyes to make this view from."""
    if view is not View.PACKED and not layout.keeps_both_eyes:
        raise ConfigError(
            f"--view {view}: the stream is {layout}, whose eyes cannot be told apart; "
            "leave --view out, or choose another --layout where the stream is made"
        )


def view_size(view: View, layout: Layout, width: int, height: int) -> tuple[int, int]:
    """Return the natural (width, height) of a view of a packed picture."""
    if view is View.PACKED:
        return width, height
    eye_height, eye_width = layout.eye_size(height, width)
    return eye_width * 2 if view is View.SBS else eye_width, eye_height


def view_pixels(
    picture: VideoFrame, layout: Layout, view: View, *, size: tuple[int, int] | None = None
) -> Pixels:
    """Return a view of a decoded picture as uint8 [H, W, 3], full-range RGB.

    size  (width, height) of the result; None: the natural one
    """
    width, height = size or view_size(view, layout, picture.width, picture.height)
    if view is View.PACKED:
        return _pixels(rgb(picture, width, height))
    eye_width = width // 2 if view is View.SBS else width
    # The picture is scaled as a whole, so that each eye comes out at the size it is shown in.
    whole = (
        (eye_width, 2 * height) if layout.is_stacked else (2 * eye_width, height)
    )  # (width, height)
    pixels = _pixels(rgb(picture, *whole))
    left, right = (
        pixels[box.top : box.top + box.height, box.left : box.left + box.width]
        for box in layout.eye_boxes(whole[1], whole[0])
    )
    match view:
        case View.LEFT:
            return left
        case View.RIGHT:
            return right
        case View.SBS:
            return np.concatenate((left, right), axis=1)
    return dubois_anaglyph(left, right)


def dubois_anaglyph(left: Pixels, right: Pixels) -> Pixels:
    """Mix two eyes [H, W, 3] for red-cyan glasses, in linear light, each eye clipped by itself."""
    codes = np.arange(256) / 255
    decode = np.where(codes <= 0.04045, codes / 12.92, ((codes + 0.055) / 1.055) ** 2.4)
    light = np.arange(_STEPS + 1) / _STEPS
    encode = np.where(
        light <= 0.0031308,
        light * 12.92,
        1.055 * np.maximum(light, 0.0031308) ** (1 / 2.4) - 0.055,
    )
    table = (decode * _STEPS).astype(np.float32)
    mixed = np.clip(table[left] @ _DUBOIS[:, :3].T, 0, _STEPS)
    mixed += np.clip(table[right] @ _DUBOIS[:, 3:].T, 0, _STEPS)
    index = np.minimum(mixed + np.float32(0.5), _STEPS).astype(np.int16)
    codes_of: Pixels = np.rint(encode * 255).astype(np.uint8)
    mixed_codes: Pixels = codes_of[index]
    return mixed_codes


def _pixels(picture: VideoFrame) -> Pixels:
    return cast(Pixels, picture.to_ndarray())
