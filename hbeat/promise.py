"""How long a fail-over takes at the most, by the files and the interfaces of this machine."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from ipaddress import IPv4Address

from hbeat.adapters.interface_networks import networks
from hbeat.core.builtin import ADDRESSES, VIP_SCRIPTS, WARM, parse_ipaddr, parse_ipv6addr
from hbeat.core.failover_time import Path, Paths, WorstCase, worst_cases
from hbeat.core.model import LinkName, Resource
from hbeat.load import Configuration

COLD = " and the start of ldirectord"
"""warm_standby: off."""


def promised(config: Configuration) -> tuple[WorstCase, ...]:
    """One for each event; empty where there is nothing to fail over."""
    ha = config.ha
    if len(ha.nodes) < 2 or not config.groups:
        return ()
    addresses = (r for group in config.groups for r in group.resources if r.script in ADDRESSES)
    heartbeats = frozenset((medium.interface, medium.family) for medium in ha.media)
    paths = Paths(heartbeats, frozenset(map(_path, addresses)))
    sleeps = _lease_sleeps(os.uname().release)
    cases = worst_cases(ha.timing, config.safety, ha.auto_failback, config.groups, paths, lease_sleeps=sleeps)
    cold = not config.sessions.warm_standby and any(
        r.script in WARM for group in config.groups for r in group.resources
    )
    return tuple(replace(case, besides=case.besides + COLD) for case in cases) if cold else cases


def _lease_sleeps(release: str) -> bool:
    """Whether this kernel wakes no processor for the end of an IPv4 lease, as 6.13 and newer do not."""
    version = re.match(r"(\d+)\.(\d+)", release)
    return version is not None and (int(version[1]), int(version[2])) >= (6, 13)


def _path(address: Resource) -> Path:
    if address.script not in VIP_SCRIPTS:
        return parse_ipv6addr(address.arguments).interface or "", 6
    spec = parse_ipaddr(address.arguments)
    return spec.interface or _interface_of(int(IPv4Address(spec.address))), 4


def _interface_of(address: int) -> LinkName:
    """That whose network it is in, the smallest if there are several; empty without one."""
    near = [(mask, name) for name, own, mask in networks() if address & mask == own & mask]
    return max(near, default=(0, ""))[1]
