"""How long clients are without service at the most, by what has happened to a node: what the files amount to.

From the event to the last address on the other node. Everything here follows from timers; what is no timer (netlink,
the director's table, one frame of ARP) takes some ten milliseconds on an idle machine and is allowed for with
`REST`. Start scripts, and an ldirectord that is not kept warm, take what they take, on top.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from hbeat.core.builtin import BUILTIN
from hbeat.core.guard import CERTAIN, ORPHANED, Guard
from hbeat.core.membership import OVERDUE
from hbeat.core.model import Failback, LinkName, ResourceGroup, Safety, Timing

REST = 0.1
KERNEL_LATE = 0.25
"""The kernel removes an address so much later than its lease says, at the most: it rounds the end of a lease up to a
second of its own clock that is no further away."""
ASLEEP = " and the sleep of an idle processor"
"""Linux 6.13 and newer wake no processor for the end of a lease: it comes with the next thing that this one has to do.
Seen on an idle machine: one second later."""

Path = tuple[LinkName, int]
"""An interface, and the family (4 or 6) of what is on it. An interface that is not known is empty."""


@dataclass(frozen=True, slots=True)
class Paths:
    """heartbeats: over which they go. addresses: where the virtual ones belong."""

    heartbeats: frozenset[Path]
    addresses: frozenset[Path]

    def without_heartbeats(self, interface: LinkName) -> bool:
        """Nothing may be heard any more when this cable is out."""
        names = {name for name, _ in self.heartbeats}
        return names <= {interface} or (not interface and len(names) == 1)


@dataclass(frozen=True, slots=True)
class WorstCase:
    """seconds: None when nothing is taken over for this; then `why` says so. besides: what comes on top of them."""

    event: str
    seconds: float | None
    why: str = ""
    besides: str = ""

    def __str__(self) -> str:
        return (
            f"{self.why} {self.event}" if self.seconds is None else f"{self.seconds:.3g} s{self.besides} {self.event}"
        )


def worst_cases(
    timing: Timing,
    safety: Safety,
    failback: Failback,
    groups: Iterable[ResourceGroup],
    paths: Paths,
    *,
    lease_sleeps: bool = False,
) -> tuple[WorstCase, ...]:
    """For the events that an operator asks about first, with a peer of our kind that has the same files. lease_sleeps:
    the end of a lease wakes no processor."""
    built_in = all(r.script in BUILTIN for group in groups for r in group.resources)
    # its machine has to answer for itself where its addresses are missed (`guard`)
    judged = bool(paths.addresses) and paths.addresses <= paths.heartbeats and failback is not Failback.LEGACY
    return (
        WorstCase("after a power cut", timing.deadtime + REST),
        _hung(timing, safety, provable=built_in and judged, besides=ASLEEP if lease_sleeps else ""),
        _cable(timing, safety, failback, paths),
    )


def sentence(cases: Iterable[WorstCase]) -> str:
    """One line for an operator."""
    return f"fail-over takes at most {', '.join(map(str, cases))}"


def _hung(timing: Timing, safety: Safety, *, provable: bool, besides: str) -> WorstCase:
    event = "when the daemon is killed or hangs"
    if safety.vip_lease is None:
        if safety.arp_guard:
            return WorstCase(event, None, "for ever (vip_lease is off: its machine keeps the addresses)")
        return WorstCase(event, timing.deadtime + REST)
    gone, guard = safety.vip_lease + KERNEL_LATE, Guard(timing.deadtime)
    if not safety.arp_guard:
        return WorstCase(event, max(timing.deadtime, gone) + REST, besides=besides)
    free = max(timing.deadtime, gone + max(guard.window, CERTAIN))
    orphaned = max(gone, OVERDUE * timing.keepalive) + ORPHANED * guard.pause
    return WorstCase(event, (min(free, orphaned) if provable else free) + REST, besides=besides)


def _cable(timing: Timing, safety: Safety, failback: Failback, paths: Paths) -> WorstCase:
    """The worst of the cables that virtual addresses need."""
    event, cables = "when a cable is pulled", {name for name, _ in paths.addresses}
    silent = {name for name in cables if paths.without_heartbeats(name)}
    stays = "link_hold_down is off" if safety.link_hold_down is None else ""
    stays = "auto_failback is legacy" if failback is Failback.LEGACY else stays
    if stays and cables - silent:
        return WorstCase(event, None, f"for ever ({stays}, and another cable carries heartbeats)")
    return WorstCase(event, timing.deadtime + REST if silent else REST)
