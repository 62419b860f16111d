"""The world of a case: two nodes, three real servers, a router, a client behind it, and the referee outside of all.

On this machine, whose kernel need not have ip_vs, the nodes forward to the real servers by the same fixed rules (nft
dnat): who has both addresses serves. With ldirectord, in a guest kernel, they do it by ldirectord and IPVS.

    client 172.16.1.100 - router 172.16.1.1, 10.1.1.254 - outside - test1.com, test2.com - inside - real servers
"""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from ipaddress import IPv4Interface
from pathlib import Path
from typing import Any

from migration.client import Client
from migration.namespaces import NetworkNamespace
from migration.network import ip_batch, set_up_real, write_sysctl
from migration.observer import Tables
from migration.realserver import RealServers
from migration.topology import LabReal, Leg
from tests.faults.live.layout import ONE_GROUP, REALS, Layout
from tests.faults.live.processes import DAEMON, find, named
from tests.faults.live.referee import ASK_EVERY, Referee
from tests.faults.timeline import Finding, Kind, Mark, Serving, Timeline
from tests.system.pair import GATEWAY, NAMES, VIP, Pair

ONE, TWO = NAMES
INITDEAD = 1.5
"""That of `layout.ONE_GROUP`, seconds."""
YOUNG = 2.0
"""Seconds more than deadtime that a node is waited for in the first five seconds of its life."""
FORWARD = (
    "add table ip forward; "
    "add chain ip forward in { type nat hook prerouting priority -100; }; "
    f"add rule ip forward in ip daddr {VIP} fib daddr type local tcp dport 80 dnat to numgen inc mod 3 map "
    "{ " + ", ".join(f"{number} : {real}" for number, real in enumerate(REALS)) + " }"
)
TRACEBACKS = re.compile(r".*(?:Traceback \(most recent call last\)|error in this program|error of this program).*")
STOPPED = frozenset({"local", "foreign", "all", "none"})


