"""Depth as a product: the numbers come back, colours mean what the legend says, no half files."""

from __future__ import annotations

import json
import resource
import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from stereocast.engine.errors import ConfigError, EncodeError, MissingDependency
from stereocast.engine.models import Output
from stereocast.runtime.sink.depth import (
    PERCEPTUAL,
    DepthFileConfig,
    DepthFormat,
    DepthMap,
    DepthProducts,
    DepthShape,
    DepthTarget,
)
from stereocast.runtime.sink.depth.colours import Legend, Palette, SteadyRange

OpenEXR = pytest.importorskip("OpenEXR")
pytest.importorskip("cmap")

HEIGHT, WIDTH = 47, 63
RELATIVE, METRES = Output.RELATIVE_INVERSE, Output.METRIC_DEPTH
FORMATS = list(DepthFormat)


def ramp(frame: int = 0, *, low: float = 0.0, high: float = 1.0) -> DepthMap:
    """Depth that rises from left to right, shifted a little in every frame."""
    rows = np.linspace(low, high, WIDTH, dtype=np.float32) + np.float32(0.01 * frame)
    values = np.repeat(rows[None], HEIGHT, axis=0) + np.linspace(0, 0.05, HEIGHT)[:, None]
    return DepthMap(values.astype(np.float32), frame * 40_000_000, frame)


def shape(output: Output = RELATIVE, start_ns: int = 0) -> DepthShape:
    return DepthShape(HEIGHT, WIDTH, 25.0, Fraction(1, 1000), output, "prior", start_ns)


def target(form: DepthFormat, folder: Path) -> DepthTarget:
    return DepthTarget.parse(str(form), beside=folder / "film_3d.mkv")


def written(
    form: DepthFormat, folder: Path, maps: list[DepthMap], kind: DepthShape | None = None
) -> Path:
    wanted = target(form, folder)
    products = DepthProducts([wanted], kind or shape())
    for depth in maps:
        products.write(depth)
    products.close()
    return wanted.path


def pictures(path: Path) -> list[NDArray[np.uint8]]:
    with av.open(str(path)) as clip:
        return [
            frame.to_ndarray(format="rgb24", src_colorspace="ITU709")
            for frame in clip.decode(clip.streams.video[0])
        ]


def grey(path: Path) -> NDArray[np.uint16]:
    with av.open(str(path)) as picture:
        values: NDArray[np.uint16] = next(picture.decode(video=0)).to_ndarray()
    return values


def test_arrays_come_back_bit_for_bit_with_their_meaning(tmp_path: Path):
    maps = [ramp(frame) for frame in range(5)]
    path = written(DepthFormat.NPZ, tmp_path, maps, shape(METRES))
    with np.load(path, allow_pickle=False) as file:
        assert np.array_equal(file["depth"], np.stack([depth.values for depth in maps]))
        assert file["pts_ns"].tolist() == [depth.pts_ns for depth in maps]
        assert file["index"].tolist() == [0, 1, 2, 3, 4]
        assert (str(file["output"]), str(file["unit"])) == ("metric-depth", "m")


def test_grey_pictures_give_relative_depth_back_to_a_step(tmp_path: Path):
    maps = [ramp(frame) for frame in range(3)]
    folder = written(DepthFormat.PNG16, tmp_path, maps)
    facts = json.loads((folder / "depth.json").read_text())
    assert (facts["output"], facts["unit"], len(facts["frames"])) == ("relative-inverse", "", 3)
    for row, depth in zip(facts["frames"], maps, strict=True):
        step = (row["high"] - row["low"]) / 65535
        values = row["low"] + step * grey(folder / row["file"]).astype(np.float64)
        assert np.abs(values - depth.values).max() <= 0.51 * step
        assert (row["index"], row["pts_ns"]) == (depth.index, depth.pts_ns)


def test_a_grey_level_of_metres_is_a_millimetre(tmp_path: Path):
    folder = written(DepthFormat.PNG16, tmp_path, [ramp(low=0.5, high=80)], shape(METRES))
    levels = grey(folder / "000000.png")
    expected = np.rint(ramp(low=0.5, high=80).values.astype(np.float64) * 1000).clip(0, 65535)
    assert np.abs(levels - expected).max() <= 1
    assert levels.max() == 65535


