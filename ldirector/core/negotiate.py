"""What is probed for a real: checktype, service, request and port of its virtual, turned into check specifications.

A real is either probed or stands by itself, as `on`, `off` and `service=none` do.

Reference section c; request and URL forms of section a ("real="). Differences on purpose: with udp every check of
checktype=N is a negotiate, because the connects in between could only ever succeed; a service without the settings it
needs counts as down without being asked, and the parser says so.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum
from urllib.parse import quote

from ldirector.core.events import CheckSpec
from ldirector.core.model import CheckType, Protocol, Real, Virtual, bracketed
from ldirector.core.services import SERVICES, TLS_SERVICES, CheckedService, transport

_PRINTABLE = "".join(map(chr, range(0x21, 0x7F)))


class Standing(Enum):
    """A real that is not probed."""

    ON = "on"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class Probe:
    """How one server is probed; equal probes are made once and shared by all virtuals that want them.

    spec is used for every check, except that with connects > 0 (checktype=N) each success of spec is followed by
    that many successes of `connect`. interval: seconds from one check to the next.
    """

    spec: CheckSpec
    interval: float
    connect: CheckSpec | None = None
    connects: int = 0


@dataclass(frozen=True, slots=True)
class Choice:
    """How a real is checked; what and cure are words for the operator when it is not what the file asks for."""

    check: Probe | Standing
    what: str = ""
    cure: str = ""


def choose(virtual: Virtual, real: Real) -> Choice:
    """How this real of this virtual is checked. Raises ValueError when a request's URL cannot be used."""
    return _CHOOSERS[virtual.checktype](virtual, real)


def kinds(virtual: Virtual) -> tuple[Real, ...]:
    """One real for each way in which reals of this virtual are checked, beside their addresses: a range is one kind."""
    found: dict[tuple[int, str | None, str | None], Real] = {}
    for real in virtual.reals:
        found.setdefault((real.port, real.request, real.receive), real)
    return tuple(found.values())


def probed_port(virtual: Virtual, real: Real) -> int:
    """checkport, else the real's port as written, else the default port of the service, else 0."""
    return virtual.checkport or real.port or SERVICES[virtual.service].port


def request_text(virtual: Virtual, real: Real) -> str:
    """What is asked for, in the form that the service wants: a path with its leading slash, or bare text."""
    bare = (virtual.request if real.request is None else real.request).removeprefix("/")
    return f"/{bare}" if SERVICES[virtual.service].path else bare


def receive_pattern(virtual: Virtual, real: Real) -> str:
    """What must be found in the answer; "" is found in any."""
    return virtual.receive if real.receive is None else real.receive


def unused_directives(virtual: Virtual, written: Callable[[str], bool]) -> tuple[str, ...]:
    """Directives of check details that are written although this virtual's check does not look at them."""
    details = ("request", "receive", "httpmethod", "virtualhost", "login", "passwd", "database", "secret")
    used: tuple[str, ...] = ()
    if virtual.checktype.negotiates:
        used = SERVICES[virtual.service].uses
    return tuple(name for name in details if name not in used and written(name))


def _on(virtual: Virtual, real: Real) -> Choice:
    return Choice(Standing.ON)


def _off(virtual: Virtual, real: Real) -> Choice:
    return Choice(Standing.OFF)


def _connect(virtual: Virtual, real: Real) -> Choice:
    if virtual.key.protocol == Protocol.UDP.value:
        return _ping(virtual, real)
    port = probed_port(virtual, real)
    if not port:
        return _no_port("checktype=connect")
    return Choice(Probe(_connect_spec(virtual, real, port), virtual.checkinterval))


def _ping(virtual: Virtual, real: Real) -> Choice:
    """checkcount attempts of checktimeout each."""
    count = virtual.checkcount
    spec = CheckSpec("ping", real.key.address, 0, virtual.checktimeout * count, protocol="icmp", attempts=count)
    return Choice(Probe(spec, virtual.checkinterval))


def _external(virtual: Virtual, real: Real) -> Choice:
    """Four arguments: virtual address or mark, its port, the real's address and port (0 = none)."""
    key = virtual.key
    named = str(key.mark) if key.protocol == Protocol.FWM.value else bracketed(key.address)
    arguments = (named, str(key.port), bracketed(real.key.address), str(real.port))
    interpreter = ("perl", "--") if virtual.checktype is CheckType.EXTERNAL_PERL else ()
    spec = CheckSpec(
        method="external",
        address="",
        port=0,
        timeout=virtual.checktimeout,
        command=(*interpreter, virtual.checkcommand, *arguments),
    )
    if virtual.checkcommand == "/bin/true":
        return Choice(
            Probe(spec, virtual.checkinterval),
            f"checktype={virtual.checktype.value} without a checkcommand runs /bin/true, so every real counts as up",
            "write checkcommand=",
        )
    return Choice(Probe(spec, virtual.checkinterval))


