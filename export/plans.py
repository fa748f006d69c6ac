"""Plans in the cache: found by what their manifests say, or built from an ONNX file kept there."""

from __future__ import annotations

from pathlib import Path

from stereocast.engine.artefact import Manifest, read_manifest
from stereocast.engine.errors import PlanMismatch
from stereocast.engine.plan import Installation, check_plan
from stereocast.engine.refine.network import RefineNetwork
from stereocast.engine.tensorrt import TensorRT
from stereocast.export.refiner import obtain_refiner, refiner_path
from stereocast.export.steps import Network
from stereocast.export.store import Export, Say, is_whole, obtain, weights_digest
from stereocast.export.to_plan import Progress, build_plan


def export_for_plans(network: Network, name: str, grid: tuple[int, int]) -> Export:
    """Return what is exported to build a plan of: half precision, and hidden states in the ring."""
    digest = weights_digest(network.state_dict())
    return Export(name, digest, grid, precision="fp16", cache="u")


def kept_plan(
    network: Network | RefineNetwork, name: str, grid: tuple[int, int], folder: Path,
    installation: Installation,
) -> Path | None:  # fmt: skip
    """Return a plan of just this network for this TensorRT and device; None: none is here.

    Nothing is exported or built. Only files of the folder itself count: a link out of it does not.
    """
    if isinstance(network, RefineNetwork):
        onnx = refiner_path(network, grid, folder)
    else:
        onnx = folder / export_for_plans(network, name, grid).file_name()
    if not is_whole(onnx):
        return None
    source = read_manifest(onnx).sha256
    for path in sorted(folder.glob("*.plan")):
        if path.is_symlink() or not _fits(path, source, installation):
            continue
        if is_whole(path):
            return path
    return None


def made_plan(
    network: Network | RefineNetwork, name: str, grid: tuple[int, int], folder: Path,
    tensorrt: TensorRT, capability: int, *, say: Say, progress: Progress,
) -> Path:  # fmt: skip
    """Return the plan for one device, exported and built now as far as it is not in `folder`.

    Raises as `build_plan`.
    """
    if isinstance(network, RefineNetwork):
        onnx = obtain_refiner(network, grid, folder, say=say)
    else:
        onnx = obtain(network, export_for_plans(network, name, grid), folder, say=say)
    say(f"building the TensorRT plan of {name} for sm_{capability}")
    return build_plan(onnx, folder, targets=(capability,), tensorrt=tensorrt, progress=progress)


def _fits(path: Path, onnx_sha256: str, installation: Installation) -> bool:
    try:
        manifest: Manifest = read_manifest(path)
        check_plan(path, manifest, installation)
    except PlanMismatch:
        return False
    return manifest.key.get("onnx_sha256") == onnx_sha256
