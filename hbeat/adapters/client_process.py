"""A program of a respawn line, as a process: its own session, its own user, nothing on its standard streams."""

from __future__ import annotations

import math
import os
import pwd
import signal
import subprocess
from collections.abc import Mapping, Sequence

from hbeat.core.events import Outcome


class ClientProcess:
    """Started at once. An operation without deadline, which ends when the process does. Raises OSError."""

    def __init__(self, user: str, argv: Sequence[str], env: Mapping[str, str]) -> None:
        account = _account(user)
        own = account.pw_uid == os.geteuid()
        self._process = subprocess.Popen(
            list(argv),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=dict(env),
            cwd="/",
            start_new_session=True,
            user=None if own else account.pw_uid,
            group=None if own else account.pw_gid,
            extra_groups=None if own else os.getgrouplist(user, account.pw_gid),
        )
        self._pidfd = os.pidfd_open(self._process.pid)
        self.deadline = math.inf
        self.status = 0
        """Exit status, once it has ended; negative: the signal that killed it."""

    @property
    def filenos(self) -> list[int]:
        return [self._pidfd]

    def step(self, now: float) -> Outcome | None:
        status = self._process.poll()
        if status is None:
            return None
        self.status = status
        os.close(self._pidfd)
        return Outcome(False)

    def terminate(self, deadline: float) -> None:
        """SIGTERM to all of its processes; SIGKILL at the deadline."""
        os.killpg(self._process.pid, signal.SIGTERM)
        self.deadline = deadline

    def expire(self, now: float) -> Outcome | None:
        """Nobody waits for it any longer; its end is seen all the same."""
        os.killpg(self._process.pid, signal.SIGKILL)
        self.deadline = math.inf
        return None


def _account(user: str) -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(user)
    except KeyError:
        raise OSError(f"there is no user {user}") from None


def check_client(user: str, program: str) -> str:
    """What keeps this program from being started as this user, with the cure, parted by "; "; or nothing."""
    try:
        _account(user)
    except OSError as error:
        return f"{error}; create it, or name another"
    if not (os.path.isfile(program) and os.access(program, os.X_OK)):
        return f"{program} is no executable file; install it, or remove the line"
    return ""
