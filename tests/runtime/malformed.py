"""Reads every file of a folder as a source does, in a process of its own with bounded memory.

python -m tests.runtime.malformed FOLDER      prints: files read, refused, MiB at most
"""

from __future__ import annotations

import re
import sys
from contextlib import closing
from itertools import islice
from pathlib import Path

from stereocast.engine.errors import SourceError
from stereocast.runtime.source.file import FileOptions, FileSource

MOST_FRAMES = 60


def main() -> None:
    read = refused = 0
    for path in sorted(Path(sys.argv[1]).iterdir()):
        try:
            with closing(FileSource(path, options=FileOptions(skip_damage=True))) as source:
                for _ in islice(source, MOST_FRAMES):
                    continue
            read += 1
        except SourceError:
            refused += 1
    print(read, refused, most_mib())


def most_mib() -> int:
    """The most memory this program held; what rusage tells also counts the parent's before exec."""
    status = Path("/proc/self/status").read_text()
    return int(re.findall(r"VmHWM:\s+(\d+) kB", status)[0]) // 1024


if __name__ == "__main__":
    main()
