"""Small virtuals and tables for the tests of the core."""

from __future__ import annotations

from dataclasses import dataclass

from ldirector.core.model import CheckType, Fallback, Forwarding, Real, RealKey, Virtual, VirtualKey, VirtualState

VIP = VirtualKey("tcp", 4, "10.1.1.10", 80)
MARK = VirtualKey("fwm", 4, "", 0, 7)


def real(number: int, weight: int = 1, **more: object) -> Real:
    """A masq real 192.168.2.NUMBER:80."""
    given = {"key": RealKey(f"192.168.2.{number}", 80), "port": 80, "forwarding": Forwarding.MASQ, "weight": weight}
    return Real(**{**given, **more})  # type: ignore[arg-type]


def virtual(*reals: Real, key: VirtualKey = VIP, **more: object) -> Virtual:
    """A virtual with checktype=connect."""
    given = {"key": key, "state": VirtualState(), "reals": reals, "checktype": CheckType.CONNECT, "checkinterval": 2.0}
    return Virtual(**{**given, **more})  # type: ignore[arg-type]


FALLBACK = Fallback(RealKey("127.0.0.1", 80), Forwarding.GATE)


@dataclass(frozen=True)
class Config:
    """What the director needs of a configuration."""

    virtuals: tuple[Virtual, ...]
    reconcile: bool = False
    emailalertfrom: str = ""
