"""The table that a configuration comes to, without a daemon: every server answers, or all but one."""

from __future__ import annotations

from collections.abc import Iterable

from ldirector.core.health import State
from ldirector.core.model import Real, Service, Table, Virtual
from ldirector.core.negotiate import Probe, Standing, choose
from ldirector.core.pool import wanted


def preview(virtuals: Iterable[Virtual], down: str | None = None) -> Table:
    """What the kernel would hold. down: the address of a server that does not answer."""
    return {virtual.key: preview_of(virtual, down) for virtual in virtuals}


def preview_of(virtual: Virtual, down: str | None = None) -> Service:
    """One virtual of it."""
    return wanted(virtual, {real.key: _state(virtual, real, down) for real in virtual.reals})


def _state(virtual: Virtual, real: Real, down: str | None) -> State:
    check = choose(virtual, real).check
    if isinstance(check, Probe):
        return State.DOWN if down is not None and check.spec.address == down else State.UP
    return State.DOWN if check is Standing.OFF else State.UP
