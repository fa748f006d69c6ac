"""Opening the engine on a GPU: what fits, what is said, what is refused without one."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest
import torch

from stereocast.engine.errors import ConfigError, MissingDependency, StereocastError
from stereocast.engine.frame import Frame, StereoFrame
from stereocast.engine.layout import Layout
from stereocast.engine.session import DepthConfig, EngineConfig, Session
from stereocast.engine.static import Place
from stereocast.kernels.loader import LaunchError
from stereocast.runtime.cli.doctor_gpu import Part, _version, gpu_parts, gpu_summary
from stereocast.runtime.config import load
from stereocast.runtime.encode.download import Download, on_host
from stereocast.runtime.gpu import gpu_place, largest_that_fits, open_on_gpu
from stereocast.runtime.gpu_stages import GpuFiles
from stereocast.runtime.models.store import ModelStore
from tests.cuda_on_cpu.launcher import Recorder

without_gpu = pytest.mark.skipif(torch.cuda.is_available(), reason="for machines without a GPU")


def test_a_grid_that_does_not_fit_gives_way_to_the_next_and_says_so():
    def build(config: DepthConfig) -> tuple[int, int]:
        if config.height * config.width > 120_000:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return config.height, config.width

    made, notes = largest_that_fits(DepthConfig(height=518, width=924), build)
    assert made == (252, 448)
    assert notes == (
        "depth at 518×924 does not fit the GPU's memory: 392×700 is tried",
        "depth at 392×700 does not fit the GPU's memory: 252×448 is tried",
    )


def test_the_smallest_grids_lack_of_memory_is_raised():
    def build(config: DepthConfig) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    with pytest.raises(torch.OutOfMemoryError):
        largest_that_fits(DepthConfig(height=392, width=700), build)


@without_gpu
def test_without_a_gpu_it_is_said_what_to_install():
    with pytest.raises(MissingDependency, match=r"PyTorch .* install a driver"):
        gpu_place(0, None)


def test_the_device_is_a_setting():
    assert load().device.name == "cpu"
    assert load(None, ["device.name=auto"]).device.name == "auto"
    with pytest.raises(ConfigError, match=r"device\.name: 'tpu' is not one of"):
        load(None, ['device.name="tpu"'])


def test_doctor_names_every_part_and_a_remedy_for_what_is_missing():
    parts = gpu_parts()
    assert {"driver", "torch", "launcher", "compiler", "encoder"} <= {p.name for p in parts}
    for part in parts:
        assert part.works or any(word in part.detail for word in ("install", "container", "https"))


def test_the_summary_names_what_is_missing_and_promises_nothing():
    parts = tuple(Part(n, n != "torch", "") for n in ("driver", "torch", "launcher", "compiler"))
    assert gpu_summary(parts) == (
        "the CUDA path cannot run: without torch; the CPU does everything"
    )
    whole = tuple(Part(part.name, True, "") for part in parts)
    assert "no GPU has proved it yet" in gpu_summary(whole)


def test_a_package_that_is_not_there_has_no_version():
    def lookup(package: str) -> str:
        raise PackageNotFoundError(package)

    assert _version("cuda-core", lookup) is None


def test_pictures_of_the_host_are_handed_on_without_a_copy():
    surface = torch.arange(96, dtype=torch.uint8).reshape(12, 8)
    picture = StereoFrame(surface, Layout.FULL_SBS, 0, 0, thumbnail=torch.zeros(2, 3).byte())
    assert Download()(surface).ctypes.data == surface.data_ptr()
    kept = on_host(picture)
    assert torch.equal(kept.surface, surface)
    assert kept.thumbnail is not None


@pytest.mark.needs_cuda
def test_pictures_of_a_gpu_come_whole_to_the_host():
    surface = torch.arange(96, dtype=torch.uint8).reshape(12, 8)
    download = Download()
    for shift in (0, 5):
        there = (surface + shift).to("cuda")
        assert (download(there) == (surface + shift).numpy()).all()


def test_a_session_is_opened_by_making_a_frame_and_begins_fresh():
    """On the CPU's static buffers, as on a GPU."""
    place, config = Place(torch.device("cpu")), EngineConfig()
    files = GpuFiles(ModelStore(Path("nowhere")))
    made = open_on_gpu((34, 46), config, Layout.FULL_SBS, place=place, files=files)
    assert made.notes == ("the engine runs in: static buffers; prior: PyTorch in the graph",)
    picture = Frame(torch.full((3, 34, 46), 90, dtype=torch.uint8), 0, 0)
    fresh = Session((34, 46)).step(picture).surface
    assert torch.equal(made.session.step(picture).surface, fresh)


def test_what_a_device_refuses_is_one_line():
    class Refusing(Recorder):
        def launch(self, op, kernel, **rest):
            raise LaunchError(f"{kernel}: no kernel image is available")

    place = Place(torch.device("cpu"), Refusing())
    files = GpuFiles(ModelStore(Path("nowhere")))
    with pytest.raises(StereocastError, match=r"device\.name = cuda: stereocast_.*no kernel image"):
        open_on_gpu((34, 46), EngineConfig(), Layout.FULL_SBS, place=place, files=files)
