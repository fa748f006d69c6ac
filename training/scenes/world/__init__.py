"""Worlds drawn from a seed, for networks to learn from: rooms, streets, tables, woods, people.

How a thing is built is beside it: solids.py and limbs.py make parts, furniture.py, smalls.py,
plants.py and figures.py things of them, interiors.py, tabletops.py, street.py and nature.py put
them on a stage (stage.py) around the way of a camera (paths.py); weather.py takes the picture.
"""

from stereocast.training.scenes.world.clip import (
    CAMERAS,
    KINDS,
    WorldClip,
    WorldEyes,
    WorldFrame,
)

__all__ = ["CAMERAS", "KINDS", "WorldClip", "WorldEyes", "WorldFrame"]
