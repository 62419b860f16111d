"""Addresses alone, on this machine's own kernel: how fast two stacks move them without servers, checks and a guest.

usage: python -m tests.bench.addresses [--repeat N] [--profiles 1s,100ms,10ms] [--faults A,B] [--print]

What a guest adds to every process start and system call is not in these rows. Each node has two addresses; keepalived
runs with VRRP alone. An outage is the time in which no node has the outside address behind a cable that is plugged in,
as the kernels tell; with an inside cable out, the inside one. The rows join those of FAILOVER.json.
"""

from __future__ import annotations

import argparse
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from ipaddress import IPv4Address
from itertools import pairwise
from pathlib import Path
from random import random
from typing import Any

from migration.comparison.programs import KEEPALIVED
from migration.comparison.stacks import Keepalived, Ours, Stack, signal_all
from migration.comparison.world import Change, doubled, power_off, read_together
from migration.keepalived_conf import OTHER, OWNER
from tests.bench import peers
from tests.bench.failover.options import at_least_one, chosen
from tests.bench.failover.run import begun, show
from tests.system.pair import GATEWAY, HA_CF, NAMES, VIP, Pair

ONE, TWO = NAMES
INTERFACES = {VIP: "eth0", GATEWAY: "eth1"}
TIMERS = {"1s": (1.0, 3.0), "100ms": (0.1, 0.3), "10ms": (0.01, 0.04)}
"""Heartbeat or advert, and deadtime, seconds."""
BOUND, WATCH, REST = 30.0, 4.0, 6.0
CALM = 0.3
"""Seconds for which everything has to be where it belongs."""
HEARTBEATS = """\
table bridge b {
 chain c {
  type filter hook forward priority 0
  udp dport 694 drop
  ip protocol 112 drop
 }
}
"""


class KeepalivedAlone(Keepalived):
    """VRRP without IPVS, which need not be there."""

    options = ("--vrrp",)


def sides(beat: float) -> tuple[Stack, ...]:
    """What is compared. beat: seconds between adverts."""
    confs = {name: vrrp_conf(beat, priority) for name, priority in zip(NAMES, (OWNER, OTHER), strict=True)}
    return Ours(), KeepalivedAlone(KEEPALIVED, confs)


