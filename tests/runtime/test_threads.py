"""runtime/threads: as many threads as the process may use, and one place that says so."""

from __future__ import annotations

import os
from dataclasses import fields
from pathlib import Path

import pytest

from stereocast.engine.errors import ConfigError
from stereocast.runtime import threads
from stereocast.runtime.config import Config
from stereocast.runtime.threads import ThreadsConfig, usable_cores


@pytest.fixture
def sixteen_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(16)))


def test_zero_means_what_the_process_may_use() -> None:
    resolved = ThreadsConfig().resolved(4)
    assert resolved == ThreadsConfig(native=4, torch=1, networks=4, encode=4, decode=4)


def test_codecs_get_eight_at_most_and_pools_sixty_four() -> None:
    resolved = ThreadsConfig(torch=0).resolved(384)
    assert resolved == ThreadsConfig(native=64, torch=64, networks=64, encode=8, decode=8)


def test_what_was_asked_for_is_kept() -> None:
    asked = ThreadsConfig(native=3, torch=2, networks=4, encode=5, decode=7)
    assert asked.resolved(2) == asked


@pytest.mark.parametrize("name", [entry.name for entry in fields(ThreadsConfig)])
@pytest.mark.parametrize("count", [-1, 65])
def test_impossible_counts_are_named(name: str, count: int) -> None:
    with pytest.raises(ConfigError, match=rf"threads\.{name} must be in \[0, 64\], got {count}"):
        ThreadsConfig(**{name: count})


def test_no_other_table_counts_threads() -> None:
    tables = [entry.name for entry in fields(Config) if entry.name != "threads"]
    keys = {key.name for table in tables for key in fields(getattr(Config(), table))}
    assert "threads" not in keys


@pytest.mark.usefixtures("sixteen_cores")
class TestQuota:
    """A cgroup's quota counts: a container with two cores' time must not start 16 threads."""

    @pytest.mark.parametrize(
        ("text", "cores"),
        [
            ("max 100000", 16), ("200000 100000", 2), ("150000 100000", 2), ("50000 100000", 1),
            ("9900000 100000", 16), ("nonsense", 16), ("", 16),
        ],
    )  # fmt: skip
    def test_version_2(self, tmp_path: Path, text: str, cores: int) -> None:
        (tmp_path / "cpu.max").write_text(text)
        assert usable_cores(tmp_path, tmp_path / "absent") == cores

    def test_the_smallest_quota_on_the_way_up_holds(self, tmp_path: Path) -> None:
        own = tmp_path / "user.slice" / "job"
        own.mkdir(parents=True)
        (own / "cpu.max").write_text("max 100000")
        (own.parent / "cpu.max").write_text("300000 100000")
        membership = tmp_path / "cgroup"
        membership.write_text("1:name=systemd:/\n0::/user.slice/job\n")
        assert usable_cores(tmp_path, membership) == 3
        (own / "cpu.max").write_text("100000 100000")
        assert usable_cores(tmp_path, membership) == 1

    def test_a_group_outside_of_the_container_is_not_looked_for(self, tmp_path: Path) -> None:
        root = tmp_path / "root"
        root.mkdir()
        (tmp_path / "cpu.max").write_text("100000 100000")
        membership = tmp_path / "cgroup"
        membership.write_text("0::/..\n")
        assert usable_cores(root, membership) == 16

    @pytest.mark.parametrize(("quota", "cores"), [(-1, 16), (400_000, 4)])
    def test_version_1(self, tmp_path: Path, quota: int, cores: int) -> None:
        (tmp_path / "cpu").mkdir()
        (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text(f"{quota}\n")
        (tmp_path / "cpu" / "cpu.cfs_period_us").write_text("100000\n")
        assert usable_cores(tmp_path, tmp_path / "absent") == cores

    def test_without_any_cgroup_the_affinity_counts(self, tmp_path: Path) -> None:
        assert usable_cores(tmp_path / "absent", tmp_path / "absent") == 16


def test_applying_sets_the_pools_and_returns_what_was_set() -> None:
    import torch

    from stereocast.kernels import native

    before = torch.get_num_threads()
    try:
        resolved = threads.apply(ThreadsConfig(native=1, torch=1))
        assert torch.get_num_threads() == resolved.torch == 1
        assert "1 thread" in native.description() or "reference" in native.description()
    finally:
        torch.set_num_threads(before)
