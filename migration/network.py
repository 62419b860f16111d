"""Builds the lab's cables: a bridge per network, and a veth pair from it to each leg of each machine.

All bridges stand in one network namespace, the switch; every machine has its own. The end of a cable that is in the
switch is named after machine and network, so that power can be cut from outside.
"""

from __future__ import annotations

import fcntl
import socket
import struct
import subprocess
from collections.abc import Iterable, Sequence
from ipaddress import IPv4Network
from pathlib import Path

from migration.namespaces import NetworkNamespace
from migration.topology import LabNode, LabReal, Leg

SIOCGIFFLAGS = 0x8913
SIOCSIFFLAGS = 0x8914
IFF_UP = 0x1


def ip_batch(namespace: NetworkNamespace, commands: Iterable[str]) -> None:
    """Run `ip` commands in a namespace, all or an exception with ip's own words."""
    with namespace.entered():
        done = subprocess.run(["ip", "-batch", "-"], input="\n".join(commands), text=True, capture_output=True)
    if done.returncode != 0:
        raise RuntimeError(f"ip -batch: {done.stderr.strip()}")


def write_sysctl(namespace: NetworkNamespace, settings: dict[str, str]) -> None:
    """Write /proc/sys/net settings ("ipv4.ip_forward") of a namespace."""
    with namespace.entered():
        for name, value in settings.items():
            # thread-self: /proc/sys/net is that of the thread which opens it.
            Path("/proc/sys/net", *name.split(".")).write_text(value)


class Switch:
    """The bridges and the cables into them."""

    def __init__(self, networks: Sequence[IPv4Network]) -> None:
        self._bridges = {network: f"br{number}" for number, network in enumerate(networks)}
        self.namespace = NetworkNamespace.create()
        ip_batch(
            self.namespace,
            ["link set lo up"]
            # Without spanning tree and multicast snooping a port forwards from the moment it is up.
            + [f"link add {bridge} type bridge stp_state 0 mcast_snooping 0" for bridge in self._bridges.values()]
            + [f"link set {bridge} up" for bridge in self._bridges.values()],
        )
        with self.namespace.entered():
            self._control = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    def plug_in(self, machine: str, legs: Iterable[Leg], namespace: NetworkNamespace) -> tuple[str, ...]:
        """Cable a machine; its interfaces have their addresses and are up. Returns the ends in the switch."""
        legs = tuple(legs)
        ports = tuple(f"{machine}-{list(self._bridges).index(leg.network)}" for leg in legs)
        ip_batch(
            self.namespace,
            [
                f"link add {port} type veth peer name {leg.interface} netns {namespace.path}"
                for port, leg in zip(ports, legs, strict=True)
            ]
            + [
                f"link set {port} master {self._bridges[leg.network]} up" for port, leg in zip(ports, legs, strict=True)
            ],
        )
        ip_batch(
            namespace,
            ["link set lo up"]
            + [f"address add {leg.address} brd + dev {leg.interface}" for leg in legs]
            + [f"link set {leg.interface} up" for leg in legs],
        )
        return ports

    def cut(self, ports: Iterable[str], *, mend: bool = False) -> None:
        """Take the carrier from these cables, or give it back, at once, without starting a program."""
        for port in ports:
            request = struct.pack("16sh", port.encode(), 0)
            (flags,) = struct.unpack_from("h", fcntl.ioctl(self._control, SIOCGIFFLAGS, request + bytes(22)), 16)
            flags = flags | IFF_UP if mend else flags & ~IFF_UP
            fcntl.ioctl(self._control, SIOCSIFFLAGS, struct.pack("16sh", port.encode(), flags) + bytes(22))

    def pull_out(self, ports: Iterable[str]) -> None:
        """Remove cables, so that a machine of the same name can be plugged in again."""
        with self.namespace.entered():
            for port in ports:
                # Gone already if the machine's namespace was the last to hold it.
                subprocess.run(["ip", "link", "delete", port], stderr=subprocess.DEVNULL)

    def close(self) -> None:
        """Let go of the switch; with the machines gone its bridges are, too."""
        self._control.close()
        self.namespace.close()


def set_up_node(switch: Switch, node: LabNode, number: int, namespace: NetworkNamespace) -> tuple[str, ...]:
    """A director: routes between its networks."""
    ports = switch.plug_in(f"node{number}", node.legs, namespace)
    write_sysctl(
        namespace, {"ipv4.ip_forward": "1", "ipv4.conf.all.rp_filter": "0", "ipv4.conf.all.send_redirects": "0"}
    )
    return ports


def set_up_client(switch: Switch, legs: Sequence[Leg], namespace: NetworkNamespace) -> None:
    switch.plug_in("client", legs, namespace)
    write_sysctl(namespace, {"ipv4.conf.all.rp_filter": "0", "ipv4.ip_local_port_range": "2000 65000"})


def set_up_real(switch: Switch, real: LabReal, number: int, namespace: NetworkNamespace) -> None:
    """A real server; with gate forwarding it has the virtual address, silently."""
    switch.plug_in(f"real{number}", [real.leg], namespace)
    if real.vips:
        write_sysctl(namespace, {"ipv4.conf.all.arp_ignore": "1", "ipv4.conf.all.arp_announce": "2"})
    commands = [f"address add {vip}/32 dev lo" for vip in real.vips]
    if real.gateway is not None:
        commands.append(f"route add default via {real.gateway}")
    ip_batch(namespace, commands)