def _negotiate(virtual: Virtual, real: Real) -> Choice:
    service = SERVICES[virtual.service]
    if service.name == "none":
        return Choice(
            Standing.ON,
            "the reals are not checked and count as up: checktype=negotiate has no service to negotiate with",
            "write service= or checktype=connect",
        )
    if lacking := [name for name in service.needs if not _given(name, virtual, real)]:
        return Choice(
            Standing.OFF,
            f"service={service.name} cannot succeed without {' and '.join(lacking)}, so its reals count as down",
            f"write {' and '.join(f'{name}=' for name in lacking)}",
        )
    if not probed_port(virtual, real):
        return _no_port(f"service={service.name}")
    spec = _web_spec(virtual, real) if service.name in ("http", "https") else _spec(service, virtual, real)
    return Choice(Probe(spec, virtual.checkinterval))


def _given(name: str, virtual: Virtual, real: Real) -> bool:
    if name == "request":
        return request_text(virtual, real) not in ("", "/")
    return bool(getattr(virtual, name))


def _combined(virtual: Virtual, real: Real) -> Choice:
    if virtual.service == "none" and virtual.key.protocol != Protocol.UDP.value:
        return _connect(virtual, real)
    first = _negotiate(virtual, real)
    if virtual.connects == 0 or not isinstance(first.check, Probe) or first.check.spec.protocol == "udp":
        return first
    connect = _connect_spec(virtual, real, probed_port(virtual, real))
    return Choice(replace(first.check, connect=connect, connects=virtual.connects))


def _no_port(what: str) -> Choice:
    return Choice(
        Standing.OFF,
        f"{what} finds no port to probe, so the server counts as down",
        "write checkport=, service= or a port on the real= line",
    )


def _connect_spec(virtual: Virtual, real: Real, port: int) -> CheckSpec:
    return CheckSpec("connect", real.key.address, port, virtual.checktimeout)


def _spec(service: CheckedService, virtual: Virtual, real: Real) -> CheckSpec:
    """What the service does not look at is left out, so that checks which differ in nothing else are shared."""
    given = {name: getattr(virtual, name) for name in service.uses if name != "request"}
    if "request" in service.uses:
        given["request"] = request_text(virtual, real)
    if "receive" in service.uses:
        given["receive"] = receive_pattern(virtual, real)
    if service.name in TLS_SERVICES:
        given["tls"] = virtual.policy.tls
    if service.name == "http_proxy":
        given["http"] = virtual.policy.http
    return CheckSpec(
        method="negotiate",
        address=real.key.address,
        port=probed_port(virtual, real),
        timeout=getattr(virtual, service.timeout),
        protocol=transport(service, virtual.key.protocol),
        service=service.name,
        **given,
    )


def _web_spec(virtual: Virtual, real: Real) -> CheckSpec:
    """http and https: the request may be a URL that names another host."""
    service = SERVICES[virtual.service]
    spec = _spec(service, virtual, real)
    address, port, request = spec.address, spec.port, spec.request
    if url := re.search(rf"{service.name}://(.*)", request, re.DOTALL):
        address, port, request = _split_url(url[1], service.port)
    return replace(
        spec,
        address=address,
        port=port,
        request=quote(request, safe=_PRINTABLE, errors="surrogateescape"),
        virtualhost=virtual.virtualhost or bracketed(address),
        http=virtual.policy.http,
    )


def _split_url(rest: str, default_port: int) -> tuple[str, int, str]:
    """Host, port and path of what stands after `http://`: the check goes to that host (vector 09)."""
    match = re.match(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+))(?::([0-9]{1,5}))?(?=[/?]|\Z)(.*)", rest, re.DOTALL)
    port = int(match[3] or default_port) if match else 0
    if not match or not 1 <= port <= 65535:
        raise ValueError(f"the URL in the request has no usable host and port: {rest[:40]!r}")
    path = match[4]
    return match[1] or match[2], port, path if path.startswith("/") else "/" + path


_CHOOSERS: dict[CheckType, Callable[[Virtual, Real], Choice]] = {
    CheckType.NEGOTIATE: _negotiate,
    CheckType.CONNECT: _connect,
    CheckType.PING: _ping,
    CheckType.EXTERNAL: _external,
    CheckType.EXTERNAL_PERL: _external,
    CheckType.ON: _on,
    CheckType.OFF: _off,
    CheckType.COMBINED: _combined,
}
