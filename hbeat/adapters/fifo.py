"""The FIFO /var/lib/heartbeat/fifo, through which scripts send messages (reference section 11.1).

It is open for writing here as well: otherwise it would report its end for ever after the first writer has gone. It
stays where it is when the daemon ends, as the original's does. When somebody removes it this is told, and it is made
again: scripts would write into an ordinary file, and nobody would read it.
"""

from __future__ import annotations

import errno
import os
import select
import stat
from contextlib import suppress
from pathlib import Path

from hbeat.core.script_messages import Fields, ScriptMessages

FIFO = Path("/var/lib/heartbeat/fifo")
READ_AT_ONCE = 65_536
QUIET = 10.0
LOOK = 5.0
"""Seconds between two looks whether it is still there."""


class Fifo:
    """Made if it is not there. Raises OSError. dropped: messages that were not accepted, all in all."""

    def __init__(self, path: Path = FIFO) -> None:
        self._path = path
        self._messages = ScriptMessages()
        self.dropped = self._untold = 0
        self._problem, self._quiet_until = "", 0.0
        self._look_at: float | None = None
        self._failing = ""
        self._descriptor = _made(path)
        self._poll = select.epoll()  # what the loop watches stays the same when the FIFO is made again
        self._poll.register(self._descriptor, select.EPOLLIN)

    def fileno(self) -> int:
        return self._poll.fileno()

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
        self.dropped += len(problems)
        self._untold += len(problems)
        self._problem = problems[-1] if problems else self._problem
        return [item for item in found if not isinstance(item, str)], self._report(now)

    def _report(self, now: float) -> str:
        if not self._untold or now < self._quiet_until:
            return ""
        untold, self._untold, self._quiet_until = self._untold, 0, now + QUIET
        return f"{untold} message(s) of scripts dropped: {self._problem}"

    def next_deadline(self) -> float | None:
        """When handle_timer wants to be called next."""
        times = (self._look_at, self._quiet_until if self._untold else None)
        return min((at for at in times if at is not None), default=None)

    def handle_timer(self, now: float) -> list[str]:
        """Looks after the FIFO; what to tell the operator."""
        told = [self._report(now)]
        if self._look_at is None or now >= self._look_at:
            self._look_at = now + LOOK
            told.append(self._restore())
        return [text for text in told if text]

    def _restore(self) -> str:
        """Makes it again if it was removed or replaced."""
        ours = os.fstat(self._descriptor)
        try:
            there = os.lstat(self._path)
            if (there.st_dev, there.st_ino) == (ours.st_dev, ours.st_ino):
                return ""
        except OSError:
            pass
        try:
            new = _made(self._path)
        except OSError as error:
            before, self._failing = self._failing, f"{error.strerror}"
            text = f"{self._path} was removed and cannot be made again: {error.strerror}; scripts cannot send messages"
            return "" if before == self._failing else text
        self._poll.unregister(self._descriptor)
        os.close(self._descriptor)
        self._descriptor, self._failing = new, ""
        self._poll.register(new, select.EPOLLIN)
        return f"{self._path} was removed or replaced, and is made again; what scripts wrote meanwhile is lost"

    def close(self) -> None:
        self._poll.close()
        os.close(self._descriptor)


def _made(path: Path) -> int:
    """The FIFO, open; made if it is not there.

    The directory may belong to hacluster (`state_file`): a link that was put there is not followed, and a FIFO of
    somebody else, who could write to it, is not taken over.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        if not _is_ours(os.lstat(path)):
            path.unlink()  # a script that wrote while no daemon ran has made an ordinary file
    except FileNotFoundError:
        pass
    with suppress(FileExistsError):
        os.mkfifo(path, 0o600)
    descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_NOCTTY | os.O_CLOEXEC)
    try:
        if not _is_ours(os.fstat(descriptor)):
            raise OSError(errno.EEXIST, "somebody puts another file in its place", str(path))
        os.fchmod(descriptor, 0o600)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _is_ours(found: os.stat_result) -> bool:
    return stat.S_ISFIFO(found.st_mode) and found.st_uid == os.geteuid()
