"""Looks at the kernel's settings for a configuration, and does about them what hbeat.yaml says."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from ipaddress import IPv4Address

from hbeat.adapters import sysctl
from hbeat.adapters.interface_networks import networks
from hbeat.adapters.ipaddr import AddressError
from hbeat.agents.address import AddressAgent
from hbeat.core.builtin import SYNC_SWAP, VIP_SCRIPTS
from hbeat.core.events import Level, Note
from hbeat.core.kernel_settings import Circumstances, Deviation, deviations
from hbeat.core.model import SysctlRule
from hbeat.load import Configuration


def settle(config: Configuration, agent: AddressAgent) -> Iterator[Note]:
    """Lines for the log: what was set, or what somebody should set, and why."""
    rule = config.sessions.sysctl
    if rule is SysctlRule.OFF:
        return
    for deviation in deviations(_circumstances(config, agent), sysctl.read):
        yield _managed(deviation) if rule is SysctlRule.MANAGE else Note(Level.WARNING, _told(deviation))


def _circumstances(config: Configuration, agent: AddressAgent) -> Circumstances:
    resources = [resource for group in config.groups for resource in group.resources]
    vips = []
    for resource in (r for r in resources if r.script in VIP_SCRIPTS):
        with suppress(AddressError, OSError):  # what is wrong with it, its start will tell
            address, interface, _ = agent.locate(resource)
            vips.append((interface, int(IPv4Address(address))))
    return Circumstances(
        tuple(vips),
        tuple(networks()),
        leased=config.safety.vip_lease is not None,
        synchronised=config.sessions.connection_sync is not None or any(r.script == SYNC_SWAP for r in resources),
    )


def _managed(deviation: Deviation) -> Note:
    try:
        sysctl.write(deviation.name, deviation.wanted)
    except OSError as error:
        return Note(Level.WARNING, f"{_told(deviation)}; it cannot be set here: {error.strerror}")
    text = f"{deviation.name} is set to {deviation.wanted}, it was {deviation.found}: {deviation.otherwise}"
    return Note(Level.INFO, text)


def _told(deviation: Deviation) -> str:
    cure = f"sysctl -w {deviation.name}={deviation.wanted!r}, or sysctl: manage in hbeat.yaml".replace("'", '"')
    return f"{deviation.name} is {deviation.found}: {deviation.otherwise} ({cure})"
