"""The same cluster for every stack: addresses, timers, and the files that say so in each one's language.

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
_KEEPALIVED_SYNC = f"global_defs {{\n lvs_sync_daemon {INSIDE} OUT id {SYNCID}\n"


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


def write_files(profile: Profile, folder: Path) -> None:
    """ha.cf, haresources, authkeys and ldirectord.cf; keepalived.NODE.conf for keepalived.

    For connection synchronisation: sync.hbeat.yaml, and keepalived.sync.NODE.conf.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "ha.cf").write_text(_ha_cf(profile))
    resources = " ".join(f"IPaddr::{vip}/24/{interface}" for interface, vip in VIPS.items())
    (folder / "haresources").write_text(f"{NODES[0]} ldirectord::ldirectord.cf {resources}\n")
    (folder / "authkeys").write_text("auth 1\n1 sha1 failover-bench\n")
    (folder / "authkeys").chmod(0o600)
    (folder / "ldirectord.cf").write_text(_ldirectord_cf(profile))
    for number, node in enumerate(NODES):
        conf = _keepalived_conf(profile, 150 - 50 * number)
        (folder / f"keepalived.{node}.conf").write_text(conf)
        (folder / f"keepalived.sync.{node}.conf").write_text(conf.replace("global_defs {\n", _KEEPALIVED_SYNC, 1))
    (folder / "sync.hbeat.yaml").write_text(f"connection_sync: {INSIDE}/{SYNCID}\n")


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


def _keepalived_conf(profile: Profile, priority: int) -> str:
    instances = "".join(
        f"vrrp_instance {name} {{\n state BACKUP\n interface {interface}\n virtual_router_id {number}\n"
        f" priority {priority}\n advert_int {profile.beat:g}\n"
        f" virtual_ipaddress {{\n  {VIPS[interface]}/24 dev {interface}\n }}\n}}\n"
        for name, interface, number in (("OUT", OUTSIDE, 51), ("IN", INSIDE, 52))
    )
    check = (
        f'HTTP_GET {{\n   url {{\n    path /index.html\n    status_code 200\n    regex "{PAGE}"\n   }}\n'
        f"   connect_timeout {profile.timeout}\n   retry 0\n  }}"
    )
    reals = "".join(f" real_server {real} 80 {{\n  weight 1\n  inhibit_on_failure\n  {check}\n }}\n" for real in REALS)
    return (
        "global_defs {\n vrrp_version 3\n}\nvrrp_sync_group G {\n group {\n  OUT\n  IN\n }\n}\n"
        f"{instances}virtual_server {VIPS[OUTSIDE]} 80 {{\n delay_loop {profile.interval}\n lb_algo wrr\n lb_kind NAT\n"
        f" protocol TCP\n{reals}}}\n"
    )
