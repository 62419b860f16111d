"""What a status command shows: plain values, no live objects. Times are monotonic seconds of the daemon's clock."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RealStatus:
    """state: unknown, up or down, since when and why. weight: in the table now, None when absent.

    check: negotiate http, connect, external, on, off or unchecked. failures: failed checks in a row while up.
    """

    name: str
    state: str
    since: float
    reason: str
    weight: int | None
    configured_weight: int
    forwarding: str
    check: str
    failures: int


@dataclass(frozen=True, slots=True)
class VirtualStatus:
    """in_table: the kernel has it. fallback: its name, "" when there is none. retrying: the kernel refused a change."""

    name: str
    protocol: str
    scheduler: str
    in_table: bool
    reals: tuple[RealStatus, ...]
    fallback: str
    fallback_active: bool
    retrying: bool


@dataclass(frozen=True, slots=True)
class Snapshot:
    """role: active or standby. ready: each real that is probed has had a verdict."""

    role: str
    ready: bool
    virtuals: tuple[VirtualStatus, ...]
