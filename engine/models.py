"""The models that stereocast knows by name: what they are, where they come from, what they allow.

Facts only. Fetching and keeping the files is runtime/models/. Imports no torch.

Sizes and sha256 are those of the files at the revisions named, as at least two unrelated public
projects that pin them have recorded them; the depth-anything organisation publishes no list.
Licences are those of the model cards and of the README of DepthAnything/Video-Depth-Anything.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from enum import StrEnum

from stereocast.engine.errors import ModelError


class Output(StrEnum):
    """What the numbers of a depth map mean."""

    RELATIVE_INVERSE = "relative-inverse"
    """Inverse depth up to an unknown scale and shift: larger is nearer, no unit."""
    METRIC_DEPTH = "metric-depth"
    """Distance from the camera in metres: larger is farther."""


@dataclass(frozen=True)
class ModelFile:
    """One file of a repository of the Hugging Face hub.

    revision  the commit it is taken from
    sha256    lower-case hexadecimal digest of the file
    """

    repository: str
    name: str
    revision: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True)
class ModelEntry:
    """A model by name.

    architecture  `prior`, `tiny` or `vda`
    encoder       `vits`, `vitb` or `vitl`; None for what has none
    licence       SPDX identifier
    file          the weights; None for what is built in
    grids         input sizes (height, width) that the shipped profiles use; others work too
    """

    name: str
    summary: str
    architecture: str
    output: Output
    licence: str
    encoder: str | None = None
    file: ModelFile | None = None
    grids: tuple[tuple[int, int], ...] = ((140, 252), (252, 448), (392, 700), (518, 924))

    @property
    def needs_acceptance(self) -> bool:
        """Whether the licence forbids uses that a user may have in mind."""
        return "-NC" in self.licence


def _vda(name: str, summary: str, encoder: str, file: ModelFile) -> ModelEntry:
    metric = name.endswith("-metric")
    return ModelEntry(
        name=name,
        summary=summary,
        architecture="vda",
        output=Output.METRIC_DEPTH if metric else Output.RELATIVE_INVERSE,
        licence="Apache-2.0" if encoder == "vits" else "CC-BY-NC-4.0",
        encoder=encoder,
        file=file,
    )


MODELS = (
    ModelEntry(
        "tiny",
        "Built in: ground, sky, people, moving parallax",
        "tiny",
        Output.RELATIVE_INVERSE,
        "Apache-2.0",
    ),
    ModelEntry(
        "prior",
        "No network: guesses depth from a picture's layout",
        "prior",
        Output.RELATIVE_INVERSE,
        "Apache-2.0",
    ),
    _vda("vda-small", "Video-Depth-Anything, small: the quality model", "vits", ModelFile(
        "depth-anything/Video-Depth-Anything-Small", "video_depth_anything_vits.pth",
        "256875362cff76724b920335dfb4b29dd611f66e", 116_440_756,
        "13379300b739e659f076a59d52e9801bd8d38c541a7e71f73bbca4dcfb013609",
    )),
    _vda("vda-base", "Video-Depth-Anything, base", "vitb", ModelFile(
        "depth-anything/Video-Depth-Anything-Base", "video_depth_anything_vitb.pth",
        "7231d0c6e260f54f103eba5005d01f6efa4f43db", 458_247_082,
        "775e578e8f9431ec0496514aa466bd0a1f67c28d0f518267809f35a43c04329b",
    )),
    _vda("vda-large", "Video-Depth-Anything, large: for a strong GPU", "vitl", ModelFile(
        "depth-anything/Video-Depth-Anything-Large", "video_depth_anything_vitl.pth",
        "7aafbcb5c6af0bac741aad2b6471894fb4761afa", 1_538_392_012,
        "43df27c6b396042ba34ff7b798ab279f64d204d2e86d7a373968f8fa36d0e6fa",
    )),
    _vda("vda-small-metric", "Video-Depth-Anything, small, in metres", "vits", ModelFile(
        "depth-anything/Metric-Video-Depth-Anything-Small", "metric_video_depth_anything_vits.pth",
        "273d090f2ce17df50c2872d82c8322c45da5b4dd", 116_444_063,
        "3c28432b4e1f0d7bb31cad5151b6313b49457db5aa58d82e85bfb0f8b1311b33",
    )),
    _vda("vda-base-metric", "Video-Depth-Anything, base, in metres", "vitb", ModelFile(
        "depth-anything/Metric-Video-Depth-Anything-Base", "metric_video_depth_anything_vitb.pth",
        "f6a245abad4b5a5b0d26722c8e1767ef310c547d", 458_249_567,
        "f6f58576b9680a112f2428d4f39aff92656d3ae85745b0164675ace8d5b1fade",
    )),
    _vda("vda-large-metric", "Video-Depth-Anything, large, in metres", "vitl", ModelFile(
        "depth-anything/Metric-Video-Depth-Anything-Large", "metric_video_depth_anything_vitl.pth",
        "607fcdbd454b95c3bd39abbd3054142869a527d3", 1_538_348_216,
        "24eba25342e7ee0f054be25da6a852ebd7cfa40cd6bf41a353ecb6abfe24e620",
    )),
)  # fmt: skip
"""Every model that can be asked for by name without importing it first."""


def find(name: str) -> ModelEntry:
    """Return the entry called `name`; raise ModelError with a suggestion if there is none."""
    entries = {entry.name: entry for entry in MODELS}
    if name in entries:
        return entries[name]
    close = difflib.get_close_matches(name, entries, n=1)
    hint = f"did you mean '{close[0]}'?" if close else f"known are {', '.join(entries)}."
    raise ModelError(f"there is no model '{name}': {hint}")


def find_by_sha256(sha256: str) -> ModelEntry | None:
    """Return the entry whose published file has this digest, if there is one."""
    return next((e for e in MODELS if e.file is not None and e.file.sha256 == sha256), None)
