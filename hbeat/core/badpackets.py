"""Counts the datagrams that were not accepted, and says so without filling the disk.

A wrong key or a scanner produces the same complaint for every datagram: the first of a kind is noted at once, then
one line per minute with the number since.
"""

from __future__ import annotations

from collections import Counter

from hbeat.core.events import Effect, Level, Note
from hbeat.core.model import LinkName

QUIET = 60.0
MAX_KINDS = 64
"""So many different complaints are told apart; a sender of nonsense cannot make us remember more."""


class BadPackets:
    """enabled: ha.cf log_badpack; the counters run in any case."""

    def __init__(self, enabled: bool) -> None:
        self.enabled = enabled
        self.total: Counter[LinkName] = Counter()
        self._noted: dict[tuple[LinkName, str], tuple[float, int]] = {}

    def note(self, link: LinkName, problem: str, now: float) -> list[Effect]:
        """One datagram was dropped."""
        self.total[link] += 1
        if not self.enabled:
            return []
        kind = (link, problem[:80])
        if kind not in self._noted and len(self._noted) >= MAX_KINDS:
            kind = (link, "other problems")
        last, since = self._noted.get(kind, (-QUIET, 0))
        if now - last < QUIET:
            self._noted[kind] = (last, since + 1)
            return []
        self._noted[kind] = (now, 0)
        repeated = f" ({since} more of these in between)" if since else ""
        return [Note(Level.WARNING, f"datagram on {link} dropped: {problem}{repeated}")]
