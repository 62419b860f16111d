"""The scripts in /etc/ha.d/rc.d: which are run, and their turn (reference section 12).

They run one at a time in the order of the news, called with their own type as heartbeat calls them, each with a time
limit, while heartbeats and resources go on: a takeover never waits for a hook. What heartbeat itself ships in rc.d
moves resources, which is built in here; a script under one of those names is left alone if it calls any program of
that machinery, and run if it does not.
"""

from __future__ import annotations

import os
import re
from collections import deque
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from hbeat.agents.operation import CommandOperation
from hbeat.core.events import Outcome, RunHook

RC_DIR = Path("/etc/ha.d/rc.d")
SHIPPED = frozenset({"ask_resources", "hb_takeover", "ip-request", "ip-request-resp", "status"})
LIMIT = 180.0
MAX_WAITING = 100

_MACHINERY = re.compile(rb"mach_down|ResourceManager|req_resource|takegroup|givegroup|hb_standby|ask_resources")


def find_hooks(directory: Path | None = None) -> frozenset[str]:
    """The names of the scripts that are to be run."""
    try:
        paths = sorted((directory or RC_DIR).iterdir())
    except OSError:
        return frozenset()
    return frozenset(p.name for p in paths if p.is_file() and os.access(p, os.X_OK) and not _is_built_in(p))


def _is_built_in(path: Path) -> bool:
    if path.name not in SHIPPED:
        return False
    try:
        return _MACHINERY.search(path.read_bytes()) is not None
    except OSError:
        return True


class HookQueue:
    """Scripts that wait for their turn."""

    def __init__(self) -> None:
        self._waiting: deque[RunHook] = deque()
        self._running = False

    def add(self, hook: RunHook) -> str:
        """Puts a script in line. Returns a problem, or nothing."""
        if len(self._waiting) >= MAX_WAITING:
            return f"rc.d/{hook.type}: not run, {MAX_WAITING} scripts wait already"
        self._waiting.append(hook)
        return ""

    def next(self, env: Mapping[str, str], now: float) -> CommandOperation | Outcome | None:
        """Begins the next script: the operation, or how it failed; None while one runs or when none waits."""
        if self._running or not self._waiting:
            return None
        hook = self._waiting.popleft()
        path = RC_DIR / hook.type
        told = {f"HA_{name}": value for name, value in hook.fields}
        try:
            operation = CommandOperation(
                [str(path), hook.type], {**env, **told}, partial(_judge, hook.type), LIMIT, now
            )
        except OSError as error:
            return Outcome(False, f"rc.d/{hook.type} cannot be executed: {error.strerror}")
        self._running = True
        return operation

    def ended(self) -> None:
        """The script that was begun last is over."""
        self._running = False


def _judge(type_: str, status: int, output: str) -> Outcome:
    how = f"killed by signal {-status}" if status < 0 else f"exit status {status}"
    return Outcome(status == 0, f"rc.d/{type_}: {how}{': ' + output if output else ''}")
