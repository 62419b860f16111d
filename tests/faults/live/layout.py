"""The pairs that faults are played on: their cables, their files, and where each address is at home."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address, IPv6Address

from migration.observer import Address
from tests.system.pair import GATEWAY, HA_CF, HARESOURCES, HOSTS, NAMES, VIP

ONE, TWO = NAMES
SECOND_VIP = IPv4Address("10.1.1.11")
REALS = ("192.168.2.236", "192.168.2.237", "192.168.2.238")
LEASE, DEADTIME = 1.0, 0.5
GUEST_LEASE, GUEST_DEADTIME = 4.0, 4.0
"""In a guest, with one processor and slow system calls for everybody."""


@dataclass(frozen=True, slots=True)
class Layout:
    """hosts: of each node, its addresses on eth0, eth1 ... homes: the node that haresources names, for each address.

    directors: their configurations by file name; with some, the kernel has to have ip_vs. deadtime: that of ha_cf.
    """

    hosts: Mapping[str, tuple[str, ...]]
    ha_cf: str
    haresources: str
    homes: Mapping[Address, str]
    hbeat_yaml: str = f"vip_lease: {LEASE:g}s\nlink_hold_down: 1s\n"
    directors: Mapping[str, str] = field(default_factory=dict)
    deadtime: float = DEADTIME


def director_cf(virtual: IPv4Address, *reals: str) -> str:
    """Checks a web page every second."""
    return (
        f"checktimeout=1\nnegotiatetimeout=1\ncheckinterval=1\nquiescent=yes\nvirtual={virtual}:80\n"
        + "".join(f"\treal={real}:80 masq\n" for real in reals)
        + '\tservice=http\n\trequest="index.html"\n\treceive="ok"\n\tscheduler=wrr\n\tprotocol=tcp\n'
    )


ONE_GROUP = Layout(HOSTS, HA_CF, HARESOURCES, {VIP: ONE, GATEWAY: ONE})
"""Heartbeats on the two cables that the addresses are on, too."""

TWO_GROUPS = Layout(
    {ONE: (*HOSTS[ONE], "10.9.9.2"), TWO: (*HOSTS[TWO], "10.9.9.3")},
    "".join(line for line in HA_CF.splitlines(keepends=True) if not line.startswith("ucast"))
    + "ucast eth2 10.9.9.2\nucast eth2 10.9.9.3\n",
    HARESOURCES + f"{TWO} IPaddr::{SECOND_VIP}/24/eth0 IPv6addr::fd00:0:0:0:0:0:0:11/64/eth0\n",
    {VIP: ONE, GATEWAY: ONE, SECOND_VIP: TWO, IPv6Address("fd00::11"): TWO},
)
"""Each node has one, and heartbeats have a third cable for themselves: who loses that one does not lose a client."""

LEGACY = replace(ONE_GROUP, ha_cf=HA_CF.replace("auto_failback on", "auto_failback legacy"))
"""What an ha.cf without the line means."""

WITH_DIRECTOR = Layout(
    HOSTS,
    HA_CF.replace("100ms", "500ms").replace("1500ms", "12").replace("deadtime 500ms", f"deadtime {GUEST_DEADTIME:g}"),
    HARESOURCES.replace(f"{ONE} ", f"{ONE} ldirectord::ldirectord.cf "),
    ONE_GROUP.homes,
    f"vip_lease: {GUEST_LEASE:g}s\nlink_hold_down: 1s\nconnection_sync: eth1/5\n",
    {"ldirectord.cf": director_cf(VIP, *REALS)},
    GUEST_DEADTIME,
)

TWO_DIRECTORS = replace(
    WITH_DIRECTOR,
    haresources=WITH_DIRECTOR.haresources + f"{TWO} ldirectord::second.cf IPaddr::{SECOND_VIP}/24/eth0\n",
    homes={**WITH_DIRECTOR.homes, SECOND_VIP: TWO},
    directors={"ldirectord.cf": director_cf(VIP, *REALS[:2]), "second.cf": director_cf(SECOND_VIP, REALS[2])},
)
"""Each node serves with one, and keeps that of the other warm."""
