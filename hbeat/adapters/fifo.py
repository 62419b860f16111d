"""The FIFO /var/lib/heartbeat/fifo, through which scripts send messages (reference section 11.1).

It is open for writing here as well: otherwise it would report its end for ever after the first writer has gone. It
stays where it is when the daemon ends, as the original's does.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from hbeat.core.script_messages import Fields, ScriptMessages

FIFO = Path("/var/lib/heartbeat/fifo")
READ_AT_ONCE = 65_536
QUIET = 10.0


class Fifo:
    """Made if it is not there. Raises OSError."""

    def __init__(self, path: Path = FIFO) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            if not stat.S_ISFIFO(os.lstat(path).st_mode):
                path.unlink()  # a script that wrote while no daemon ran has made an ordinary file
        except FileNotFoundError:
            pass
        try:
            os.mkfifo(path, 0o600)
        except FileExistsError:
            os.chmod(path, 0o600)
        self._messages = ScriptMessages()
        self._dropped, self._quiet_until = 0, 0.0
        self._descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)

    def fileno(self) -> int:
        return self._descriptor

    def read(self, now: float) -> tuple[list[Fields], str]:
        """The messages that are complete, and what was wrong, at most once in QUIET seconds.

        A bounded part at a time: whoever floods it must not keep the loop from its work.
        """
        try:
            data = os.read(self._descriptor, READ_AT_ONCE)
        except BlockingIOError:
            return [], ""
        found = self._messages.feed(data)
        problems = [item for item in found if isinstance(item, str)]
        self._dropped += len(problems)
        problem = ""
        if problems and now >= self._quiet_until:
            problem = f"{self._dropped} message(s) of scripts dropped: {problems[-1]}"
            self._dropped, self._quiet_until = 0, now + QUIET
        return [item for item in found if not isinstance(item, str)], problem

    def close(self) -> None:
        os.close(self._descriptor)
