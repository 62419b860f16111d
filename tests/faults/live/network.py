"""What can happen to the cables, done in the switch: neither node is touched, and what it sees is what a node sees.

Frames are dropped and copied by nft rules at the ports; carrier is lost by taking a port down. netem, for delay and
reordering, is in guests only: not every kernel has it.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from contextlib import suppress

from tests.faults.live.world import World
from tests.system.pair import NAMES


def cut(world: World, name: str, *legs: str, mend: bool = False) -> None:
    """The carrier of these cables of a node is gone, or back."""
    ports = world.nodes[name].ports
    world.switch.cut([ports[leg] for leg in legs or ports], mend=mend)


def lose_heartbeats(world: World) -> None:
    """Those of both nodes, on both networks; everything else passes."""
    _rules(world, "bridge", "heartbeats", ["forward { type filter hook forward priority 0; udp dport 694 drop; }"])


def silence(world: World, name: str, *legs: str) -> None:
    """Nothing that the node says arrives anywhere; it goes on hearing."""
    ports = _ports(world, name, legs)
    _rules(world, "netdev", "silence", [f"in {{ type filter hook ingress devices = {ports} priority 0; drop; }}"])


def deafen(world: World, name: str, *legs: str) -> None:
    """Nothing arrives at the node; it goes on talking."""
    ports = _ports(world, name, legs)
    _rules(world, "netdev", "deafness", [f"out {{ type filter hook egress devices = {ports} priority 0; drop; }}"])


def isolate(world: World, name: str) -> None:
    """Both: the node is alone, and its cables do not look like it."""
    silence(world, name)
    deafen(world, name)


def lose(world: World, percent: int) -> None:
    """So many of all frames that the nodes send."""
    ports = ", ".join(_all_ports(world))
    rule = f"numgen random mod 100 < {percent} drop;"
    _rules(world, "netdev", "loss", [f"in {{ type filter hook ingress devices = {{ {ports} }} priority 0; {rule} }}"])


def duplicate(world: World) -> None:
    """What one node sends arrives at the other once more."""
    chains = []
    for number, (sender, receiver) in enumerate((NAMES, NAMES[::-1])):
        for leg, port in world.nodes[sender].ports.items():
            other = world.nodes[receiver].ports[leg]
            hook = f"type filter hook ingress device {port} priority 0"
            chains.append(f"in{number}{leg} {{ {hook}; dup to {other}; }}")
    _rules(world, "netdev", "copies", chains)


def heal(world: World) -> None:
    """Takes away all rules of this module."""
    with world.switch.namespace.entered():
        subprocess.run(["nft", "flush", "ruleset"], check=True)


def degrade(world: World, netem: str) -> None:
    """netem at the ports towards the nodes ("delay 200ms 50ms"); needs sch_netem."""
    for port in _all_ports(world):
        with world.switch.namespace.entered():
            subprocess.run(["tc", "qdisc", "replace", "dev", port, "root", "netem", *netem.split()], check=True)


def restore(world: World) -> None:
    """Takes netem away."""
    for port in _all_ports(world):
        with world.switch.namespace.entered(), suppress(subprocess.CalledProcessError):
            subprocess.run(["tc", "qdisc", "delete", "dev", port, "root"], check=True, stderr=subprocess.DEVNULL)


def _ports(world: World, name: str, legs: Sequence[str]) -> str:
    ports = world.nodes[name].ports
    return "{ " + ", ".join(ports[leg] for leg in legs or ports) + " }"


def _all_ports(world: World) -> list[str]:
    return [port for name in NAMES for port in world.nodes[name].ports.values()]


def _rules(world: World, family: str, table: str, chains: list[str]) -> None:
    text = "".join(f"chain {chain}\n" for chain in chains)
    with world.switch.namespace.entered():
        subprocess.run(["nft", "-f", "-"], input=f"table {family} {table} {{\n{text}}}\n", text=True, check=True)
