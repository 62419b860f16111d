"""The processes of ours in a node, as /proc of this machine has them: their names, pids, memory and descriptors.

A node's process 1 is the lab's; what it has for children are the daemons. Commands that a test runs in the node are
children of the test.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

KEEPER, DAEMON, RECORDER, DIRECTOR = "hbeat-keeper", "hbeat", "hbeat-recorder", "ldirectord"
"""The process in front of the daemon, the daemon, its child that writes hb_peer, and the health checker."""


def daemons(init: int) -> list[tuple[str, int, int, int]]:
    """(name, pid, KiB of memory, descriptors) of each; pids are those of this machine. init: the node's process 1."""
    found = []
    for name, pid in named(init):
        with suppress(OSError, StopIteration):  # it has ended meanwhile
            found.append((name, pid, _memory(pid), len(os.listdir(f"/proc/{pid}/fd"))))
    return found


def named(init: int) -> Iterator[tuple[str, int]]:
    """Name and pid of each, zombies left out."""
    yield from _below(init, "")


def find(init: int, name: str) -> list[int]:
    """The pids of those that are called so."""
    return [pid for called, pid in named(init) if called == name]


def _below(pid: int, parent: str) -> Iterator[tuple[str, int]]:
    with suppress(OSError):
        for task in os.listdir(f"/proc/{pid}/task"):
            for child in map(int, Path(f"/proc/{pid}/task/{task}/children").read_text().split()):
                name = _name(child, parent)
                if name:
                    yield name, child
                yield from _below(child, name)


def _name(pid: int, parent: str) -> str:
    """The name of a process of ours; nothing for others (scripts, zombies)."""
    with suppress(OSError):
        words = Path(f"/proc/{pid}/stat").read_text()
        called, state = words[words.index("(") + 1 : words.rindex(")")], words[words.rindex(")") + 2]
        if state == "Z" or not called.startswith((DAEMON, DIRECTOR)):
            return ""
        return RECORDER if called == DAEMON and parent == DAEMON else called
    return ""


def _memory(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))
