"""Appends to the files of monitorfile=: `[Sun Nov 22 00:10:43 2026] [PID] ` and a line of core/monitor_line.py.

Lines of one turn of the event loop are written together, each file opened once for it: some 20 microseconds, however
many checks end at the same moment, and a rotated file needs no signal. A file that cannot be written costs its lines
and one complaint, until it could be written again; a check never waits for it, a named pipe without a reader included.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable

FLAGS = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK | os.O_CLOEXEC


class MonitorFiles:
    """complain gets a line when a file cannot be written."""

    def __init__(self, complain: Callable[[str], None]) -> None:
        self._complain = complain
        self._lines: dict[str, list[str]] = {}
        self._unwritable: set[str] = set()

    def write(self, path: str, text: str) -> None:
        """Append this line, with time and pid, at the end of this turn of the loop."""
        if not self._lines:
            asyncio.get_running_loop().call_soon(self.flush)
        self._lines.setdefault(path, []).append(f"[{time.asctime()}] [{os.getpid()}] {text}\n")

    def flush(self) -> None:
        """Write now what was given so far."""
        lines, self._lines = self._lines, {}
        for path, its_lines in lines.items():
            try:
                _append(path, "".join(its_lines).encode("utf-8", "surrogateescape"))
            except OSError as error:
                if path not in self._unwritable:
                    self._unwritable.add(path)
                    self._complain(f"monitorfile {path}: {error.strerror}; its lines are lost until it can be written")
            else:
                self._unwritable.discard(path)


def problem(path: str) -> str:
    """Why this file could not be written, "" when it can: the original refuses a configuration that names such a one.

    The file is made, as the original does.
    """
    try:
        _append(path, b"")
    except OSError as error:
        return f"monitorfile {path}: {error.strerror}"
    return ""


def _append(path: str, data: bytes) -> None:
    """All of it or OSError; a disk that is just full may keep a part."""
    descriptor = os.open(path, FLAGS, 0o644)
    try:
        while data:
            data = data[os.write(descriptor, data) :]
    finally:
        os.close(descriptor)
