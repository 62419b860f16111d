"""A modelled machine for the director: a kernel table that refuses what the real one refuses, back ends that answer
from a script, and virtual time. Nothing here sleeps; an hour passes in milliseconds."""

from __future__ import annotations

import errno
import heapq
import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ldirector.config.errors import ConfigError
from ldirector.config.ldirectord_cf import parse
from ldirector.core.director import Director
from ldirector.core.events import (
    AddReal,
    AddVirtual,
    ApplyOps,
    CancelCheck,
    CheckSpec,
    DeleteReal,
    DeleteVirtual,
    Effect,
    Note,
    OpFailure,
    ReadTable,
    SetReal,
    SetVirtual,
    StartCheck,
    TableOp,
)
from ldirector.core.maintenance import in_maintenance
from ldirector.core.model import (
    Forwarding,
    RealKey,
    RealState,
    Role,
    Service,
    VirtualKey,
    VirtualState,
)
from ldirector.core.receive import judge_body, judge_http
from ldirector.core.verdict import Outcome, Reason, Verdict

VECTORS = Path(__file__).parents[1] / "vectors" / "ldirectord"

SCHEDULERS = {"rr", "wrr", "lc", "wlc", "lblc", "lblcr", "dh", "sh", "mh", "sed", "nq", "fo", "ovf", "twos"}

LATENCY = 0.004
"""Seconds a back end takes to answer when nothing is wrong."""


class FakeNames:
    """Host and service names as the machine has them that recorded the vectors."""

    HOSTS = {("localhost", 4): "127.0.0.1", ("localhost", 6): "::1", ("web-1", 4): "192.168.2.1"}
    SERVICES = {
        ("http", "tcp"): 80,
        ("www", "tcp"): 80,
        ("https", "tcp"): 443,
        ("https", "udp"): 443,
        ("domain", "tcp"): 53,
        ("domain", "udp"): 53,
        ("imaps", "tcp"): 993,
        ("mysql", "tcp"): 3306,
        ("ldap", "tcp"): 389,
        ("ldap", "udp"): 389,
        ("ldaps", "tcp"): 636,
        ("smtp", "tcp"): 25,
        ("ssh", "tcp"): 22,
        ("imap2", "tcp"): 143,
        ("pop3", "tcp"): 110,
        ("syslog", "udp"): 514,
    }

    def host(self, name: str, family: int) -> str | None:
        return self.HOSTS.get((name, family))

    def service(self, name: str, protocol: str) -> int | None:
        protocols = [protocol] if protocol else ["tcp", "udp"]
        return next((self.SERVICES[name, each] for each in protocols if (name, each) in self.SERVICES), None)


class Kernel:
    """An IPVS table. apply() answers 0 or the errno of the real kernel (6.1)."""

    def __init__(self) -> None:
        self._services: dict[VirtualKey, tuple[VirtualState, dict[RealKey, RealState]]] = {}
        self.refusing: Callable[[TableOp], int] = lambda op: 0

    def table(self) -> dict[VirtualKey, Service]:
        return {key: Service(state, dict(reals)) for key, (state, reals) in self._services.items()}

    def apply(self, op: TableOp) -> int:
        return self.refusing(op) or self._apply(op)

    def _apply(self, op: TableOp) -> int:
        match op:
            case AddVirtual() | SetVirtual() | DeleteVirtual():
                return self._apply_virtual(op)
            case _:
                if op.virtual not in self._services:
                    return errno.ESRCH
                return self._apply_real(op, self._services[op.virtual][1])

    def _apply_virtual(self, op: AddVirtual | SetVirtual | DeleteVirtual) -> int:
        exists = op.key in self._services
        if isinstance(op, AddVirtual) and exists:
            return errno.EEXIST
        if not isinstance(op, AddVirtual) and not exists:
            return errno.ESRCH
        if isinstance(op, DeleteVirtual):
            del self._services[op.key]
            return 0
        if op.state.scheduler not in SCHEDULERS:
            return errno.ENOENT
        if op.key.protocol == "fwm" and op.key.mark == 0:
            return errno.EINVAL
        reals = self._services[op.key][1] if exists else {}
        self._services[op.key] = (op.state, reals)
        return 0

    @staticmethod
    def _apply_real(op: AddReal | SetReal | DeleteReal, reals: dict[RealKey, RealState]) -> int:
        if isinstance(op, AddReal) and op.key in reals:
            return errno.EEXIST
        if not isinstance(op, AddReal) and op.key not in reals:
            return errno.ENOENT
        if isinstance(op, DeleteReal):
            del reals[op.key]
            return 0
        if (":" in op.key.address) != (op.virtual.family == 6):
            return errno.EINVAL
        if op.state.lower > op.state.upper:
            return errno.ERANGE
        reals[op.key] = op.state
        return 0

    def load(self, lines: Iterable[str]) -> None:
        """Run lines of ipvsadm: -A, -a and -d of IPv4 tcp virtuals."""
        for line in lines:
            words = line.split()
            options = {word: value for word, value in itertools.pairwise([*words, ""]) if word.startswith("-")}
            key = VirtualKey("tcp", 4, *_address_and_port(options["-t"]))
            state = VirtualState(scheduler=options.get("-s", ""), persistent=int(options.get("-p", 0)))
            if "-A" in words:
                self._services[key] = (state, {})
                continue
            real = RealKey(*_address_and_port(options["-r"]))
            if "-d" in words:
                del self._services[key][1][real]
                continue
            way = {"-m": Forwarding.MASQ, "-g": Forwarding.GATE, "-i": Forwarding.IPIP}
            forwarding = next(way[word] for word in words if word in way)
            self._services[key][1][real] = RealState(forwarding, int(options["-w"]))


