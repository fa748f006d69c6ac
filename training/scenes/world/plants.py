"""Plants: trees of trunk, branches and leaves, bushes, tufts, potted plants, and rocks."""

from __future__ import annotations

import math

from stereocast.kernels.raycast.primitives import Row
from stereocast.training.scenes.world.limbs import egg, limb, trunk
from stereocast.training.scenes.world.solids import Coat, Place, panel, prism
from stereocast.training.scenes.world.stage import Stage


def leafy_tree(stage: Stage, place: Place, tall: float, bark: Coat) -> list[Row]:
    """Return a broad-leaved tree: leaves stand out of a crown of eggs on every side."""
    draws = stage.draws
    # One walks upright under the crown of a grown tree.
    bare = (
        tall * draws.uniform(0.25, 0.5) if tall <= 5 else max(2.6, tall * draws.uniform(0.3, 0.5))
    )
    thick = tall * draws.uniform(0.012, 0.03) + 0.03
    lean = draws.normal(0.04) * tall
    top = place.point(lean, -bare, 0)
    rows = trunk(place, lean * 1.2, bare + 0.35 * tall, thick, bark)
    crown, leaves = stage.coat("foliage", round=True), stage.coat("spray")
    reach = (tall - bare) / 2
    for _ in range(draws.whole(2, 4)):
        angle, out = draws.uniform(0, math.tau), draws.uniform(0.15, 0.5) * reach
        height = bare + reach * draws.uniform(0.7, 1.4)
        centre = place.point(lean + out * math.cos(angle), -height, out * math.sin(angle))
        size = reach * draws.uniform(0.45, 0.7)
        rows += egg(centre, (size, size * 0.8, size), place, crown)
        rows += limb(top, centre, thick * 0.4, bark)
        for _ in range(2):
            spot = Place(centre[0], centre[2], draws.uniform(0, math.pi), centre[1])
            wide = size * draws.uniform(2.0, 2.9)
            rows.append(panel(spot, (0, wide / 2, 0), wide, wide, leaves, cut=True))
    return rows


def fir(stage: Stage, place: Place, tall: float, bark: Coat) -> list[Row]:
    """Return a conifer: tiers of crossed cards that grow narrower upwards."""
    draws = stage.draws
    rows = trunk(place, 0.0, tall, tall * 0.015 + 0.02, bark)
    leaves, tiers = stage.coat("spray"), draws.whole(4, 6)
    for tier in range(tiers):
        share = tier / tiers
        wide = tall * draws.uniform(0.4, 0.5) * (1 - share) + 0.1 * tall
        foot = -tall * (0.1 + 0.8 * share)
        for turn in (0.0, 1.05, 2.1):
            spot = place.at(0, 0, turn + share)
            rows.append(panel(spot, (0, foot, 0), wide, tall * 0.28, leaves, cut=True))
    return rows


def bare_tree(stage: Stage, place: Place, tall: float, bark: Coat) -> list[Row]:
    """Return a leafless tree: branches that fork twice."""
    draws = stage.draws
    thick = tall * 0.018 + 0.02
    fork = tall * draws.uniform(0.3, 0.5)
    rows = trunk(place, 0.0, fork * 1.3, thick * 1.2, bark)
    for number in range(draws.whole(3, 5)):
        angle = 1.7 * number + draws.uniform(0, 1)
        out, up = tall * draws.uniform(0.1, 0.22), fork + tall * draws.uniform(0.2, 0.4)
        knee = (out * math.cos(angle), -up, out * math.sin(angle))
        rows += limb(place.point(0, -fork * 0.97, 0), place.point(*knee), thick * 0.55, bark)
        for _ in range(2):
            turn, more = draws.uniform(0, math.tau), tall * draws.uniform(0.08, 0.15)
            tip = (knee[0] + more * math.cos(turn), knee[1] - more, knee[2] + more * math.sin(turn))
            rows += limb(place.point(*knee), place.point(*tip), thick * 0.25, bark)
    return rows


SORTS = ("leafy", "leafy", "leafy", "fir", "bare")


def tree_reach(sort: str, tall: float, eye: float) -> float:
    """Return how far from its trunk a tree fills the view of an eye at this height, metres."""
    if sort == "fir":
        return 0.26 * tall
    return 0.4 if sort == "bare" or (tall > 5 and eye < 2.2) else 0.35 * tall


def tree(stage: Stage, place: Place, tall: float, bark: Coat, sort: str) -> list[Row]:
    """Return a tree of one of SORTS."""
    grow = {"leafy": leafy_tree, "fir": fir, "bare": bare_tree}[sort]
    return grow(stage, place, tall, bark)


def bush(stage: Stage, place: Place, size: float) -> list[Row]:
    """Return a bush: a few eggs of foliage with ragged leaves around them."""
    draws = stage.draws
    crown, leaves = stage.coat("foliage", round=True), stage.coat("spray")
    rows: list[Row] = []
    for _ in range(draws.whole(1, 3)):
        radius = size * draws.uniform(0.5, 0.8)
        x, z = size * draws.uniform(-0.4, 0.4), size * draws.uniform(-0.4, 0.4)
        rows += egg(place.point(x, -0.6 * radius, z), (radius, 0.8 * radius, radius), place, crown)
        spot = place.at(x, z, draws.uniform(0, math.pi))
        rows.append(panel(spot, (0, 0.2 * radius, 0), 2.6 * radius, 1.9 * radius, leaves, cut=True))
    return rows


def tuft(stage: Stage, place: Place, size: float) -> list[Row]:
    """Return two crossed cards of stalks or flowers."""
    coat = stage.coat("tuft")
    return [
        panel(place.at(0, 0, turn), (0, 0, 0), size, size, coat, cut=True) for turn in (0.0, 1.57)
    ]


def potted(stage: Stage, place: Place, tall: float) -> list[Row]:
    """Return a plant in a pot, `tall` from the ground to its tip."""
    pot = tall * stage.draws.uniform(0.25, 0.4)
    rows = prism(
        place, (0, 0, 0), pot * 0.5, pot, stage.coat("enamel", "plaster"), lid=stage.coat("disc")
    )
    leaves = stage.coat("spray", "tuft")
    for turn in (0.0, 1.05, 2.1):
        spot = place.at(0, 0, turn)
        rows.append(
            panel(spot, (0, -pot * 0.95, 0), 0.9 * (tall - pot), tall - pot, leaves, cut=True)
        )
    return rows


def rock(stage: Stage, place: Place, size: float) -> list[Row]:
    """Return a boulder."""
    draws = stage.draws
    coat = stage.coat("plaster", "earth", "cloudy", round=True)
    radii = (size * draws.uniform(0.7, 1.2), size * draws.uniform(0.4, 0.8), size)
    return egg(place.point(0, -0.3 * radii[1], 0), radii, place, coat)
