"""Two directors in namespaces of this machine, two cables between them, hbeat started by its init script.

The host's kernel need not have ip_vs: the resources are addresses and scripts. What is seen is what the kernel, the
wire and the commands say.
"""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from pathlib import Path

from migration.lab_places import mount_points
from migration.network import Switch, ip_batch
from migration.nodes import Node
from migration.observer import Address
from migration.topology import LabNode, Leg
from tests.interop.auditor import Auditor

OUTSIDE, INSIDE = IPv4Network("10.1.1.0/24"), IPv4Network("192.168.2.0/24")
VIP, GATEWAY = IPv4Address("10.1.1.10"), IPv4Address("192.168.2.240")
NAMES = ("test1.com", "test2.com")
HOSTS = {"test1.com": ("10.1.1.2", "192.168.2.241"), "test2.com": ("10.1.1.3", "192.168.2.242")}

HA_CF = """\
logfile /var/log/ha-log
keepalive 100ms
deadtime 500ms
initdead 1500ms
ucast eth0 10.1.1.2
ucast eth0 10.1.1.3
ucast eth1 192.168.2.241
ucast eth1 192.168.2.242
auto_failback on
node test1.com test2.com
"""
HARESOURCES = "test1.com IPaddr::10.1.1.10/24/eth0 IPaddr::192.168.2.240/24/eth1\n"
AUTHKEYS = "auth 2\n2 sha1 PASSWORD\n"


class Pair:
    """A fresh pair with its files in place; nothing runs yet. layer: what its nodes have beyond this machine. hosts: of
    each node, its addresses on eth0, eth1 ..., each in a /24 of its own."""

    def __init__(self, folder: Path, layer: Path | None = None, hosts: Mapping[str, tuple[str, ...]] = HOSTS) -> None:
        self._places = ExitStack()
        if layer is None:
            self._places.enter_context(mount_points())
        legs = {
            name: tuple(Leg(f"eth{number}", IPv4Interface(f"{address}/24")) for number, address in enumerate(addresses))
            for name, addresses in hosts.items()
        }
        self.switch = Switch([leg.network for leg in legs[NAMES[0]]])
        self.nodes: dict[str, Node] = {}
        for number, name in enumerate(NAMES):
            for place in ("ha.d/resource.d", "lib", "log"):
                (folder / name / place).mkdir(parents=True)
            self.nodes[name] = Node(LabNode(name, legs[name]), number, folder / name, self.switch, layer)
            self.write(name, "ha.cf", HA_CF)
            self.write(name, "haresources", HARESOURCES)
            self.write(name, "authkeys", AUTHKEYS, mode=0o600)

    def write(self, name: str, file: str, text: str, mode: int = 0o644) -> None:
        path = self.nodes[name].folder / "ha.d" / file
        path.write_text(text)
        path.chmod(mode)

    def run(self, name: str, *command: str, within: float = 20.0) -> tuple[int, str]:
        """A command in the node: exit status and all it printed."""
        process = self.nodes[name].start(list(command))
        out, _ = process.communicate(timeout=within)
        return process.returncode, out

    def heartbeat(self, name: str, verb: str) -> tuple[int, str]:
        process = self.nodes[name].start_script(verb)
        out, _ = process.communicate(timeout=30)
        return process.returncode, out

    def log(self, name: str) -> str:
        path = self.nodes[name].folder / "log" / "ha-log"
        return path.read_text() if path.exists() else ""

    def says(self, name: str, text: str) -> None:
        """Waits for a line in the log: a daemon writes it when it has done what it tells of."""
        self.until(lambda: text in self.log(name), 5)

    def deaths_told(self) -> int:
        """How many deaths of the other node, or of a link's, both logs tell of."""
        return sum(self.log(name).count("is dead") for name in NAMES)

    def addresses(self, name: str) -> set[Address]:
        """What the node's kernel has now; auditors ask from threads of their own."""
        observer = self.nodes[name].observer
        return observer.current() if observer is not None else set()

    def owners(self, address: object = VIP) -> list[str]:
        return [name for name in NAMES if address in self.addresses(name)]

    def audit(self) -> Auditor:
        """Watches both addresses of the group."""
        return Auditor(self.owners, (VIP, GATEWAY))

    def start_both(self) -> Pair:
        """The preferred node first, then the other; both settled."""
        for name in NAMES:
            self.nodes[name].boot()
            status, out = self.heartbeat(name, "start")
            assert status == 0, out
            if name == NAMES[0]:
                self.until(lambda: self.owners() == [NAMES[0]], 10)
        self.until(self.settled, 15)
        return self

    def settled(self) -> bool:
        return all(self.run(name, "cl_status", "rscstatus")[1].strip() in ("local", "all", "none") for name in NAMES)

    def until(self, condition: Callable[[], bool], limit: float) -> None:
        """Waits for something to be seen; fails with both logs when it is not."""
        deadline = time.monotonic() + limit
        while not condition():
            if time.monotonic() > deadline:
                logs = "\n".join(f"--- {name}\n{self.log(name)[-3000:]}" for name in NAMES)
                raise AssertionError(f"not seen within {limit:g} s\n{logs}")
            time.sleep(0.02)

    def at_switch(self, *commands: str) -> None:
        """`ip` commands where the bridges are ("br0" is outside): hosts that are neither node."""
        ip_batch(self.switch.namespace, commands)

    def sniffer(self, name: str, interface: str, protocol: int) -> socket.socket:
        """A packet socket for what arrives on one interface of a node, or at the switch ("br0" is outside)."""
        namespace = self.switch.namespace if name == "switch" else self.nodes[name]._namespace
        assert namespace is not None
        with namespace.entered():
            sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(protocol))
            sock.bind((interface, protocol))
        sock.settimeout(5)
        return sock

    def udp_socket(self, name: str) -> socket.socket:
        namespace = self.nodes[name]._namespace
        assert namespace is not None
        with namespace.entered():
            return socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    def plug_in_again(self, name: str, leg: int) -> None:
        """A removed interface comes back under its name, with its address: a new one for the kernel."""
        node = self.nodes[name]
        assert node._namespace is not None
        port = self.switch.plug_in(f"again{NAMES.index(name)}", node.lab.legs[leg : leg + 1], node._namespace)
        node._ports = (*(p for number, p in enumerate(node._ports) if number != leg), *port)

    def control_path(self, name: str) -> str:
        """The node's control socket, as it can be reached from outside of its mounts."""
        return f"/proc/{self.nodes[name]._init}/root/run/heartbeat/control"

    def pid(self, name: str) -> int:
        return int(self.run(name, "cat", "/var/run/heartbeat.pid")[1])

    def close(self) -> None:
        for node in self.nodes.values():
            if node.is_on:
                node.power_off()
            node.clear_away()
        self.switch.close()
        self._places.close()


def have_namespaces() -> str:
    """Why pairs cannot be made here, or nothing."""
    done = subprocess.run(["unshare", "--net", "--mount", "--uts", "--pid", "--fork", "true"], capture_output=True)
    return "" if done.returncode == 0 else "needs root and namespaces: run as root"
