"""ldirectord.cf -> virtual_server blocks of keepalived.conf, and what of it keepalived does not know. Pure.

Checks are taken from what this suite itself would probe (ldirector/core/negotiate.py). http and https become HTTP_GET
and SSL_GET, connect TCP_CHECK, ping PING_CHECK; every other check of a TCP service is only a TCP_CHECK, which is noted.
"""

from __future__ import annotations

import string
from collections.abc import Iterator, Mapping
from urllib.parse import quote

from ldirector.config import grammar
from ldirector.config.build import SCHEDULERS
from ldirector.config.director_config import DirectorConfig
from ldirector.core.events import CheckSpec
from ldirector.core.model import (
    USUAL_POLICY,
    Forwarding,
    Protocol,
    Real,
    RealKey,
    Virtual,
    virtual_label,
)
from ldirector.core.negotiate import Probe, Standing, choose

METHODS = {Forwarding.GATE: "DR", Forwarding.MASQ: "NAT", Forwarding.IPIP: "TUN"}
GETS = {"http": "HTTP_GET", "https": "SSL_GET"}

GLOBAL_NOTES = {
    "callback": "not called",
    "execute": "no other ldirectord is started",
    "supervised": "keepalived runs as a daemon",
    "maintenancedir": "nobody looks for files in it",
    "autoreload": "keepalived reads its file again at SIGHUP only",
    "fork": "keepalived has one process for all checks",
}
"""Directives of the global part that have no counterpart."""

VIRTUAL_NOTES = {
    "emailalert": "no mail is sent (keepalived's own notification_email was not set up)",
    "monitorfile": "not written",
    "fallbackcommand": "not run",
    "cleanstop": "keepalived removes its table when it stops",
}
"""Directives of a virtual, some of them global as well, that have no counterpart."""

Lines = Mapping[str, int]
"""Directive -> number of the last line that has it."""


def virtual_servers(config: DirectorConfig, text: str) -> tuple[list[str], list[str]]:
    """Lines of keepalived.conf and notes. text: what the configuration was read from, for line numbers."""
    items = grammar.read(text)
    common = _lines(item for item in items if isinstance(item, grammar.Line))
    blocks = [item for item in items if isinstance(item, grammar.Block)]
    written: list[str] = []
    notes = [f"{config.file}:{common[name]}: {name}: {what}" for name, what in GLOBAL_NOTES.items() if name in common]
    for virtual, block in zip(config.virtuals, blocks, strict=True):
        own = _lines(iter(block.body))
        translator = _Virtual(virtual, config.file, block.opener.number, own)
        written += translator.lines()
        notes += [
            f"{config.file}:{(own | common)[name]}: {name}: {what}"
            for name, what in VIRTUAL_NOTES.items()
            if name in own or name in common
        ]
        notes += translator.notes
    return written, list(dict.fromkeys(notes))


def _lines(lines: Iterator[grammar.Line]) -> dict[str, int]:
    found = {}
    for line in lines:
        if setting := line.setting():
            found[setting[0]] = line.number
        elif line.text.strip() == "supervised":
            found["supervised"] = line.number
    return found