def test_the_grey_range_is_kept_while_it_fits_and_grows_when_it_must(tmp_path: Path):
    maps = [ramp(0), ramp(5), ramp(6, high=3.0), ramp(7)]
    folder = written(DepthFormat.PNG16, tmp_path, maps)
    rows = json.loads((folder / "depth.json").read_text())["frames"]
    ranges = [(row["low"], row["high"]) for row in rows]
    assert ranges[0] == ranges[1]
    assert ranges[1] != ranges[2] == ranges[3]


@pytest.mark.parametrize(("output", "channel"), [(METRES, "Z"), (RELATIVE, "Y")])
def test_exr_files_hold_the_floats_and_say_what_they_are(
    tmp_path: Path, output: Output, channel: str
):
    folder = written(DepthFormat.EXR, tmp_path, [ramp(0), ramp(1)], shape(output))
    assert sorted(file.name for file in folder.iterdir()) == ["000000.exr", "000001.exr"]
    with OpenEXR.File(str(folder / "000001.exr")) as file:
        assert np.array_equal(file.channels()[channel].pixels, ramp(1).values)
        assert str(output) in file.header()["comments"]
        assert file.header()["pts_ns"] == "40000000"


@pytest.mark.parametrize("output", [RELATIVE, METRES])
def test_the_colour_video_is_bright_where_it_is_near(tmp_path: Path, output: Output):
    path = written(DepthFormat.MKV, tmp_path, [ramp(frame) for frame in range(4)], shape(output))
    frames = pictures(path)
    assert len(frames) == 4
    luma = frames[-1][:HEIGHT, :WIDTH].mean(axis=(0, 2))
    near_is_right = output is RELATIVE
    assert (luma[-6:].mean() > luma[:6].mean() + 80) == near_is_right
    assert (luma[:6].mean() > luma[-6:].mean() + 80) != near_is_right
    assert np.corrcoef(luma, np.arange(WIDTH))[0, 1] * (1 if near_is_right else -1) > 0.95


def test_the_legend_shows_the_colours_and_says_metres():
    ends = (0.5, 8.0)
    for output, labels in ((RELATIVE, 2), (METRES, 5)):
        palette = Palette("inferno", output)
        legend = Legend(palette, height=180, output=output)
        strip = legend.strip(ends)
        assert strip.shape == (180, legend.width, 3)
        column = strip[:, 12].astype(int).sum(axis=1)
        assert column[16] > column[90] > column[163]
        text = (strip[:, 22:].min(axis=2) > 120).any(axis=1)
        runs = int(np.count_nonzero(np.diff(text.astype(int)) == 1))
        assert runs == labels


def test_a_legend_is_drawn_anew_only_when_it_says_something_else():
    legend = Legend(Palette("inferno", METRES), height=180, output=METRES)
    first = legend.strip((0.51, 8.02))
    assert legend.strip((0.511, 8.021)) is first
    assert not np.array_equal(legend.strip((0.51, 9.0)), first)


def test_colours_do_not_jump_with_a_single_frame():
    calm = SteadyRange(time_constant_s=2.0)
    low, high = calm.follow(ramp().values, elapsed_s=0)
    later = calm.follow(ramp(high=5.0).values, elapsed_s=0.04)
    assert high < later[1] < high + 0.1
    for _ in range(400):
        later = calm.follow(ramp(high=5.0).values, elapsed_s=0.04)
    assert later[1] == pytest.approx(5.0, abs=0.2)
    assert low == pytest.approx(0.0, abs=0.05)


def test_flat_depth_can_be_written_in_every_format(tmp_path: Path):
    flat = DepthMap(np.full((HEIGHT, WIDTH), 0.25, np.float32), 0, 0)
    for form in FORMATS:
        assert written(form, tmp_path, [flat]).exists()


def test_times_are_those_of_the_3d_file(tmp_path: Path):
    late = [
        DepthMap(ramp(frame).values, 10_003_000_000 + frame * 40_000_000, frame)
        for frame in range(3)
    ]
    kind = shape(start_ns=10_003_000_000)
    with np.load(written(DepthFormat.NPZ, tmp_path, late, kind)) as file:
        assert file["pts_ns"].tolist() == [0, 40_000_000, 80_000_000]
    with av.open(str(written(DepthFormat.MKV, tmp_path, late, kind))) as clip:
        times = [frame.time for frame in clip.decode(clip.streams.video[0])]
    assert times == pytest.approx([0, 0.04, 0.08], abs=1e-3)


