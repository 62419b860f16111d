"""A process that does nothing, under a name of the test's choice."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def named_process(folder: Path, name: str) -> Iterator[subprocess.Popen[bytes]]:
    """Runs while its block does; the program it needs is left in the folder."""
    shutil.copy(shutil.which("sleep") or "", folder / name)
    with subprocess.Popen([folder / name, "60"]) as process:
        deadline = time.monotonic() + 10  # its name comes a moment after its process
        while Path("/proc", str(process.pid), "comm").read_text() != f"{name}\n":
            assert time.monotonic() < deadline
        try:
            yield process
        finally:
            process.kill()
