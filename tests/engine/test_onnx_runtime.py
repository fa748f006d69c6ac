"""ONNX Runtime reports to nobody."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def test_it_keeps_no_number_of_this_machine_and_nothing_to_send(tmp_path: Path):
    # In a process of its own: it decides when it is imported, and says nothing of itself in a CI.
    silent = ("CI", "GITHUB_ACTIONS", "TF_BUILD", "ORT_DISABLE_TELEMETRY", "ORT_RUNNING_UNIT_TESTS")
    environment = {name: value for name, value in os.environ.items() if name not in silent}
    environment |= {name: str(tmp_path) for name in ("HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME")}
    program = "from stereocast.engine.onnx_runtime import onnx_runtime; onnx_runtime()"
    subprocess.run([sys.executable, "-c", program], env=environment, check=True)
    assert list(tmp_path.rglob("*")) == []
