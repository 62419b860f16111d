"""A process that stands for another machine (the client, the real servers) beside the nodes in one lab."""

from __future__ import annotations

import os
import signal
import traceback
from collections.abc import Callable
from pathlib import Path

from migration.namespaces import die_with_parent

PRIORITY = 20


def fork_machine(name: str, run: Callable[[], None]) -> int:
    """Run `run` in a child of its own, which ps shows by this name; returns its pid. It dies with us, and its errors go
    to stderr.

    The child has a realtime priority: the machine it stands for has its own processors, so a node that boots on the
    one processor of a guest must not hold it up. (It uses a few per cent of that processor.)
    """
    pid = os.fork()
    if pid:
        return pid
    try:
        die_with_parent()
        Path("/proc/self/comm").write_text(name)
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(PRIORITY))
        run()
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(1)


def end_machine(pid: int) -> None:
    """Kill it and wait until it is gone."""
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
