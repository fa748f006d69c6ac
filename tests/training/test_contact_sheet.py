"""The contact sheet and the command that draws it."""

from __future__ import annotations

import subprocess
import sys

import av
import torch

from stereocast.training.scenes import SceneClip, WorldClip
from stereocast.training.scenes.__main__ import speed_table
from stereocast.training.scenes.contact_sheet import contact_sheet, draw_disparity
from stereocast.training.scenes.png import save_png
from stereocast.training.scenes.world.sheet import draw_nearness, world_sheet


def test_the_sheet_shows_each_room_and_then_whole_truths():
    sheet = contact_sheet(range(2, 7), width=32, whole=1)
    assert sheet.shape == (3, 3 * 18, 4 * 32)
    clips = [SceneClip(seed, height=18, width=32).frame(0) for seed in (2, 6)]
    assert torch.equal(sheet[:, :18, :32], clips[0].left)
    assert torch.equal(sheet[:, 18:36, :32], clips[1].left)
    assert not sheet[:, 18:36, 32:].any()
    assert torch.equal(sheet[:, 36:, :32], clips[0].right)


def test_the_screen_is_black_nearer_is_orange_farther_is_blue():
    colours = draw_disparity(torch.tensor([[0.0, 0.1, -0.1, 0.01]]))
    assert not colours[:, 0, 0].any()
    assert colours[0, 0, 1] > colours[2, 0, 1] and colours[0, 0, 2] < colours[2, 0, 2]


def test_the_sheet_is_written_as_png(tmp_path):
    path = tmp_path / "sheet.png"
    save_png(contact_sheet(range(2), width=32, whole=0), path)
    with av.open(str(path)) as container:
        picture = next(container.decode(video=0)).to_ndarray(format="rgb24")
    expected = contact_sheet(range(2), width=32, whole=0).movedim(0, -1)
    assert torch.equal(torch.from_numpy(picture), expected)


def test_a_file_that_cannot_be_written_is_named_in_one_line(tmp_path):
    out = tmp_path / "absent" / "a.png"
    call = [sys.executable, "-m", "stereocast.training.scenes", "--count=1", f"--out={out}"]
    result = subprocess.run(call, capture_output=True, text=True, timeout=120)
    assert result.returncode == 1
    assert result.stderr.count("\n") == 1 and "absent/a.png" in result.stderr


def test_speed_is_told_for_both_sizes():
    table = speed_table(0, frames=1)
    assert table[2].startswith("| 640×360 |") and table[3].startswith("| 1280×720 |")
    assert all(float(line.split("|")[2]) > 0 for line in table[2:])


def test_the_sheet_of_worlds_shows_each_over_its_depth():
    sheet = world_sheet(range(2), width=72, kind="field")
    assert sheet.shape == (3, 2 * 40, 8 * 72)
    assert (sheet[..., 2 * 72 :] == 0).all()
    frame = WorldClip(1, 40, 72, "field").frame(0)
    assert torch.equal(sheet[:, :40, 72:144], frame.rgb)
    assert torch.equal(sheet[:, 40:, 72:144], draw_nearness(frame.depth_m))
