"""What a status command shows: plain values, no live objects. Times are monotonic seconds of the daemon's clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ldirector.core.health import Health, State
from ldirector.core.model import Real, RealKey, RealState, Virtual, real_name, virtual_name
from ldirector.core.negotiate import Probe, Standing


@dataclass(frozen=True, slots=True)
class RealStatus:
    """state: unknown, up or down, since when and why. weight: in the table now, None when absent.

    check: negotiate http, connect, ping, external, on or off. failures: failed checks in a row
    while up; successes: good ones in a row while down.
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
    successes: int


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
    """role: active or standby. ready: each real that is probed has had a verdict.

    vouched: none is seen from here, and all serve on the other node's word.
    """

    role: str
    ready: bool
    vouched: bool
    virtuals: tuple[VirtualStatus, ...]


def virtual_status(
    virtual: Virtual,
    present: Mapping[RealKey, RealState] | None,
    reals: Sequence[tuple[Real, Health, Probe | Standing]],
    retrying: bool,
) -> VirtualStatus:
    """One virtual; present: its reals in the table, None when it is not there."""
    entries = present or {}
    fallback = virtual.fallback
    none_up = all(health.state is not State.UP for _, health, _ in reals)
    return VirtualStatus(
        name=virtual_name(virtual.key),
        protocol=virtual.key.protocol,
        scheduler=virtual.state.scheduler,
        in_table=present is not None,
        reals=tuple(_real_status(real, entries.get(real.key), health, check) for real, health, check in reals),
        fallback=real_name(fallback.key) if fallback else "",
        fallback_active=fallback is not None and fallback.key in entries and none_up,
        retrying=retrying,
    )


def _real_status(real: Real, entry: RealState | None, health: Health, check: Probe | Standing) -> RealStatus:
    words = check.value if isinstance(check, Standing) else f"{check.spec.method} {check.spec.service}".strip()
    return RealStatus(
        name=real_name(real.key),
        state=health.state.value,
        since=health.since,
        reason=health.reason,
        weight=entry.weight if entry else None,
        configured_weight=real.weight,
        forwarding=real.forwarding.value,
        check=words,
        failures=health.failures,
        successes=health.successes,
    )
