"""From ONNX to a TensorRT plan: one builder for `tensorrt` and `tensorrt_rtx`.

Networks are strongly typed, so that the same calls serve TensorRT 10, 11 and RTX: precision is in
the ONNX file. Only RTX builds for other devices than the one it runs on, and without any.

`through_torch` is the second road, where torch-tensorrt is installed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from stereocast.engine.artefact import Manifest, check_file, check_specs, read_manifest
from stereocast.engine.errors import ConfigError, StereocastError
from stereocast.engine.plan import plan_key
from stereocast.engine.tensorrt import TensorRT, find_tensorrt, new_log
from stereocast.export.manifest import Built, private_folder, write_artefact, write_whole
from stereocast.export.store import is_whole

DEFAULT_TARGETS = (86, 89, 120)
"""Ampere, Ada and Blackwell cards for desktops."""

Progress = Callable[[str, int, int], None]
"""Told of a phase of the build: its name, steps done, steps in all."""

_KEY_DIGITS = 12


def plan_path(
    onnx: Path, folder: Path, tensorrt: TensorRT, targets: tuple[int, ...]
) -> tuple[Path, Manifest, dict[str, str]]:
    """Return where the plan of an ONNX file lies, that file's manifest, and the plan's key."""
    manifest = read_manifest(onnx)
    check_file(onnx, manifest)
    key = plan_key(manifest.sha256, tensorrt.installation, targets)
    digest = hashlib.sha256(repr(sorted(key.items())).encode()).hexdigest()[:_KEY_DIGITS]
    height, width = manifest.grid
    name = f"{manifest.model}-{height}x{width}-{manifest.cache}-{manifest.precision}-{digest}.plan"
    return folder / name, manifest, key


def build_plan(
    onnx: Path, folder: Path, *, targets: tuple[int, ...] = DEFAULT_TARGETS,
    tensorrt: TensorRT | None = None, progress: Progress | None = None,
) -> Path:  # fmt: skip
    """Return the plan of an exported ONNX file in `folder`, built now if it is not there.

    targets   compute capabilities, such as 86 and 89; all in one plan
    progress  told of the phases of the build

    Names, shapes and types are compared with the ONNX file's manifest before the build. Raises
    MissingDependency without TensorRT, ConfigError for targets it cannot build for, PlanMismatch if
    the ONNX file does not fit its manifest, StereocastError if TensorRT refuses.
    """
    tensorrt = tensorrt or find_tensorrt()
    check_targets(tensorrt, targets)
    path, manifest, key = plan_path(onnx, folder, tensorrt, targets)
    if is_whole(path):
        return path
    installed = tensorrt.installation
    timing = folder / f"timing-{installed.flavour}-{installed.version}.cache"
    content = _build(tensorrt, onnx, manifest, targets=targets, timing=timing, progress=progress)
    built = Built(
        model=manifest.model,
        grid=manifest.grid,
        cache=manifest.cache,
        precision=manifest.precision,
        inputs=manifest.inputs,
        outputs=manifest.outputs,
        built_with=(),
        key=key,
    )
    return write_artefact(path, content, built)


def check_targets(tensorrt: TensorRT, targets: tuple[int, ...]) -> None:
    """Raise ConfigError unless plans for all `targets` can be built here."""
    name, possible = tensorrt.installation.flavour, tensorrt.targets()
    known = ", ".join(map(str, possible)) or "none, because there is no CUDA device"
    if not targets or len(set(targets)) != len(targets):
        raise ConfigError(
            f"a plan needs targets, each once, such as --targets 86,89; got {targets}"
        )
    odd = [target for target in targets if target not in possible]
    if odd:
        raise ConfigError(f"{name} cannot build for {odd[0]}; here it can for: {known}")


def _build(
    tensorrt: TensorRT, onnx: Path, manifest: Manifest, *, targets: tuple[int, ...], timing: Path,
    progress: Progress | None,
) -> bytes:  # fmt: skip
    trt, name = tensorrt.module, tensorrt.installation.flavour
    log = new_log(trt)
    builder = trt.Builder(log)
    network = builder.create_network(1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
    parser = trt.OnnxParser(network, log)
    if not parser.parse_from_file(str(onnx)):
        reason = parser.get_error(0).desc() if parser.num_errors else log.last
        raise StereocastError(f"{onnx}: {name} cannot read it: {reason}")
    inputs = (network.get_input(index) for index in range(network.num_inputs))
    outputs = (network.get_output(index) for index in range(network.num_outputs))
    for side, tensors in (("inputs", inputs), ("outputs", outputs)):
        found = tuple(tensorrt.spec(each.name, each.shape, each.dtype) for each in tensors)
        check_specs(onnx, side, found=found, expected=getattr(manifest, side))
    config = builder.create_builder_config()
    if tensorrt.builds_ahead:
        # What allocates while it runs cannot be captured as a graph.
        config.set_flag(trt.BuilderFlag.REQUIRE_USER_ALLOCATION)
        config.num_compute_capabilities = len(targets)
        for index, target in enumerate(targets):
            config.set_compute_capability(getattr(trt.ComputeCapability, f"SM{target}"), index)
    else:
        read_timing(config, timing)
    # The builder does not keep the monitor alive.
    monitor = None if progress is None else new_monitor(trt, progress)
    if monitor is not None:
        config.progress_monitor = monitor
    plan = builder.build_serialized_network(network, config)
    if plan is None:
        raise StereocastError(f"{onnx}: {name} built no plan: {log.last}")
    if not tensorrt.builds_ahead:
        write_timing(config, timing)
    return bytes(plan)


def read_timing(config: Any, path: Path) -> None:
    """Give a builder what earlier builds measured of kernels; RTX measures nothing."""
    content = path.read_bytes() if path.is_file() else b""
    config.set_timing_cache(config.create_timing_cache(content), True)


def write_timing(config: Any, path: Path) -> None:
    """Keep what this build measured for the next one."""
    private_folder(path.parent)
    write_whole(path, bytes(config.get_timing_cache().serialize()))


def new_monitor(trt: Any, progress: Progress) -> Any:
    """Return a monitor that tells `progress` of the build's phases."""

    class Monitor(trt.IProgressMonitor):  # type: ignore[misc]
        def __init__(self) -> None:
            trt.IProgressMonitor.__init__(self)
            self.totals: dict[str, int] = {}

        def phase_start(self, phase: str, _parent: str | None, steps: int) -> None:
            self.totals[phase] = steps
            progress(phase, 0, steps)

        def step_complete(self, phase: str, step: int) -> bool:
            progress(phase, step + 1, self.totals[phase])
            return True

        def phase_finish(self, phase: str) -> None:
            progress(phase, self.totals[phase], self.totals[phase])

    return Monitor()
