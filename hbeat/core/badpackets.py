"""Counts the datagrams that were not accepted, by reason, and says so without filling the disk.

A wrong key or a scanner produces the same complaint for every datagram: the first of a reason is noted at once, then
one line per minute with the number since. What is remembered does not grow with what is sent.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import Enum

from hbeat.core.events import Effect, Level, Note
from hbeat.core.model import LinkName

QUIET = 60.0


class Reason(Enum):
    """Why a datagram was dropped; the words are those of `hbeat status`."""

    MALFORMED = "malformed"  # not a message, or a field is missing that every message has
    UNKNOWN_KEY = "unknown key"  # its number is not in authkeys
    WEAK_KEY = "weak key"  # listed, but of a weaker method than the one we send with
    BAD_SIGNATURE = "bad signature"
    UNKNOWN_NODE = "unknown node"  # signed by us or our peer, and ha.cf names neither
    NAMESAKE = "name of this node"  # signed, and no life of this node can have sent it
    STALE = "stale"  # of an earlier life of the peer, or does not answer this one of ours
    REPLAY = "replay"  # its number was used already; what is sent again after a loss counts here on the second cable
    ECHO = "unexpected echo"  # an echo reply that nobody waits for


@dataclass(slots=True)
class _Noted:
    at: float
    since: int = 0


class BadPackets:
    """enabled: ha.cf log_badpack; the counters run in any case."""

    def __init__(self, enabled: bool) -> None:
        self.enabled = enabled
        self.by_reason: Counter[Reason] = Counter()
        self.by_link: Counter[LinkName] = Counter()
        self._noted: dict[Reason, _Noted] = {}

    def count(self, link: LinkName, reason: Reason) -> None:
        """One datagram was dropped, and there is nothing to say about it."""
        self.by_reason[reason] += 1
        self.by_link[link] += 1

    def note(self, link: LinkName, reason: Reason, problem: str, now: float) -> list[Effect]:
        """One datagram was dropped; problem is what the operator should read."""
        self.count(link, reason)
        if not self.enabled:
            return []
        noted = self._noted.get(reason)
        if noted is not None and now - noted.at < QUIET:
            noted.since += 1
            return []
        self._noted[reason] = _Noted(now)
        repeated = f" ({noted.since} more with this reason in between)" if noted is not None and noted.since else ""
        return [Note(Level.WARNING, f"datagram on {link} dropped: {reason.value}: {problem}{repeated}")]
