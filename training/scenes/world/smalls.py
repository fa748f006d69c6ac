"""Small things: what lies on tables and floors."""

from __future__ import annotations

from stereocast.kernels.raycast.primitives import Row
from stereocast.training.scenes.world.limbs import egg
from stereocast.training.scenes.world.plants import potted
from stereocast.training.scenes.world.solids import Place, ball, bar, block, panel, prism
from stereocast.training.scenes.world.stage import Stage

SORTS = ("cup", "bottle", "book", "box", "fruit", "bowl", "plant", "toy", "stack", "frame", "lamp")


def small_thing(stage: Stage, place: Place, size: float) -> list[Row]:
    """Return a thing about `size` metres tall or wide that stands on `place`."""
    sort = SORTS[stage.draws.whole(0, len(SORTS) - 1)]
    return MAKERS[sort](stage, place, size)


def cup(stage: Stage, place: Place, size: float) -> list[Row]:
    """Return a cup with a handle."""
    coat = stage.coat("enamel", "plain", "printed")
    rows = prism(place, (0, 0, 0), size * 0.38, size, coat, lid=stage.coat("disc"))
    top, low = place.point(0.36 * size, -0.8 * size, 0), place.point(0.36 * size, -0.25 * size, 0)
    out, under = place.point(0.65 * size, -0.7 * size, 0), place.point(0.62 * size, -0.35 * size, 0)
    for a, b in ((top, out), (out, under), (under, low)):
        rows += bar(a, b, 0.1 * size, coat)
    return rows


def bottle(stage: Stage, place: Place, size: float) -> list[Row]:
    """Return a bottle or a vase: body, shoulder, neck."""
    coat = stage.coat("enamel", "dark", "plain")
    wide, tall = size * 0.22, size * 1.3
    rows = prism(place, (0, 0, 0), wide, 0.6 * tall, coat)
    rows += egg(place.point(0, -0.6 * tall, 0), (wide, 0.8 * wide, wide), place, coat)
    rows += prism(place, (0, -0.6 * tall, 0), wide * 0.36, 0.38 * tall, coat)
    label = stage.coat("printed", "enamel")
    return rows + prism(place, (0, -0.15 * tall, 0), wide * 1.02, 0.3 * tall, label)


def book(stage: Stage, place: Place, size: float) -> list[Row]:
    """Return a book lying flat."""
    coat = stage.coat("printed", "enamel", "painting")
    return block(
        place, (0, 0, 0), (size * 0.8, size * stage.draws.uniform(0.06, 0.2), size * 1.1), coat
    )


def stack(stage: Stage, place: Place, size: float) -> list[Row]:
    """Return books or plates on top of each other."""
    draws = stage.draws
    rows, y = [], 0.0
    for _ in range(draws.whole(2, 5)):
        thick = size * draws.uniform(0.08, 0.22)
        wide = size * draws.uniform(0.7, 1.1)
        rows += block(
            place,
            (0, y, 0),
            (wide, thick, wide * 0.75),
            stage.coat("printed", "enamel", "fabric"),
            yaw=draws.normal(0.25),
        )
        y -= thick
    return rows


def box(stage: Stage, place: Place, size: float) -> list[Row]:
    """Return a carton or a crate."""
    draws = stage.draws
    sizes = (
        size * draws.uniform(0.5, 1.2),
        size * draws.uniform(0.4, 1.1),
        size * draws.uniform(0.5, 1.2),
    )
    return block(place, (0, 0, 0), sizes, stage.coat("printed", "wood", "enamel", "cloudy"))


def fruit(stage: Stage, place: Place, size: float) -> list[Row]:
    """Return one to four balls side by side."""
    draws, rows = stage.draws, []
    coat = stage.coat("enamel", "printed", "cloudy", round=True)
    for number in range(draws.whole(1, 4)):
        radius = size * draws.uniform(0.25, 0.45)
        rows.append(
            ball(
                place.point((number - 1) * 0.85 * size, -radius, draws.normal(0.2 * size)),
                radius,
                coat,
            )
        )
    return rows


def bowl(stage: Stage, place: Place, size: float) -> list[Row]:
    """Return a bowl of fruit."""
    coat = stage.coat("enamel", "plain", "printed")
    rows = prism(place, (0, 0, 0), 0.7 * size, 0.35 * size, coat, sides=10, lid=stage.coat("disc"))
    skin = stage.coat("enamel", "cloudy", round=True)
    for x, z in ((-0.25, 0.1), (0.25, 0.15), (0.0, -0.25)):
        rows.append(ball(place.point(x * size, -0.5 * size, z * size), 0.25 * size, skin))
    return rows


def toy(stage: Stage, place: Place, size: float) -> list[Row]:
    """Return a doll: head, body, ears, arms."""
    fur, face = stage.coat("fur", "enamel", round=True), stage.coat("face", "fur", round=True)
    body = egg(place.point(0, -0.4 * size, 0), (0.3 * size, 0.4 * size, 0.28 * size), place, fur)
    head = egg(
        place.point(0, -0.95 * size, 0), (0.25 * size, 0.25 * size, 0.25 * size), place, face
    )
    rows = body + head
    for side in (-1, 1):
        rows += egg(place.point(side * 0.2 * size, -1.17 * size, 0), (0.09 * size,) * 3, place, fur)
        rows += egg(
            place.point(side * 0.33 * size, -0.45 * size, 0.1 * size),
            (0.1 * size, 0.2 * size, 0.1 * size),
            place,
            fur,
        )
        rows += egg(
            place.point(side * 0.2 * size, -0.1 * size, 0.3 * size),
            (0.1 * size, 0.1 * size, 0.2 * size),
            place,
            fur,
        )
    return rows


def frame(stage: Stage, place: Place, size: float) -> list[Row]:
    """Return an upright picture in a frame."""
    rows = block(
        place, (0, 0, 0), (size * 1.1, size * 0.8, 0.06 * size), stage.coat("wood", "dark")
    )
    return [
        *rows,
        panel(place, (0, -0.05 * size, 0.035 * size), size, 0.7 * size, stage.coat("painting")),
    ]


def lamp(stage: Stage, place: Place, size: float) -> list[Row]:
    """Return a desk lamp: foot, stem, glowing shade."""
    coat = stage.coat("dark", "enamel")
    rows = prism(place, (0, 0, 0), 0.3 * size, 0.05 * size, coat, lid=stage.coat("disc"))
    rows += block(place, (0, 0, 0), (0.06 * size, size, 0.06 * size), coat)
    return rows + prism(
        place, (0, -0.9 * size, 0), 0.35 * size, 0.5 * size, stage.coat("plain", glow=0.9)
    )


MAKERS = {
    "cup": cup,
    "bottle": bottle,
    "book": book,
    "stack": stack,
    "box": box,
    "fruit": fruit,
    "bowl": bowl,
    "toy": toy,
    "frame": frame,
    "lamp": lamp,
    "plant": potted,
}
