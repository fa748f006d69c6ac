"""Which seeds may be learnt from, which tuning may look at, and which are kept for scores."""

TRAINING_SEEDS = range(100_000)
VALIDATION_SEEDS = range(900_000, 950_000)
"""No training sees these; tuning may look at them."""
SCORE_SEEDS = range(950_000, 960_000)
"""Neither training nor tuning sees these: refiners are scored on them (`bench depth-quality`)."""
DRIFT_SEEDS = range(970_000, 980_000)
"""Likewise, for long clips. Those between have chosen weights of the refiner's loss."""
