"""One daemon of ours on a machine: the lock that it has, and who is waited for before it can be had."""

from __future__ import annotations

import os
import sys
import time

from hbeat import client
from hbeat.core.phase import Phase

PATIENCE = 10.0
"""Seconds for one that runs and does not answer; it may be about to begin or to end."""


class AlreadyRunning(Exception):
    """There is a daemon of ours. well: it answers."""

    def __init__(self, text: str, *, well: bool) -> None:
        super().__init__(text)
        self.well = well


def become_the_one() -> int:
    """The lock of this machine's one daemon. Waits for one that is stopping. Raises AlreadyRunning, OSError."""
    told, unanswered_until = False, time.monotonic() + PATIENCE
    while True:
        lock = client.take_lock()
        if lock is not None:
            if not client.is_listening():
                return lock
            os.close(lock)  # its lock file was removed, and it runs all the same
        try:
            answer = client.ask("status")
        except client.NotRunning as error:
            if time.monotonic() > unanswered_until:
                raise AlreadyRunning(f"one runs [pid {client.daemon_pid()}]; {error}", well=False) from None
        else:
            resources = answer["resources"]
            assert isinstance(resources, dict)
            if resources["phase"] != Phase.SHUTDOWN.value:
                raise AlreadyRunning(f"already running [pid {answer['pid']}]", well=True)
            unanswered_until = time.monotonic() + PATIENCE
            if not told:
                told = True
                print("heartbeat: waiting for the one that is stopping", file=sys.stderr)
        time.sleep(0.05)