@pytest.mark.parametrize("form", FORMATS)
def test_nothing_stands_under_the_name_before_it_is_complete(tmp_path: Path, form: DepthFormat):
    wanted = target(form, tmp_path)
    products = DepthProducts([wanted], shape())
    products.write(ramp())
    assert not wanted.path.exists()
    products.abort()
    products.abort()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("form", FORMATS)
def test_what_exists_is_kept_unless_told_otherwise(tmp_path: Path, form: DepthFormat):
    path = written(form, tmp_path, [ramp(0), ramp(1)])
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(EncodeError, match="exists already"):
        DepthProducts([target(form, tmp_path)], shape())
    assert sorted(tmp_path.rglob("*")) == before
    products = DepthProducts([target(form, tmp_path)], shape(), overwrite=True)
    products.write(ramp())
    products.close()
    assert path.exists()
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def test_if_one_product_cannot_be_made_none_is_left(tmp_path: Path):
    wanted = [
        DepthTarget(DepthFormat.NPZ, tmp_path / "a.npz"),
        DepthTarget(DepthFormat.PNG16, tmp_path / "nowhere" / "b"),
    ]
    with pytest.raises(EncodeError, match="there is no folder"):
        DepthProducts(wanted, shape())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("form", [DepthFormat.NPZ, DepthFormat.PNG16, DepthFormat.MKV])
def test_a_full_disk_is_one_line_and_leaves_nothing(tmp_path: Path, form: DepthFormat):
    noise = np.random.default_rng(0).random((HEIGHT, WIDTH), dtype=np.float32)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    products = DepthProducts([target(form, tmp_path)], shape())
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, limits[1]))
    try:
        with pytest.raises(EncodeError, match=r"cannot be (written|finished)") as refusal:
            for frame in range(60):
                products.write(DepthMap(noise, frame * 40_000_000, frame))
            products.close()
        products.abort()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert "\n" not in str(refusal.value)
    assert list(tmp_path.iterdir()) == []


def test_maps_of_another_size_or_without_numbers_are_refused(tmp_path: Path):
    products = DepthProducts([target(DepthFormat.NPZ, tmp_path)], shape())
    with pytest.raises(EncodeError, match="like the pictures"):
        products.write(DepthMap(np.zeros((4, 4), np.float32), 0, 0))
    with pytest.raises(EncodeError, match="no finite numbers"):
        products.write(DepthMap(np.full((HEIGHT, WIDTH), np.nan, np.float32), 0, 0))
    products.abort()


@pytest.mark.parametrize(
    ("form", "package"),
    [(DepthFormat.EXR, "OpenEXR"), (DepthFormat.MKV, "cmap"), (DepthFormat.MKV, "PIL")],
)
def test_a_missing_package_is_named_with_the_way_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: DepthFormat, package: str
):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingDependency, match=r"pip install 'stereocast\[depth\]'"):
        DepthProducts([target(form, tmp_path)], shape())
    assert list(tmp_path.iterdir()) == []


def test_targets_stand_beside_the_3d_file_or_where_they_are_told(tmp_path: Path):
    beside = tmp_path / "film_3d.mkv"
    places = {form: DepthTarget.parse(form, beside=beside).path.name for form in FORMATS}
    assert places == {
        "npz": "film_3d_depth.npz",
        "png16": "film_3d_depth_png16",
        "exr": "film_3d_depth_exr",
        "mkv": "film_3d_depth.mkv",
    }
    assert DepthTarget.parse("npz:a/b.npz", beside=beside).path == Path("a/b.npz")
    with pytest.raises(ConfigError, match="npz, png16, exr, mkv"):
        DepthTarget.parse("depth.tiff", beside=beside)


def test_impossible_settings_are_named():
    for wrong in ({"colours": "jet"}, {"range_s": -1.0}):
        with pytest.raises(ConfigError, match=next(iter(wrong))):
            DepthFileConfig(**wrong)  # type: ignore[arg-type]
    assert all(Palette(name, RELATIVE).bar(5, 2).shape == (5, 2, 3) for name in PERCEPTUAL)
