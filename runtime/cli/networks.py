"""From a model's name to its network with weights: the store, a file, or random weights."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from stereocast.engine.errors import ConfigError
from stereocast.engine.models import MODELS, Output, find
from stereocast.runtime.cli.cache import models_folder
from stereocast.runtime.models.store import ModelStore

if TYPE_CHECKING:
    from stereocast.export.steps import Network


@dataclass(frozen=True)
class NamedNetwork:
    """A network and what it is called.

    weights_sha256  of the weights themselves, see `export.store.weights_digest`
    """

    name: str
    network: Network
    weights_sha256: str


def load_network(name: str, *, weights: Path | None = None, random: bool = False) -> NamedNetwork:
    """Return the built-in network or the Video-Depth-Anything network called `name`.

    weights  a checkpoint of it to use instead of the one that is here
    random   weights that mean nothing, for trying things out; the name says so

    Raises ModelError, WeightsError or ConfigError in one line.
    """
    from stereocast.engine.depth.vda import build
    from stereocast.export.store import weights_digest
    from stereocast.runtime.models.checkpoint import read_state_dict

    if random and weights is not None:
        raise ConfigError("--random-weights and --weights exclude each other: give one of them")
    if name == "tiny":
        return _load_tiny(weights, random=random)
    if random:
        from stereocast.bench.depth import random_network
        from stereocast.engine.depth.vda.architecture import ARCHITECTURES

        network = random_network(ARCHITECTURES[_encoder(name, find(name).encoder)])
        return NamedNetwork(f"{name}-random", network, weights_digest(network.state_dict()))
    if weights is not None:
        entry = find(name)
        encoder, output, path = entry.encoder, entry.output, weights
    else:
        stored = ModelStore(models_folder()).get(name)
        encoder, output, path = stored.encoder, stored.output, stored.path
    table = read_state_dict(path)
    network = build(_encoder(name, encoder), table, metric=output == Output.METRIC_DEPTH)
    return NamedNetwork(name, network, weights_digest(network.state_dict()))


def _load_tiny(weights: Path | None, *, random: bool) -> NamedNetwork:
    from stereocast.engine.depth.tiny import TinyDepth, load_network
    from stereocast.export.store import weights_digest

    if random:
        network, name = TinyDepth().eval().requires_grad_(False), "tiny-random"
    else:
        network, name = load_network() if weights is None else load_network(weights), "tiny"
    return NamedNetwork(name, network, weights_digest(network.state_dict()))


def _encoder(name: str, encoder: str | None) -> str:
    if encoder is None:
        known = ", ".join(entry.name for entry in MODELS if entry.encoder)
        raise ConfigError(f"{name} is no network that can be exported; choose tiny, {known}")
    return encoder