@dataclass
class BackEnd:
    """One server of a vector case; state: up, refuse, blackhole, hang, wrong or status:NNN."""

    ip: str
    port: int
    kind: str
    state: str = "up"
    pages: dict[str, Any] = field(default_factory=dict)
    vhost: str = ""
    tls: bool = False
    banner: str = ""
    script: Any = None
    reply: str = ""
    records: Any = None


def _says(server: BackEnd, command: str) -> str:
    """What a scripted server answers to a command."""
    return str(dict(server.script or ()).get(command, ""))


def _dns(spec: CheckSpec, server: BackEnd) -> bool:
    address = "203.0.113.1" if server.state == "wrong" else (server.records or {}).get(spec.request, "")
    return bool(address) and judge_body(spec.receive, address.encode()).outcome is Outcome.PASS


ANSWERS: dict[str, Callable[[CheckSpec, BackEnd], bool]] = {
    "dns": _dns,
    "smtp": lambda spec, server: server.banner.startswith("2") and _says(server, "EHLO").startswith("2"),
    "pop": lambda spec, server: all(_says(server, word).startswith("+OK") for word in ("USER", "PASS")),
    "imap": lambda spec, server: " OK" in _says(server, "LOGIN"),
    "nntp": lambda spec, server: server.banner.startswith("2"),
    "sip": lambda spec, server: server.state == "up",
    "ftp": lambda spec, server: _says(server, "RETR").startswith(("1", "2")),
    "simpletcp": lambda spec, server: any(
        judge_body(spec.receive, line.encode()).outcome is Outcome.PASS for line in server.reply.splitlines()
    ),
}
"""Service -> would a real server of the recorded kind, asked as we ask, make the check good."""

Script = Callable[[tuple[str, ...], set[str]], tuple[float, int]]
"""An external command: its four arguments and the files that exist -> seconds it takes and exit status."""


class BackEnds:
    """All servers. answer() gives how long a probe takes and what comes of it."""

    def __init__(self, servers: dict[str, BackEnd] | None = None, scripts: dict[str, Script] | None = None) -> None:
        self.servers = servers or {}
        self.scripts = scripts or {}
        self.files: set[str] = set()

    def answer(self, spec: CheckSpec) -> tuple[float, Verdict]:
        if spec.method == "external":
            return self._external(spec)
        here = [server for server in self.servers.values() if server.ip == spec.address]
        if any(server.state == "blackhole" for server in here) or (spec.method == "ping" and not here):
            return spec.timeout, Verdict(Outcome.FAIL, Reason.CONNECT_TIMEOUT, took=spec.timeout)
        if spec.method == "ping":
            return LATENCY, Verdict(Outcome.PASS, Reason.OK, took=LATENCY)
        server = next((server for server in here if server.port == spec.port), None)
        if server is None or server.state == "refuse" or server.kind == "icmp":
            return LATENCY, Verdict(Outcome.FAIL, Reason.CONNECT_REFUSED, took=LATENCY)
        if spec.method == "connect":
            return LATENCY, Verdict(Outcome.PASS, Reason.OK, took=LATENCY)
        if server.state == "hang":
            return spec.timeout, Verdict(Outcome.FAIL, Reason.READ_TIMEOUT, took=spec.timeout)
        if spec.service in ("http", "https"):
            return LATENCY, self._http(spec, server)
        good = ANSWERS[spec.service](spec, server)
        return LATENCY, Verdict(Outcome.PASS, Reason.OK) if good else Verdict(Outcome.FAIL, Reason.BAD_ANSWER)

    def _external(self, spec: CheckSpec) -> tuple[float, Verdict]:
        argv = spec.command[2:] if spec.command[0] == "perl" else spec.command
        script = self.scripts.get(argv[0])
        if script is None:
            return LATENCY, Verdict(Outcome.FAIL, Reason.COMMAND_MISSING)
        seconds, status = script(argv[1:], self.files)
        if seconds > spec.timeout:
            return spec.timeout, Verdict(Outcome.FAIL, Reason.COMMAND_TIMEOUT)
        return seconds, Verdict(Outcome.FAIL, Reason.EXIT_STATUS, str(status)) if status else Verdict(
            Outcome.PASS, Reason.OK
        )

    def _http(self, spec: CheckSpec, server: BackEnd) -> Verdict:
        if server.kind != "http":
            return Verdict(Outcome.FAIL, Reason.BAD_ANSWER)
        status, body, location = self._page(spec, server)
        if location:
            path = "/" + location.split("://", 1)[1].split("/", 1)[1]
            status, body, _ = self._page(spec, server, path)
        return judge_http(spec, status, b"" if spec.httpmethod == "HEAD" else body.encode())

    @staticmethod
    def _page(spec: CheckSpec, server: BackEnd, path: str = "") -> tuple[int, str, str]:
        if server.state == "wrong":
            return 200, "something else\n", ""
        if server.state.startswith("status:"):
            return int(server.state.removeprefix("status:")), "trouble\n", ""
        page = server.pages.get(path or spec.request)
        if page is None or (server.vhost and server.vhost != spec.virtualhost):
            return 404, "not found\n", ""
        if isinstance(page, str):
            return 200, page, ""
        return page["status"], page["body"], page.get("headers", {}).get("Location", "")


