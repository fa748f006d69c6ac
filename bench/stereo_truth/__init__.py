"""How near made right eyes come to true ones: ours and the baselines, paired on the same clips.

    from stereocast.bench import stereo_truth
    rows = stereo_truth.run(stereo_truth.RenderedClips(seed=1), {"mine": make})
    print(stereo_truth.table(rows))

methods.py says what `make` is. gates.py judges the rows, pictures.py shows what was made.
"""

from stereocast.bench.stereo_truth.clips import RenderedClips
from stereocast.bench.stereo_truth.comparison import run
from stereocast.bench.stereo_truth.tables import table

__all__ = ["RenderedClips", "run", "table"]
