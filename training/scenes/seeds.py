"""Which seeds may be learnt from, and which are kept for judging."""

TRAINING_SEEDS = range(100_000)
VALIDATION_SEEDS = range(900_000, 1_000_000)
"""No training sees these; a final score uses some that no tuning has looked at either."""