class World:
    """One director with its kernel and back ends. `now` only moves through run()."""

    def __init__(self, backends: BackEnds | None = None, role: Role = Role.ACTIVE) -> None:
        self.now = 1000.0
        self.kernel = Kernel()
        self.backends = backends or BackEnds()
        self.role = role
        self.director: Director | None = None
        self.text = ""
        self.notes: list[str] = []
        self.probes: list[tuple[float, CheckSpec]] = []
        self.changed_at = self.now
        self.check = self.backends.answer
        self._ends: list[tuple[float, int, Verdict]] = []

    def start(self) -> None:
        self.config = parse(self.text, "ldirectord.cf", FakeNames())
        self.director = Director(self.config, self.role)
        self.perform(self.director.start(self.kernel.table(), self.now))

    def stop(self) -> None:
        assert self.director
        self.perform(self.director.stop(self.now))
        self.director = None
        self._ends.clear()

    def reload(self) -> None:
        """As the daemon does it: a file that cannot be read changes nothing."""
        assert self.director
        try:
            self.config = parse(self.text, "ldirectord.cf", FakeNames())
        except ConfigError as error:
            self.notes.append(str(error))
            return
        self.perform(self.director.reload(self.config, self.kernel.table(), self.now))

    def run(self, seconds: float) -> None:
        """Let so much time pass."""
        end = self.now + seconds
        while self.director:
            deadline = self.director.next_deadline()
            moments = [moment for moment in (deadline, self._ends[0][0] if self._ends else None) if moment is not None]
            if not moments or min(moments) > end:
                break
            self.now = max(self.now, min(moments))
            if self._ends and self._ends[0][0] <= self.now:
                _, check_id, verdict = heapq.heappop(self._ends)
                self.perform(self.director.finished(check_id, verdict, self.now))
            else:
                self.perform(self.director.handle_timer(self.now))
        self.now = end

    def perform(self, effects: list[Effect]) -> None:
        for effect in effects:
            match effect:
                case StartCheck():
                    self.probes.append((self.now, effect.spec))
                    seconds, verdict = self.check(effect.spec)
                    heapq.heappush(self._ends, (self.now + seconds, effect.check_id, verdict))
                case CancelCheck():
                    self._ends = [end for end in self._ends if end[1] != effect.check_id]
                    heapq.heapify(self._ends)
                case ApplyOps():
                    self._apply(effect.ops)
                case ReadTable():
                    self.perform(self.director.reconcile(self.kernel.table(), self.now) if self.director else [])
                case Note():
                    self.notes.append(effect.text)

    def maintain(self) -> None:
        """As the daemon does it: the files in maintenancedir as they are now."""
        if self.director is None:
            return
        folder = self.config.maintenancedir.rstrip("/") + "/"
        files = {file.removeprefix(folder) for file in self.backends.files if file.startswith(folder)}
        members = in_maintenance(self.config.virtuals, files, {}).members if self.config.maintenancedir else ()
        self.perform(self.director.maintain(members, self.now))

    def _apply(self, ops: tuple[TableOp, ...]) -> None:
        assert self.director
        self.changed_at = self.now
        failures = []
        for op in ops:
            number = self.kernel.apply(op)
            if number:
                failures.append(OpFailure(op, number, errno.errorcode[number]))
        if failures:
            self.perform(self.director.table_failed(failures, self.kernel.table(), self.now))


def _address_and_port(text: str) -> tuple[str, int]:
    address, port = text.rsplit(":", 1)
    return address, int(port)
