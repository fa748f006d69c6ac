"""How files, streams and file names say what a picture's layout is. Imports no torch.

Sources: Matroska elements (StereoMode); Google's Spherical Video V2 RFC (st3d); ITU-T H.264 D.2.26
(frame packing); names as headset players and media libraries read them.
"""

from __future__ import annotations

from dataclasses import dataclass

from stereocast.engine.layout import Layout

SIDE_BY_SIDE, TOP_BOTTOM = 3, 4
"""Kinds of H.264's frame packing message; both say that the left eye comes first."""


@dataclass(frozen=True)
class StereoTags:
    """What is said of one layout; None where a standard has no word for it.

    name            tag at the end of a file's name
    matroska        FFmpeg's word for Matroska's StereoMode
    st3d            mode in MP4's st3d box: 1 top-bottom, 2 left-right
    frame_packing   kind in H.264's frame packing message
    is_half_sphere  whether each eye is an equirectangular half sphere (MP4's sv3d box)
    order           which eye comes first, for a file's comment
    """

    name: str
    matroska: str | None = None
    st3d: int | None = None
    frame_packing: int | None = None
    is_half_sphere: bool = False
    order: str = ""

    @property
    def x264_parameters(self) -> tuple[str, ...]:
        """x264 parameters that put the message before every key picture."""
        return () if self.frame_packing is None else (f"frame-packing={self.frame_packing}",)


def tags(layout: Layout) -> StereoTags:
    """Return what is said of a layout."""
    first = "left eye first"
    match layout:
        case Layout.FULL_SBS:
            return StereoTags("_LRF_Full_SBS", "left_right", 2, SIDE_BY_SIDE, order=first)
        case Layout.HALF_SBS:
            return StereoTags("_HSBS", "left_right", 2, SIDE_BY_SIDE, order=first)
        case Layout.FULL_TB:
            return StereoTags("_TB", "top_bottom", 1, TOP_BOTTOM, order=first)
        case Layout.HALF_TB:
            return StereoTags("_HTAB", "top_bottom", 1, TOP_BOTTOM, order=first)
        case Layout.CROSS_EYED:
            # x264 cannot say "right eye first", and st3d has no number for it.
            return StereoTags("_RL", "right_left", order="right eye first")
        case Layout.ANAGLYPH:
            return StereoTags("_anaglyph", "anaglyph_cyan_red")
        case Layout.RGB_DEPTH:
            return StereoTags("_RGBD")
        case Layout.DEBUG_GRID:
            return StereoTags("_debug")
        case Layout.VR180:
            return StereoTags("_180_LR", "left_right", 2, SIDE_BY_SIDE, True, first)