class World(Pair):
    """Both nodes are off at first."""

    def __init__(
        self,
        folder: Path,
        *,
        layout: Layout = ONE_GROUP,
        ask_every: float = ASK_EVERY,
    ) -> None:
        super().__init__(folder, hosts=layout.hosts)
        self.homes = layout.homes
        self.director = bool(layout.directors)
        self.deadtime = layout.deadtime
        files = {"ha.cf": layout.ha_cf, "haresources": layout.haresources, "hbeat.yaml": layout.hbeat_yaml}
        for name in NAMES:
            for file, text in {**files, **layout.directors}.items():
                self.write(name, file, text)
        self._namespaces = [NetworkNamespace.create() for _ in ("router", "client", *REALS)]
        self.router, client, *reals = self._namespaces
        self._plug_in(client, reals)
        self._reals = RealServers(dict(zip(self._lab_reals(), reals, strict=True)))
        self._client = Client(client, str(VIP), 80, "/index.html")
        self._referee = Referee(self.switch.namespace, list(self.homes), VIP, self._client, folder, ask_every)
        self._open: list[int] = []
        self._known: set[tuple[str, str]] = set()  # tracebacks and cores that are in the timeline, or were
        self._began = time.monotonic()
        self._timeline = Timeline(self._began, self._began, tuple(map(str, self.homes)))

    def _plug_in(self, client: NetworkNamespace, reals: list[NetworkNamespace]) -> None:
        self.switch.plug_in("router", [Leg("eth0", IPv4Interface("10.1.1.254/24"))], self.router)
        ip_batch(client, ["link set lo up"])
        ip_batch(
            self.router,
            [
                f"link add eth1 type veth peer name eth0 netns {client.path}",
                "address add 172.16.1.1/24 dev eth1",
                "link set eth1 up",
            ],
        )
        write_sysctl(self.router, {"ipv4.ip_forward": "1", "ipv4.conf.all.send_redirects": "0"})
        ip_batch(
            client,
            ["address add 172.16.1.100/24 dev eth0", "link set eth0 up", "route add default via 172.16.1.1"],
        )
        write_sysctl(client, {"ipv4.ip_local_port_range": "2000 65000"})
        for number, (real, namespace) in enumerate(zip(self._lab_reals(), reals, strict=True)):
            set_up_real(self.switch, real, number, namespace)

    @staticmethod
    def _lab_reals() -> list[LabReal]:
        return [LabReal(Leg("eth0", IPv4Interface(f"{real}/24")), (80,), "ok\n", GATEWAY, ()) for real in REALS]

    # --- life of the nodes ------------------------------------------------------------------------------------

    def boot(self, name: str) -> None:
        """The machine is up, nothing is started."""
        node = self.nodes[name]
        node.boot()
        self._referee.node_is_on(name, node.pid)
        ip_batch(node.namespace, ["route add 172.16.1.0/24 via 10.1.1.254"])
        if not self.director:
            status, out = self.run(name, "nft", FORWARD)
            assert status == 0, out

    def start(self, name: str) -> None:
        """heartbeat by its init script; boots the node if need be."""
        if not self.nodes[name].is_on:
            self.boot(name)
        status, out = self.heartbeat(name, "start")
        assert status == 0, f"{name}: {out}"

    def stop(self, name: str) -> None:
        status, out = self.heartbeat(name, "stop")
        assert status == 0, f"{name}: {out}"

    def power_off(self, name: str) -> None:
        self._keep_words(name)
        self.nodes[name].power_off()

    def start_all(self, within: float = 30.0) -> World:
        """Both, settled, and out of the first five seconds of their lives."""
        for name in NAMES:
            self.boot(name)
        processes = [self.nodes[name].start_script("start") for name in NAMES]
        for process in processes:
            out, _ = process.communicate(timeout=within)
            assert process.returncode == 0, out
        self.until(lambda: self.at_rest() and all(self.patience(name) == self.deadtime for name in NAMES), within)
        return self

    def at_rest(self) -> bool:
        """Both nodes run, each has what haresources gives it, and the daemons say that nothing is under way."""
        if not all(node.is_on for node in self.nodes.values()):
            return False
        return all(self.owners(address) == [home] for address, home in self.homes.items()) and self.calm()

    def calm(self) -> bool:
        """Both daemons say that nothing is under way."""
        answers = [self.ask(name, "status") for name in NAMES]
        words = [answer.get("resources", {}).get("status") for answer in answers]
        hear = [
            answer.get("nodes", {}).get(other, {}).get("status")
            for answer, other in zip(answers, (TWO, ONE), strict=True)
        ]
        return set(words) <= STOPPED and set(hear) == {"active"}

    def table(self, name: str) -> Tables:
        """The IPVS table of a node that is on, as its kernel has it."""
        observer = self.nodes[name].observer
        assert observer is not None
        return observer.table()

    def patience(self, name: str) -> float:
        """After how many seconds of silence the other node is dead for this one."""
        (other,) = set(NAMES) - {name}
        found = self.ask(name, "status").get("nodes", {}).get(other, {}).get("deadtime", 0.0)
        return float(found)

    def ask(self, name: str, request: str) -> dict[str, Any]:
        """A request at the control socket of a node; empty when nobody answers."""
        with suppress(OSError, ValueError), self.connected(name) as sock:
            sock.sendall(request.encode() + b"\n")
            found = json.loads(sock.makefile().readline())
            assert isinstance(found, dict)
            return found
        return {}

    def connected(self, name: str) -> socket.socket:
        """A connection to a node's control socket."""
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(5)
        try:
            sock.connect(self.control_path(name))
        except OSError:
            sock.close()
            raise
        return sock

    def each_has_one_owner(self) -> bool:
        return all(len(self.owners(address)) == 1 for address in self.homes)

    def place(self, name: str, path: str) -> Path:
        """A path of the running node, as this side reaches it."""
        return Path(f"/proc/{self.nodes[name].pid}/root{path}")

    def log(self, name: str) -> str:
        paths = [self.place(name, "/var/log/ha-log")] if self.nodes[name].is_on else []
        with suppress(OSError):
            for path in (*paths, self.nodes[name].folder / "log" / "ha-log"):
                if path.is_file():
                    return path.read_text(errors="replace")
        return ""

    # --- processes --------------------------------------------------------------------------------------------

    def signal(self, name: str, number: signal.Signals, *which: str) -> list[int]:
        """To all processes of these names, or of ours, at once; the pids that got it."""
        init = self.nodes[name].pid
        pids = [pid for called, pid in named(init) if not which or called in which]
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, number)
        return pids

    def runs(self, name: str, *which: str) -> bool:
        """Whether all of these are there."""
        return set(which) <= {called for called, _ in named(self.nodes[name].pid)}

    def daemon(self, name: str) -> int:
        """The pid of the daemon, as this side numbers it; 0 when there is none."""
        return next(iter(find(self.nodes[name].pid, DAEMON)), 0)

    def stop_real(self, real: str) -> None:
        self._reals.stop(real)
        self._serving(real, serving=False)

    def start_real(self, real: str) -> None:
        self._reals.start(real)
        self._serving(real, serving=True)

    def _serving(self, real: str, *, serving: bool) -> None:
        seen = Serving(time.monotonic(), real, serving)
        self._timeline = _with(self._timeline, servings=[seen])

    def keep_open(self, descriptor: int) -> None:
        """Until the end of the world."""
        self._open.append(descriptor)

    # --- the timeline -----------------------------------------------------------------------------------------

    def mark(self, kind: Kind, what: str) -> None:
        self._timeline = _with(self._timeline, marks=[Mark(time.monotonic(), kind, what)])

    def left(self, name: str, *, tables: bool = True) -> None:
        """Takes down what a node that is to have nothing of ours any more still has: I5. tables: those of IPVS, too."""
        there = self.addresses(name)
        has = [f"address {address}" for address in self.homes if address in there]
        has += [f"process {called} ({pid})" for called, pid in named(self.nodes[name].pid)]
        if self.director and tables:
            has += [f"IPVS service {service}" for service in self.table(name)]
        self._timeline = _with(self._timeline, left=[Finding(time.monotonic(), name, what) for what in has])

    def timeline(self) -> Timeline:
        """Everything since the world began."""
        seen = self._referee.take()
        for name in NAMES:
            self._keep_words(name)
        self._timeline = _with(
            self._timeline,
            ended=time.monotonic(),
            changes=seen.changes,
            answers=seen.answers,
            requests=seen.requests,
            weights=seen.weights,
            processes=seen.processes,
        )
        return self._timeline

    def forget(self) -> None:
        """What was seen so far is not needed any more."""
        self._timeline = self._timeline.since(time.monotonic())

    def _keep_words(self, name: str) -> None:
        """Tracebacks of the logs and cores of the node, each once: I7."""
        folder = self.nodes[name].folder
        files = [folder / "log" / "ha-log", folder / "log" / "syslog"]
        if self.nodes[name].is_on:
            files.append(self.place(name, "/var/log/ha-log"))
        found = [
            words[0]
            for path in files
            if path.is_file()
            for words in TRACEBACKS.finditer(path.read_text(errors="replace"))
        ]
        found += [
            f"core {path.name}"
            for place in ("lib", "log")
            for path in (folder / place).rglob("core*")
            if path.is_file()
        ]
        fresh = [what for what in dict.fromkeys(found) if (name, what) not in self._known]
        self._known.update((name, what) for what in fresh)
        self._timeline = _with(self._timeline, tracebacks=[Finding(time.monotonic(), name, what) for what in fresh])

    def close(self) -> None:
        for descriptor in self._open:
            os.close(descriptor)
        self._referee.close()
        self._client.close()
        self._reals.close()
        super().close()
        for namespace in self._namespaces:
            namespace.close()


def _with(timeline: Timeline, ended: float | None = None, **more: Iterable[object]) -> Timeline:
    """With so much more of each kind."""
    longer = {name: getattr(timeline, name) + tuple(values) for name, values in more.items()}
    return replace(timeline, ended=timeline.ended if ended is None else ended, **longer)
