"""The known layouts by name, and which one a folder has."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from stereocast.bench.depth_quality.folders import kitti, manifest
from stereocast.bench.depth_quality.folders.bonn import read_bonn
from stereocast.bench.depth_quality.folders.frame import FolderFrame
from stereocast.bench.depth_quality.folders.nyu import read_nyu
from stereocast.bench.depth_quality.folders.scannet import read_scannet
from stereocast.bench.depth_quality.folders.sintel import read_sintel
from stereocast.bench.depth_quality.folders.tum import read_tum
from stereocast.engine.errors import ConfigError, SourceError


@dataclass(frozen=True)
class Layout:
    """A reader, and what its folders are known by.

    signs  what the folder has when it is laid out so, for people
    """

    read: Callable[[Path], Iterator[FolderFrame]]
    signs: str
    fits: Callable[[Path], bool]


def _has(*names: str | Path) -> Callable[[Path], bool]:
    return lambda folder: all((folder / name).exists() for name in names)


def _is_scene(folder: Path) -> bool:
    scene = folder.resolve()
    return len(scene.parents) > 1 and (scene.parents[1] / "camdata_left" / scene.name).is_dir()


_LISTS = _has("rgb.txt", "depth.txt")
LAYOUTS = {
    "manifest": Layout(manifest.read_manifest, manifest.NAME, _has(manifest.NAME)),
    "sintel": Layout(read_sintel, "pictures of SCENE, ../../camdata_left/SCENE", _is_scene),
    "scannet": Layout(read_scannet, "color/ and intrinsic/", _has("color", "intrinsic")),
    "kitti": Layout(
        kitti.read_kitti, f"image_02/ and {kitti.TRUTH}/", _has("image_02", kitti.TRUTH)
    ),
    "bonn": Layout(
        read_bonn, "rgb.txt and depth.txt, 'bonn' in its name",
        lambda folder: "bonn" in folder.resolve().name.lower() and _LISTS(folder),
    ),
    "tum": Layout(read_tum, "rgb.txt and depth.txt", _LISTS),
    "nyu": Layout(read_nyu, "rgb/ and depth/", _has("rgb", "depth")),
}  # fmt: skip
"""In the order in which they are guessed: the first that fits."""


def guess(folder: Path) -> str:
    """Return the layout that a folder has. Raises ConfigError that says what was looked for."""
    if not folder.is_dir():
        raise ConfigError(f"--folder {folder}: there is no such folder; name one that is there")
    for name, layout in LAYOUTS.items():
        if layout.fits(folder):
            return name
    known = "; ".join(f"{name}: {layout.signs}" for name, layout in LAYOUTS.items())
    raise ConfigError(f"--folder {folder}: its layout is not known; give --layout, or have {known}")


def read_folder(folder: Path, layout: str) -> Iterator[FolderFrame]:
    """Yield a folder's frames in the order of time. Raises SourceError, ConfigError for a name."""
    if layout not in LAYOUTS:
        raise ConfigError(f"--layout {layout}: there is {', '.join(LAYOUTS)}")
    for frame in LAYOUTS[layout].read(folder):
        seen, known = tuple(frame.rgb.shape[1:]), tuple(frame.depth_m.shape)
        if seen != known:
            raise SourceError(
                f"{folder}: a picture of {seen[1]}×{seen[0]} has depth of {known[1]}×{known[0]}; "
                "both must have one size"
            )
        yield frame
