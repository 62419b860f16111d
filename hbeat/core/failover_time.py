"""How long clients are without service at the most, by what has happened to a node: what the files amount to.

From the event to the last address on the other node. Everything here follows from timers; what is no timer (netlink,
the director's table, one frame of ARP) takes some ten milliseconds on an idle machine and is allowed for with
`REST`. Start scripts take what they take, on top.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from hbeat.core.builtin import BUILTIN
from hbeat.core.guard import CERTAIN, ORPHANED, Guard
from hbeat.core.membership import OVERDUE
from hbeat.core.model import ResourceGroup, Safety, Timing

REST = 0.1
KERNEL_LATE = 0.06
"""The kernel removes an address so much later than its lease says, at the most."""


@dataclass(frozen=True, slots=True)
class WorstCase:
    """seconds: None when nothing is taken over for this; then `why` says so."""

    event: str
    seconds: float | None
    why: str = ""

    def __str__(self) -> str:
        return f"{self.why} {self.event}" if self.seconds is None else f"{self.seconds:.3g} s {self.event}"


def worst_cases(timing: Timing, safety: Safety, groups: Iterable[ResourceGroup]) -> tuple[WorstCase, ...]:
    """For the events that an operator asks about first, with a peer of our kind that has the same files."""
    built_in = all(r.script in BUILTIN for group in groups for r in group.resources)
    return (
        WorstCase("after a power cut", timing.deadtime + REST),
        _hung(timing, safety, built_in=built_in),
        _cable(timing, safety),
    )


def sentence(cases: Iterable[WorstCase]) -> str:
    """One line for an operator."""
    return f"fail-over takes at most {', '.join(map(str, cases))}"


def _hung(timing: Timing, safety: Safety, *, built_in: bool) -> WorstCase:
    event = "when the daemon is killed or hangs"
    if safety.vip_lease is None:
        if safety.arp_guard:
            return WorstCase(event, None, "for ever (vip_lease is off: its machine keeps the addresses)")
        return WorstCase(event, timing.deadtime + REST)
    gone, guard = safety.vip_lease + KERNEL_LATE, Guard(timing.deadtime)
    if not safety.arp_guard:
        return WorstCase(event, max(timing.deadtime, gone) + REST)
    free = max(timing.deadtime, gone + max(guard.window, CERTAIN))
    orphaned = max(gone, OVERDUE * timing.keepalive) + ORPHANED * guard.pause
    return WorstCase(event, (min(free, orphaned) if built_in else free) + REST)


def _cable(timing: Timing, safety: Safety) -> WorstCase:
    event = "when a cable is pulled"
    if safety.link_hold_down is not None:
        return WorstCase(event, REST)
    return WorstCase(event, None, "for ever (link_hold_down is off, and another cable carries heartbeats)")
