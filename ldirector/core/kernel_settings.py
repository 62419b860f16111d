"""Kernel settings that decide whether clients hang, whatever the table says (ipvs-sysctl.rst, ip-sysctl.rst).

They are looked at when the configuration is taken, and told with what they do; `sysctl: manage` in ldirector.yaml sets
them. None is put back at the end: another program may count on it by then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ldirector.core.model import Forwarding, Virtual


@dataclass(frozen=True, slots=True)
class KernelSetting:
    """A setting, by its sysctl name, the value it should have, and what happens to clients where it has another."""

    name: str
    wanted: int
    otherwise: str
    concerns: Callable[[Virtual], bool]


_NOT_FORWARDED = "packets to and from servers with masq are not forwarded: no client is served"


def _forwards(virtual: Virtual, *, ipv6: bool) -> bool:
    return any(r.forwarding is Forwarding.MASQ and (":" in r.key.address) is ipv6 for r in virtual.reals)


SETTINGS = (
    KernelSetting("net.ipv4.ip_forward", 1, _NOT_FORWARDED, lambda virtual: _forwards(virtual, ipv6=False)),
    KernelSetting("net.ipv6.conf.all.forwarding", 1, _NOT_FORWARDED, lambda virtual: _forwards(virtual, ipv6=True)),
    KernelSetting(
        "net.ipv4.vs.expire_nodest_conn",
        1,
        "with quiescent=no, clients of a server that was removed hang until they give up by themselves",
        lambda virtual: not virtual.quiescent,
    ),
    KernelSetting(
        "net.ipv4.vs.expire_quiescent_template",
        1,
        "with persistent= and quiescent=yes, clients go on being sent to their server while it is at weight 0",
        lambda virtual: virtual.quiescent and virtual.state.persistent > 0,
    ),
    KernelSetting(
        "net.ipv4.vs.conn_reuse_mode",
        1,
        "a client that uses a port again is sent to the server of its last connection, at weight 0, too",
        lambda virtual: virtual.quiescent,
    ),
)
"""The order of the manual."""


@dataclass(frozen=True, slots=True)
class Deviation:
    """A setting that concerns some virtual and has another value."""

    setting: KernelSetting
    found: int


def deviations(virtuals: Iterable[Virtual], read: Callable[[str], int | None]) -> list[Deviation]:
    """What should be otherwise for these virtuals. read: the value by name, None where the kernel has none."""
    virtuals = tuple(virtuals)
    found = []
    for setting in SETTINGS:
        if any(setting.concerns(virtual) for virtual in virtuals):
            value = read(setting.name)
            if value is not None and value != setting.wanted:
                found.append(Deviation(setting, value))
    return found
