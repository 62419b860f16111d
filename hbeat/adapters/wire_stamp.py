"""The fields `ts` and `ld` of each message: seconds since 1970, and the text of /proc/loadavg (reference section 2.1).

Nobody decides anything by them. The kernel renews the load every five seconds, so it is read once a second at most.
"""

from __future__ import annotations

import time
from pathlib import Path

LOAD = Path("/proc/loadavg")
EVERY = 1.0


class Stamp:
    """Gives both fields when it is called."""

    def __init__(self) -> None:
        self._load = ""
        self._read_at = float("-inf")

    def __call__(self) -> tuple[int, str]:
        now = time.monotonic()
        if now >= self._read_at + EVERY:
            self._read_at = now
            try:
                self._load = LOAD.read_text().strip()
            except OSError:
                self._load = ""
        return int(time.time()), self._load
