"""Which settings of ldirector.yaml do nothing for a virtual: nobody should rely on one that nothing looks at.

What a check looks at is asked of its specification, not of the directives that led to it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ldirector.core.events import CheckSpec
from ldirector.core.model import USUAL_HTTP, Virtual
from ldirector.core.negotiate import Probe, choose, kinds
from ldirector.core.services import HTTP_SERVICES, TLS_SERVICES

Doubt = tuple[str, str] | None
"""What and cure, None when all is well."""

Judge = Callable[[Virtual, Sequence[CheckSpec]], Doubt]
"""Asked with a virtual whose policy is that of the file, and with its checks."""

_REMOVE = "remove it"


def checks_of(virtual: Virtual) -> tuple[CheckSpec, ...]:
    """How the reals of this virtual are checked, each way once; none for those that stand by themselves."""
    probes = [check for real in kinds(virtual) if isinstance(check := choose(virtual, real).check, Probe)]
    return tuple(dict.fromkeys(probe.spec for probe in probes))


def works(virtual: Virtual, checks: Sequence[CheckSpec]) -> Doubt:
    return None


def unless_checked(virtual: Virtual, checks: Sequence[CheckSpec]) -> Doubt:
    return None if checks else ("its reals are not checked", _REMOVE)


def unless_between_states(virtual: Virtual, checks: Sequence[CheckSpec]) -> Doubt:
    """fast_interval: there must be a time at which some checks, but not enough of them, speak against the state."""
    policy = virtual.policy
    if not checks:
        return unless_checked(virtual, checks)
    if policy.rise == 1 and (policy.fall or virtual.failurecount) == 1:
        return "with rise and fall of 1 no server is ever between two states", "write fall: or rise: too, or remove it"
    if policy.fast_interval >= virtual.checkinterval:
        return f"checks come every {virtual.checkinterval:g} s anyway", "write less than checkinterval, or remove it"
    return None


def unless_tcp(virtual: Virtual, checks: Sequence[CheckSpec]) -> Doubt:
    """sentinel: it is kept to the TCP port that is checked."""
    if not virtual.policy.sentinel or any(spec.protocol == "tcp" and spec.port for spec in checks):
        return None
    return "no TCP port of its reals is checked", "remove it, or have a TCP port checked"


def unless_http(virtual: Virtual, checks: Sequence[CheckSpec]) -> Doubt:
    if any(spec.service in HTTP_SERVICES for spec in checks):
        return None
    return f"what is checked is none of {', '.join(HTTP_SERVICES)}", _REMOVE


def unless_a_body(virtual: Virtual, checks: Sequence[CheckSpec]) -> Doubt:
    if virtual.httpmethod == "HEAD":
        return "the answer to HEAD has no body", "remove it, or write httpmethod=GET"
    return unless_http(virtual, checks)


def unless_tls(virtual: Virtual, checks: Sequence[CheckSpec]) -> Doubt:
    if any(spec.service in TLS_SERVICES for spec in checks):
        return None
    return f"what is checked is none of {', '.join(TLS_SERVICES)}", _REMOVE


def unless_verified(virtual: Virtual, checks: Sequence[CheckSpec]) -> Doubt:
    if not virtual.policy.tls.verify:
        return "nothing is verified", "write verify: on too, or remove it"
    return unless_tls(virtual, checks)


def long_bodies(virtual: Virtual, checks: Sequence[CheckSpec]) -> Doubt:
    """body_limit: the time limit of a pattern is looked at between steps, and a step is as long as a line."""
    if virtual.policy.http.body_limit <= USUAL_HTTP.body_limit or not any(spec.receive for spec in checks):
        return None
    usual = USUAL_HTTP.body_limit
    why = f"in a body of more than {usual} bytes receive can hold up all other checks for longer than 50 ms"
    return why, f"write at most {usual}, or digest: in the place of receive"
