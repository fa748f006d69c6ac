"""The plans of a stream on a GPU: looked up in the user's cache, built there when demanded."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from stereocast.runtime.cli.cache import cache_folder
from stereocast.runtime.cli.progress import building

if TYPE_CHECKING:
    import torch

    from stereocast.engine.refine.network import RefineNetwork
    from stereocast.runtime.depth import Network
    from stereocast.runtime.gpu_stages import Planner


def planner_for(device: torch.device, folder: Path | None = None) -> Planner:
    """Return who finds and builds plans for a device here.

    folder  of plans, which alone is looked at; None: the exports in the user's cache
    """
    place = folder or cache_folder() / "exports"

    def plan(
        network: Network | RefineNetwork, name: str, grid: tuple[int, int], must: bool
    ) -> Path | None:
        from stereocast.engine.errors import ConfigError, MissingDependency
        from stereocast.engine.tensorrt import local_capability, tensorrt_for
        from stereocast.export.plans import kept_plan, made_plan

        capability = local_capability(device)
        try:
            if capability is None:
                raise MissingDependency("a TensorRT plan needs a CUDA device; there is none")
            tensorrt = tensorrt_for(capability)
        except (ConfigError, MissingDependency):
            if must:
                raise
            return None  # nobody asked for TensorRT, and nothing of it can be here
        here = replace(tensorrt.installation, capability=capability)
        kept = kept_plan(network, name, grid, place, here)
        if kept is not None or not must:
            return kept
        with building() as (say, advance):
            return made_plan(
                network, name, grid, place, tensorrt, capability, say=say, progress=advance
            )

    return plan
