"""A control group that is frozen: the processes in it stand still, and get no signal that says so."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

CGROUP = Path("/sys/fs/cgroup")
WITHIN = 5.0


class Frozen:
    """These processes, until `thaw`. Raises OSError where no control group can be made."""

    def __init__(self, pids: Iterable[int]) -> None:
        classic = (CGROUP / "freezer").is_dir()
        parent = next(path for path in (CGROUP / "freezer", CGROUP / "unified", CGROUP) if path.is_dir())
        self._folder = Path(tempfile.mkdtemp(prefix="faults-", dir=parent))
        self._state = self._folder / ("freezer.state" if classic else "cgroup.freeze")
        self._words = ("FROZEN", "THAWED") if classic else ("1", "0")
        self._above = parent / "cgroup.procs"
        for pid in pids:
            (self._folder / "cgroup.procs").write_text(str(pid))
        self._set(self._words[0])

    def _set(self, word: str) -> None:
        self._state.write_text(word)
        deadline = time.monotonic() + WITHIN
        while self._state.read_text().strip() != word:
            assert time.monotonic() < deadline, f"{self._state} does not become {word}"
            time.sleep(0.005)

    def thaw(self) -> None:
        """They go on; the group is gone."""
        self._set(self._words[1])
        for pid in (self._folder / "cgroup.procs").read_text().split():
            self._above.write_text(pid)
        self._folder.rmdir()