class Seen:
    """A pair with one stack, and what its kernels tell of the two addresses."""

    def __init__(self, folder: Path, stack: Stack, beat: float, dead: float) -> None:
        self.pair, self.stack = Pair(folder), stack
        self._changes: list[Change] = []
        self._unplugged: list[tuple[float, str, str]] = []  # since when, of which node, which interface
        ha_cf = HA_CF.replace("100ms", f"{beat * 1000:g}ms").replace("deadtime 500ms", f"deadtime {dead * 1000:g}ms")
        ha_cf = ha_cf.replace("initdead 1500ms", f"initdead {max(1.5, dead) * 1000:g}ms")
        for name in NAMES:
            self.pair.write(name, "ha.cf", ha_cf)
            stack.prepare(self.pair.nodes[name].folder / "ha.d", name)

    def start(self, name: str) -> None:
        if not self.pair.nodes[name].is_on:
            self.pair.nodes[name].boot()
        self.stack.start(self.pair.nodes[name])

    def look(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        observers = {name: node.observer for name, node in self.pair.nodes.items() if node.observer is not None}
        with selectors.DefaultSelector() as selector:
            for observer in observers.values():
                selector.register(observer, selectors.EVENT_READ)
            while (left := end - time.monotonic()) > 0:
                selector.select(left)
                self._changes += read_together(observers)

    def until_on(self, name: str) -> bool:
        """Whether this node came to have both addresses, and alone, for a moment."""
        deadline, since = time.monotonic() + BOUND, None
        while time.monotonic() < deadline:
            self.look(0.02)
            here = {n: node.observer.addresses if node.observer else set() for n, node in self.pair.nodes.items()}
            both = set(INTERFACES)
            right = both <= here[name] and not any(both & here[other] for other in NAMES if other != name)
            now = time.monotonic()
            since = (since or now) if right else None
            if since is not None and now - since >= CALM:
                return True
        return False

    def unplug(self, name: str, interface: str, *, mend: bool) -> float:
        at = time.monotonic()
        self.pair.switch.cut([self.pair.nodes[name].ports[interface]], mend=mend)
        self._unplugged = [] if mend else [(at, name, interface)]
        return at

    def power_off(self, name: str) -> float:
        at, changes = power_off(self.pair.nodes[name])
        self._changes += changes
        return at

    def row(self, fault: str, began: float, holder: str, address: IPv4Address = VIP) -> dict[str, Any]:
        """address: whose absence is the outage."""
        came = [
            max((c.at for c in self._changes if (c.address, c.node, c.present) == (vip, holder, True)), default=0.0)
            for vip in INTERFACES
        ]
        now = time.monotonic()
        return {
            "fault": fault,
            "outage": without(self._changes, self._unplugged, began, now, address),
            "requests": 0,
            "failed": 0,
            "moved": max(came) - began if min(came) >= began else None,
            "two_owners": max(doubled(self._changes, vip, began, now) for vip in INTERFACES),
            "downloads": 0,
            "survived": 0,
            "silence": None,
        }

    def close(self) -> None:
        self.pair.close()


def without(
    changes: Iterable[Change],
    unplugged: Iterable[tuple[float, str, str]],
    began: float,
    ended: float,
    address: IPv4Address = VIP,
) -> float:
    """The longest time in which nobody could be reached under the address.

    unplugged: from when on which cable of a node was out.
    """
    mine = sorted((c for c in changes if c.address == address), key=lambda c: c.at)
    instants = sorted({began, ended, *(c.at for c in mine if began < c.at < ended)})
    longest = current = 0.0
    for early, late in pairwise(instants):
        has = {c.node: c.present for c in mine if c.at <= early}
        out = {name for at, name, interface in unplugged if at <= early and interface == INTERFACES[address]}
        served = any(present and name not in out for name, present in has.items())
        current = 0.0 if served else current + late - early
        longest = max(longest, current)
    return longest


def vrrp_conf(beat: float, priority: int) -> str:
    """keepalived's file for one node: both addresses in one group."""
    instances = "".join(
        f"vrrp_instance I{number} {{\n state BACKUP\n interface {interface}\n virtual_router_id {number}\n"
        f" priority {priority}\n advert_int {beat:g}\n virtual_ipaddress {{\n  {vip}/24 dev {interface}\n }}\n}}\n"
        for number, (vip, interface) in enumerate(INTERFACES.items(), 51)
    )
    return f"global_defs {{\n vrrp_version 3\n}}\nvrrp_sync_group G {{\n group {{\n  I51\n  I52\n }}\n}}\n{instances}"


def without_power(seen: Seen) -> Iterator[dict[str, Any]]:
    began = seen.power_off(ONE)
    seen.until_on(TWO)
    yield seen.row("power-off", began, TWO)


def stop(seen: Seen) -> Iterator[dict[str, Any]]:
    began = time.monotonic()
    seen.stack.stop(seen.pair.nodes[ONE])
    seen.until_on(TWO)
    yield seen.row("stop", began, TWO)
    seen.look(REST)  # what was stopped has ended
    began = time.monotonic()
    seen.start(ONE)
    seen.until_on(ONE)
    yield seen.row("start", began, ONE)


def standby(seen: Seen) -> Iterator[dict[str, Any]]:
    """hb_standby; keepalived has nothing like it."""
    if isinstance(seen.stack, Keepalived):
        return
    began = time.monotonic()
    seen.pair.nodes[ONE].start(["hb_standby"])
    seen.until_on(TWO)
    yield seen.row("hb_standby", began, TWO)


def outside_cable(seen: Seen) -> Iterator[dict[str, Any]]:
    yield from cable(seen, "outside cable", VIP)


def inside_cable(seen: Seen) -> Iterator[dict[str, Any]]:
    yield from cable(seen, "inside cable", GATEWAY)


def cable(seen: Seen, name: str, address: IPv4Address) -> Iterator[dict[str, Any]]:
    began = seen.unplug(ONE, INTERFACES[address], mend=False)
    seen.until_on(TWO)
    yield seen.row(name, began, TWO, address)
    began = seen.unplug(ONE, INTERFACES[address], mend=True)
    seen.until_on(ONE)
    yield seen.row(f"{name} back", began, ONE, address)


def killed(seen: Seen) -> Iterator[dict[str, Any]]:
    signal_all(seen.pair.nodes[ONE], signal.SIGSTOP)
    began = time.monotonic()
    signal_all(seen.pair.nodes[ONE], signal.SIGKILL)
    seen.look(WATCH)
    yield seen.row("killed", began, TWO)


def frozen(seen: Seen) -> Iterator[dict[str, Any]]:
    began = time.monotonic()
    signal_all(seen.pair.nodes[ONE], signal.SIGSTOP)
    seen.look(WATCH)
    yield seen.row("frozen", began, TWO)


def heartbeats_cut(seen: Seen) -> Iterator[dict[str, Any]]:
    began = time.monotonic()
    with seen.pair.switch.namespace.entered():
        subprocess.run(["nft", "-f", "-"], input=HEARTBEATS, text=True, check=True)
    seen.look(WATCH)
    yield seen.row("heartbeats cut", began, TWO)


FAULTS: dict[str, Callable[[Seen], Iterator[dict[str, Any]]]] = {
    "power-off": without_power,
    "stop": stop,
    "hb_standby": standby,
    "outside cable": outside_cable,
    "inside cable": inside_cable,
    "killed": killed,
    "frozen": frozen,
    "heartbeats cut": heartbeats_cut,
}


def play(repetitions: int, profiles: list[str], faults: list[str]) -> Iterator[dict[str, Any]]:
    for repetition in range(repetitions):
        for profile in profiles:
            beat, dead = TIMERS[profile]
            for fault in (FAULTS[name] for name in faults):
                for stack in sides(beat):
                    with (
                        tempfile.TemporaryDirectory() as folder,
                        closing(Seen(Path(folder), stack, beat, dead)) as seen,
                    ):
                        for name in NAMES:
                            seen.start(name)
                        if not seen.until_on(ONE):
                            raise SystemExit(f"{stack.name}: the pair did not come to rest\n{seen.pair.log(ONE)}")
                        seen.look(REST + random() * beat)  # no fault at a fixed place between two beats
                        for row in fault(seen):
                            yield {
                                **row,
                                "stack": stack.name,
                                "profile": f"{profile}, addresses alone",
                                "repetition": repetition,
                                "ended": datetime.now(UTC).isoformat(timespec="seconds"),
                            }


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.addresses", description=__doc__)
    parser.add_argument("--repeat", type=at_least_one, default=5)
    parser.add_argument("--profiles", type=chosen(list(TIMERS)), default=list(TIMERS), metavar="A,B")
    parser.add_argument("--faults", type=chosen(list(FAULTS)), default=list(FAULTS), metavar="A,B")
    parser.add_argument("--print", action="store_true")
    options = parser.parse_args()
    peers.unpack()
    common, rows = begun(), []
    for row in play(options.repeat, options.profiles, options.faults):
        rows.append(row | common)
        moved = "never" if row["moved"] is None else f"{row['moved']:.4f}"
        what = f"{row['profile']} {row['stack']:<10} {row['fault']:<18}"
        print(f"{what} outage {row['outage']:.4f} moved {moved} two owners {row['two_owners']:.4f}", flush=True)
    show(rows, write=not options.print)
    return 0


if __name__ == "__main__":
    sys.exit(main())
