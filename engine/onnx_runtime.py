"""ONNX Runtime, imported so that it reports to nobody; whoever wants it asks here."""

from __future__ import annotations

import os
from typing import Any


def onnx_runtime() -> Any:
    """Return the module `onnxruntime`. Raises ImportError where it is not installed.

    Since 1.29 its packages for Linux tell their maker of every process and every network from the
    moment they are imported, and keep a number of this machine in the user's cache. This variable
    turns that off, and only before the import (microsoft/onnxruntime, pull request 27379).
    """
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    import onnxruntime

    return onnxruntime
