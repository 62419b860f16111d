"""What the operator is told when datagrams cannot be sent: that it began, and that it is over.

A full queue, a firewall, a cable that is out: each heartbeat that cannot leave is an error of the kernel's, and the
next heartbeat tries again. One line tells of the first; the line that it works again comes when nothing has failed for
CALM seconds, with the number that were lost. So a destination that works half of the time has its say but no flood.
"""

from __future__ import annotations

from dataclasses import dataclass

from hbeat.core.model import LinkName

CALM = 10.0


@dataclass(frozen=True, slots=True)
class Target:
    """Where datagrams of a medium go. family: 4 or 6; ttl: of multicast."""

    family: int
    interface: LinkName
    address: str
    port: int
    ttl: int


class Sending:
    """Into one direction, named `where` in the log."""

    def __init__(self, where: str) -> None:
        self._where = where
        self._told = ""
        self._quiet_until = 0.0
        self._failed = 0

    def result(self, problem: str, now: float) -> str:
        """How one datagram fared: the kernel's words, or nothing when it was sent. Returns a line for the log, or "".

        Another problem than the one told is told as well, CALM seconds after the last at the earliest.
        """
        if problem:
            quiet, self._quiet_until = now < self._quiet_until, now + CALM
            self._failed += 1
            if self._told and (quiet or problem == self._told):
                return ""
            self._told = problem
            return f"cannot send on {self._where}: {problem}"
        if not self._told or now < self._quiet_until:
            return ""
        failed, self._told, self._failed = self._failed, "", 0
        return f"sending on {self._where} works again ({failed} not sent)"
