"""Whether a TensorRT plan fits this machine: decided from its manifest, before anything loads it.

Plans run only where they were built for. No TensorRT is imported here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from stereocast.engine.artefact import Manifest
from stereocast.engine.errors import PlanMismatch

FLAVOURS = ("tensorrt_rtx", "tensorrt")
"""Packages that can build and run plans; plans of one mean nothing to the other."""

NAMES = "names"
"""Key under which a manifest records, as JSON, our names of tensors and the plan's own."""


@dataclass(frozen=True)
class Installation:
    """What would run a plan.

    flavour     one of `FLAVOURS`
    version     of that package
    capability  of the device, 10 × major + minor, such as 89; None: unknown, not compared
    """

    flavour: str
    version: str
    capability: int | None = None


def plan_key(
    onnx_sha256: str, installation: Installation, targets: tuple[int, ...]
) -> dict[str, str]:
    """Return everything a plan depends on, as its manifest records it."""
    return {
        "onnx_sha256": onnx_sha256,
        "flavour": installation.flavour,
        "version": installation.version,
        "targets": ",".join(str(target) for target in targets),
        "flags": "strongly typed"
        + (", user allocation" if installation.flavour == "tensorrt_rtx" else ""),
    }


def check_plan(path: Path, manifest: Manifest, installation: Installation) -> None:
    """Raise PlanMismatch, naming the command that rebuilds it, unless the plan fits."""
    key: Mapping[str, str] = manifest.key
    if not {"flavour", "version", "targets"} <= key.keys():
        raise PlanMismatch(f"{path}: its manifest is not that of a TensorRT plan")
    targets = key["targets"].split(",")
    mine = f"{installation.flavour} {installation.version}"
    if (key["flavour"], key["version"]) != (installation.flavour, installation.version):
        found = f"was built with {key['flavour']} {key['version']}; this is {mine}"
    elif installation.capability is not None and str(installation.capability) not in targets:
        found = f"was built for sm_{', sm_'.join(targets)}; this is sm_{installation.capability}"
        targets = [str(installation.capability)]
    else:
        return
    raise PlanMismatch(f"{path} {found}. Rebuild it: {rebuild_command(path, manifest, targets)}")


def tensor_names(manifest: Manifest) -> dict[str, str]:
    """Return for each of the manifest's tensors what the plan calls it: the same, if not told."""
    told = json.loads(manifest.key.get(NAMES, "{}"))
    return {
        spec.name: told.get(spec.name, spec.name) for spec in manifest.inputs + manifest.outputs
    }


def rebuild_command(path: Path, manifest: Manifest, targets: list[str]) -> str:
    """Return the command that makes the plan anew, here."""
    height, width = manifest.grid
    return (
        f"stereocast export {manifest.model} --plan --grid {height}x{width} "
        f"--precision {manifest.precision} --cache {manifest.cache} "
        f"--targets {','.join(targets)} --out {path.parent}"
        + (" --builder torch-tensorrt" if "road" in manifest.key else "")
    )
