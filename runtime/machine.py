"""Facts about the machine that belong beside every measured number. Imports no torch."""

from __future__ import annotations

import os
import platform
from importlib import metadata
from pathlib import Path

from stereocast.runtime.threads import usable_cores

_PACKAGES = ("stereocast", "torch", "av", "pyzmq", "numpy", "onnxruntime")


def facts() -> dict[str, object]:
    """Return processor, cores, memory, system, Python, package versions and the load right now."""
    return {
        "processor": _processor(),
        "cores_usable": usable_cores(),
        "cores_present": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(),
        "packages": versions(),
        "load_1_5_15": [round(value, 2) for value in os.getloadavg()],
    }


def versions() -> dict[str, str]:
    """Return the versions of the packages that decide how fast and how right a result is."""
    return {name: version(name) for name in _PACKAGES}


def version(package: str) -> str:
    """Return the installed version of a distribution, or "not installed"."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or "unknown"
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else "unknown"