class _Virtual:
    """One block. line: where it begins; places: where its directives stand."""

    def __init__(self, virtual: Virtual, file: str, line: int, places: Lines) -> None:
        self._virtual, self._file, self._line, self._places = virtual, file, line, places
        self.notes: list[str] = []

    def lines(self) -> Iterator[str]:
        virtual, key, state = self._virtual, self._virtual.key, self._virtual.state
        self._note_settings()
        if not virtual.reals:
            self._note("virtual", "keepalived ignores a virtual server without real servers")
            return
        yield f"virtual_server {_virtual_place(virtual)} {{"
        yield f" delay_loop {number(virtual.checkinterval)}"
        known = state.scheduler in SCHEDULERS
        if not known:
            self._note("scheduler", f"keepalived does not know the scheduler {state.scheduler}: wlc is taken")
        yield f" lvs_sched {state.scheduler if known else 'wlc'}"
        yield f" lvs_method {METHODS[virtual.reals[0].forwarding]}"
        if key.mark and key.family == 6:
            yield " ip_family inet6"
        if not key.mark:
            yield f" protocol {key.protocol.upper()}"
        if state.persistent:
            yield f" persistence_timeout {state.persistent}"
        if state.netmask:
            yield f" persistence_granularity {state.netmask}"
        yield from (f" {flag}" for flag in state.schedflags)
        if state.ops:
            yield " ops"
        if virtual.fallback:
            yield f" sorry_server {self._place(virtual.fallback.key)}"
            yield f" sorry_server_lvs_method {METHODS[virtual.fallback.forwarding]}"
        for real in virtual.reals:
            yield from self._real(real)
        yield "}"

    def _place(self, key: RealKey) -> str:
        """keepalived clears the port of servers behind a mark."""
        if not self._virtual.key.mark:
            return _place(key)
        if key.port:
            self._note("virtual", "behind a mark keepalived's servers have no port of their own: none is changed")
        return key.address

    def _real(self, real: Real) -> Iterator[str]:
        check = choose(self._virtual, real).check
        yield f" real_server {self._place(real.key)} {{"
        yield f"  weight {0 if check is Standing.OFF else real.weight}"
        yield f"  lvs_method {METHODS[real.forwarding]}"
        if self._virtual.quiescent:
            yield "  inhibit_on_failure"
        if real.upper:
            yield f"  uthreshold {real.upper}"
        if real.lower:
            yield f"  lthreshold {real.lower}"
        if isinstance(check, Probe):
            yield from (f"  {line}" for line in self._check(check, real))
        yield " }"

    def _check(self, probe: Probe, real: Real) -> Iterator[str]:
        spec = probe.spec
        if probe.connect:
            self._note("checktype", f"checktype={probe.connects}: keepalived has no turns, every check is the same one")
        if spec.method == "negotiate" and spec.service in GETS:
            yield f"{GETS[spec.service]} {{"
            yield from self._url(spec)
        elif spec.method == "ping":
            yield "PING_CHECK {"
        elif spec.port and spec.protocol == "tcp":
            if spec.method != "connect":
                self._note("service", f"{_words(spec)} became a TCP_CHECK: only the connection is looked at")
            yield "TCP_CHECK {"
        elif self._virtual.key.protocol == Protocol.TCP.value and self._checkport(real):
            self._note("checktype", f"{_words(spec)} became a TCP_CHECK: only the connection is looked at")
            yield "TCP_CHECK {"
        else:
            self._note("checktype", f"{_words(spec)} has no counterpart: the reals are not checked and count as up")
            return
        if spec.method != "external" and spec.address != real.key.address:
            yield f" connect_ip {spec.address}"
        served = 0 if self._virtual.key.mark else real.key.port
        if (port := spec.port or self._checkport(real)) and port != served and spec.method != "ping":
            yield f" connect_port {port}"
        retries = (self._virtual.policy.fall or self._virtual.failurecount) - 1
        yield f" connect_timeout {number(spec.timeout)}"
        yield f" retry {retries}"
        if retries:
            yield f" delay_before_retry {number(probe.interval)}"
        yield "}"

    def _checkport(self, real: Real) -> int:
        return self._virtual.checkport or real.port

    def _url(self, spec: CheckSpec) -> Iterator[str]:
        yield " url {"
        yield f"  path {_literal(spec.request)}"
        statuses = (f"{low}" if low == high else f"{low}-{high}" for low, high in spec.http.statuses)
        yield f"  status_code {' '.join(statuses)}"
        yield f"  virtualhost {_literal(spec.virtualhost)}"
        if spec.receive:
            yield f"  regex {quoted(spec.receive)}"
        yield " }"
        if spec.httpmethod != "GET":
            self._note("httpmethod", f"httpmethod={spec.httpmethod}: keepalived asks by GET")
        if spec.http.digest or spec.tls.verify or spec.tls.certificate:
            self._note("virtual", "what ldirector.yaml says of its pages and certificates is not looked at")

    def _note_settings(self) -> None:
        policy, virtual = self._virtual.policy, self._virtual
        for name in ("rise", "fast_interval", "sentinel"):
            if getattr(policy, name) != getattr(USUAL_POLICY, name):
                self._note("virtual", f"{name} of ldirector.yaml has no counterpart")
        if virtual.quiescent and virtual.fallback:
            self._note("fallback", "keepalived takes all reals out of the table while the sorry server is in it")

    def _note(self, directive: str, what: str) -> None:
        """With the line of this directive, where the block has it."""
        place = f"{self._file}:{self._places.get(directive, self._line)}"
        self.notes.append(f"{place}: virtual {virtual_label(self._virtual.key)}: {what}")


def _words(spec: CheckSpec) -> str:
    return f"the check of service {spec.service}" if spec.method == "negotiate" else f"the {spec.method} check"


def _virtual_place(virtual: Virtual) -> str:
    key = virtual.key
    return f"fwmark {key.mark}" if key.mark else _place(RealKey(key.address, key.port))


def _place(key: RealKey) -> str:
    return f"{key.address} {key.port}" if key.port else key.address


def number(seconds: float) -> str:
    """Without an exponent, which keepalived does not read."""
    return f"{seconds:.6f}".rstrip("0").rstrip(".")


def _literal(text: str) -> str:
    """In double quotes, for a path or a name: what might mean something there is written as in any URL."""
    return f'"{quote(text, safe=_PLAIN)}"'


def quoted(text: str) -> str:
    """In double quotes, for a pattern. What might mean something there (a quote, a backslash, $NAME, a comment) is
    written in octal, which 2.2.7 reads in patterns alone; it does not take the escaped quote of its manual page."""
    bytes_ = text.encode(errors="surrogateescape")
    return '"' + "".join(chr(byte) if byte in _PLAIN else f"\\{byte:03o}" for byte in bytes_) + '"'


_PLAIN = string.ascii_letters.encode() + string.digits.encode() + b" /._:=?&%,+*^|()[]<>;-"
