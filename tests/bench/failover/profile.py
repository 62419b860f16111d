"""The same cluster for every stack: addresses, timers, and the files that say so.

Two directors with an outside and an inside cable, three web servers behind them (NAT), a client outside: the network of
tests and manuals of all three stacks. The virtual addresses, outside and inside, belong to the first director.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

NODES = ("test1.com", "test2.com")
OUTSIDE, INSIDE = "eth0", "eth1"
ADDRESSES = {
    "test1.com": {OUTSIDE: "10.1.1.2", INSIDE: "192.168.2.241"},
    "test2.com": {OUTSIDE: "10.1.1.3", INSIDE: "192.168.2.242"},
}
VIPS = {OUTSIDE: "10.1.1.10", INSIDE: "192.168.2.240"}
REALS = ("192.168.2.236", "192.168.2.237", "192.168.2.238")
PAGE = "ok"
SYNCID = 5
CABLES = {"outside cable": OUTSIDE, "inside cable": INSIDE}


@dataclass(frozen=True, slots=True)
class Profile:
    """beat: seconds between heartbeats or adverts. dead: silence that is death; VRRP has its own formula, 3 to 4 beats.

    interval, timeout: of the checks.
    """

    name: str
    beat: float
    dead: float
    interval: int
    timeout: int


PROFILES = {p.name: p for p in (Profile("1s", 1.0, 3.0, 5, 3), Profile("100ms", 0.1, 0.3, 1, 1))}


def write_files(profile: Profile, folder: Path, sync: bool) -> None:
    """ha.cf, haresources, authkeys and ldirectord.cf; sync: with hbeat.yaml, for connection synchronisation."""
    folder.mkdir(parents=True)
    (folder / "ha.cf").write_text(_ha_cf(profile))
    resources = " ".join(f"IPaddr::{vip}/24/{interface}" for interface, vip in VIPS.items())
    (folder / "haresources").write_text(f"{NODES[0]} ldirectord::ldirectord.cf {resources}\n")
    (folder / "authkeys").write_text("auth 1\n1 sha1 failover-bench\n")
    (folder / "authkeys").chmod(0o600)
    (folder / "ldirectord.cf").write_text(_ldirectord_cf(profile))
    if sync:
        (folder / "hbeat.yaml").write_text(f"connection_sync: {INSIDE}/{SYNCID}\n")


def _ha_cf(profile: Profile) -> str:
    links = "".join(f"ucast {i} {address[i]}\n" for i in (OUTSIDE, INSIDE) for address in ADDRESSES.values())
    return (
        f"logfacility local0\nkeepalive {profile.beat * 1000:g}ms\nwarntime {profile.dead * 500:g}ms\n"
        f"deadtime {profile.dead * 1000:g}ms\ninitdead {max(profile.dead, 4) * 1000:g}ms\nudpport 694\n{links}"
        f"auto_failback on\nnode {NODES[0]}\nnode {NODES[1]}\n"
    )


def _ldirectord_cf(profile: Profile) -> str:
    reals = "".join(f"\treal={real}:80 masq\n" for real in REALS)
    return (
        f"checktimeout={profile.timeout}\nnegotiatetimeout={profile.timeout}\ncheckinterval={profile.interval}\n"
        f'autoreload=no\nlogfile="local0"\nquiescent=yes\nvirtual={VIPS[OUTSIDE]}:80\n{reals}'
        f'\tservice=http\n\trequest="index.html"\n\treceive="{PAGE}"\n\tscheduler=wrr\n\tprotocol=tcp\n'
    )
