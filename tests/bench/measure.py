"""What a process tree has cost: processor time, time it waited for a processor, memory; read from /proc.

Processor time is the scheduler's own count in nanoseconds (first number of schedstat) of all threads, plus that of
children that have ended (cutime, cstime of stat, in clock ticks). Run-queue wait is the second number: how long the
tree was ready to run and did not get a processor. Where the kernel has no schedstat, ticks are all there is.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h
TICK = 1 / os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Cost:
    """cpu and wait in seconds since the tree began, rss in bytes now."""

    cpu: float = 0.0
    wait: float = 0.0
    rss: int = 0

    def __sub__(self, before: Cost) -> Cost:
        return Cost(self.cpu - before.cpu, self.wait - before.wait, self.rss)


def cost_of(pids: list[int]) -> Cost:
    """The cost of these processes; those that are gone by now count nothing."""
    cpu = wait = 0.0
    rss = 0
    for pid in pids:
        with suppress(OSError, IndexError):
            fields = _stat(pid)
            own_ticks, children_ticks = fields[11] + fields[12], fields[13] + fields[14]
            run, queued = _scheduled(pid)
            cpu += (run if run is not None else own_ticks * TICK) + children_ticks * TICK
            wait += queued
            rss += int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE
    return Cost(cpu, wait, rss)


def tree(pid: int) -> list[int]:
    """The process and all its descendants."""
    children: dict[int, list[int]] = {}
    for other in _processes():
        with suppress(OSError):
            children.setdefault(_stat(other)[1], []).append(other)
    found, rest = [], [pid]
    while rest:
        found.append(rest.pop())
        rest += children.get(found[-1], [])
    return found


def guest_cost() -> Cost:
    """What the guests that were started by this process cost the machine, everything inside them together.

    A guest cannot say itself what a program costs: its clock ticks 100 times a second, and a program that is woken by a
    tick and sleeps before the next is never seen at work.
    """
    return cost_of([pid for pid in tree(os.getpid()) if name_of(pid).startswith("linux")])


def name_of(pid: int) -> str:
    """The kernel's name for the process, "" when it is gone."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/comm").read_text().strip()
    return ""


def adopt_orphans() -> None:
    """From now on a daemon that detaches itself becomes a child of this process, so that tree() finds it."""
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "cannot become the reaper of orphans")


def _processes() -> Iterator[int]:
    return (int(name) for name in os.listdir("/proc") if name.isdigit())


def _stat(pid: int) -> list[int]:
    """The numbers after the name and the state: [1] is the parent, [11] to [14] the times."""
    text = Path(f"/proc/{pid}/stat").read_text()
    return [0, *map(int, text[text.rindex(")") + 2 :].split()[1:])]


def _scheduled(pid: int) -> tuple[float | None, float]:
    """Seconds on a processor and waiting for one, of all threads."""
    run = queued = 0.0
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            words = Path(f"/proc/{pid}/task/{thread}/schedstat").read_text().split()
            run, queued = run + int(words[0]) / 1e9, queued + int(words[1]) / 1e9
    except FileNotFoundError:
        return None, 0.0
    return run, queued
