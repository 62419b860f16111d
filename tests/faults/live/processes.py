"""The processes of ours in a node, as /proc of this machine has them: their names, pids, memory and descriptors.

A node's process 1 is the lab's; what it has for children are the daemons. Commands that a test runs in the node are
children of the test.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

KEEPER, DAEMON, RECORDER, TELLER, DIRECTOR = "hbeat-keeper", "hbeat", "hbeat-recorder", "hbeat-teller", "ldirectord"
"""The process in front of the daemon, the daemon, its children that write hb_peer and look at connections, and the
health checker."""
COMMAND = "command"
"""What a daemon has begun and waits for, as `ldirectord start`; it ends by itself."""
START_TIME = 22 - 3
"""Which word after the name of the process (proc_pid_stat(5), field 22)."""
TELLER_MODULE = b"hbeat.connection_teller"


def daemons(init: int) -> list[tuple[str, int, int, int, float]]:
    """(name, pid, KiB of memory, descriptors, monotonic time of its start) of each, commands left out; pids are those
    of this machine. init: the node's process 1."""
    found = []
    for name, pid in named(init):
        if name == COMMAND:
            continue
        with suppress(OSError, StopIteration):  # it has ended meanwhile
            found.append((name, pid, _memory(pid), len(os.listdir(f"/proc/{pid}/fd")), _born(pid)))
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
        if state == "Z":
            return ""
        if parent == DAEMON and TELLER_MODULE in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0"):
            return TELLER
        if not called.startswith((DAEMON, DIRECTOR)):
            return ""
        if called == DIRECTOR and parent:
            return COMMAND
        return RECORDER if called == DAEMON and parent == DAEMON else called
    return ""


def _memory(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))


def _born(pid: int) -> float:
    """/proc/PID/stat counts the ticks from the boot on, sleep of the machine included."""
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    slept = time.clock_gettime(time.CLOCK_BOOTTIME) - time.monotonic()
    return int(words[START_TIME]) / os.sysconf("SC_CLK_TCK") - slept
