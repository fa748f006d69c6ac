"""The road of files through the GPU's decoder, as far as it goes without one."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import av
import pytest
import torch

from stereocast.engine.errors import SourceError
from stereocast.engine.static import Place
from stereocast.runtime.cli.sessions import decoded_on_gpu
from stereocast.runtime.config import load
from stereocast.runtime.source.file import FileSource
from stereocast.runtime.source.nvdec import NvdecSource, _open, _packets
from tests import clips

without_gpu = pytest.mark.skipif(torch.cuda.is_available(), reason="for machines without a GPU")
PLACE = Place(torch.device("cpu"))


@pytest.fixture
def film(tmp_path: Path) -> Path:
    return clips.write(tmp_path / "film.mp4", clips.Clip())


def test_packets_are_what_a_bare_decoder_reads_with_the_times_of_the_container(film):
    opened = _open(film)
    decoder = av.CodecContext.create("h264", "r")
    pictures, given = 0, []
    with closing(opened.container):
        for data, pts in _packets(opened, "h264"):
            if data:
                given.append(pts)
                pictures += len(decoder.decode(av.Packet(data)))
        pictures += len(decoder.decode(None))
    with closing(FileSource(film)) as source:
        expected = [frame.pts_ns for frame in source]
    assert pictures == len(given) == len(expected)
    assert len(set(given)) == len(given)


@pytest.mark.skipif(torch.cuda.is_available(), reason="for machines without a GPU")
def test_without_the_package_or_a_driver_the_remedy_is_named(film):
    with pytest.raises(SourceError, match=r"stereocast\[nvcodec\]|finds no driver"):
        NvdecSource(film, PLACE)


def test_what_it_does_not_do_is_refused_with_the_reason(tmp_path):
    turned = clips.rotated(tmp_path / "turned.mp4", 90)
    with pytest.raises(SourceError, match="not decoded on the GPU: it is to be turned"):
        NvdecSource(turned, PLACE)
    laced = clips.interlaced(tmp_path / "laced.mkv")
    with pytest.raises(SourceError, match="not decoded on the GPU: it"):
        NvdecSource(laced, PLACE)


@without_gpu
def test_the_cpu_decodes_where_the_gpu_does_not_and_that_is_said(film, capsys):
    source = FileSource(film)
    with closing(source):
        assert decoded_on_gpu(source, load()) is source
        assert capsys.readouterr().err == ""
        assert decoded_on_gpu(source, load(None, ["device.decode=nvdec"])) is source
    assert capsys.readouterr().err.startswith("note: the CPU decodes: ")


@pytest.mark.needs_cuda
def test_frames_of_the_chip_are_those_of_the_cpu(film):
    from stereocast.runtime.gpu import gpu_place

    with (
        closing(FileSource(film)) as source,
        closing(NvdecSource(film, gpu_place(0, None))) as ours,
    ):
        for mine, theirs in zip(ours, source, strict=True):
            assert abs(mine.rgb.to("cpu").int() - theirs.rgb.int()).max() <= 2
            assert mine.pts_ns == theirs.pts_ns
