"""What is probed for a real: checktype, service, request and port of its virtual, turned into check specifications.

A real is either probed or stands by itself. `on` and `off` stand by themselves, and so does a real whose check this
release does not have and that cannot be checked in another way. Where it can, a plain TCP connect takes the place of
the missing check: it sees a dead machine or a dead service, only not a sick one. Where nothing can be probed (udp,
for want of ping) the reals count as up, because the other choice would take a working service away from its users;
the parser says so in a warning each time the file is read.

Reference section c; request and URL forms of section a ("real=").
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum
from urllib.parse import quote

from ldirector.core.events import CheckSpec
from ldirector.core.model import CheckType, Protocol, Real, Virtual, bracketed
from ldirector.core.receive import judge_body
from ldirector.core.verdict import Outcome, Reason, Verdict

DEFAULT_PORTS = {
    "ftp": 21,
    "smtp": 25,
    "dns": 53,
    "http": 80,
    "pop": 110,
    "nntp": 119,
    "imap": 143,
    "ldap": 389,
    "https": 443,
    "submission": 587,
    "ldaps": 636,
    "imaps": 993,
    "pops": 995,
    "oracle": 1521,
    "radius": 1812,
    "http_proxy": 3128,
    "mysql": 3306,
    "sip": 5060,
    "pgsql": 5432,
}
"""Service -> port probed when neither checkport nor the real names one; backwards, a virtual's port -> its service."""

SERVICES = (*DEFAULT_PORTS, "none", "simpletcp")

NEGOTIATED = ("http", "https")
"""The services whose protocol check exists."""

_PRINTABLE = "".join(map(chr, range(0x21, 0x7F)))


class Standing(Enum):
    """A real that is not probed."""

    ON = "on"
    OFF = "off"
    UNCHECKED = "unchecked"


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


def default_service(port: int) -> str:
    """The service that negotiate checks take from the virtual's port."""
    return next((service for service, its_port in DEFAULT_PORTS.items() if its_port == port), "none")


def choose(virtual: Virtual, real: Real) -> Choice:
    """How this real of this virtual is checked. Raises ValueError when a request's URL cannot be used."""
    return _CHOOSERS[virtual.checktype](virtual, real)


def probed_port(virtual: Virtual, real: Real) -> int:
    """checkport, else the real's port as written, else the default port of the service, else 0."""
    return virtual.checkport or real.port or DEFAULT_PORTS.get(virtual.service, 0)


def judge_http(spec: CheckSpec, status: int, body: bytes) -> Verdict:
    """The verdict on a complete HTTP answer: a final status of 2xx, and receive found in the body."""
    if not 200 <= status <= 299:
        return Verdict(Outcome.FAIL, Reason.WRONG_STATUS, str(status))
    return judge_body(spec.receive, body)


def _on(virtual: Virtual, real: Real) -> Choice:
    return Choice(Standing.ON)


def _off(virtual: Virtual, real: Real) -> Choice:
    return Choice(Standing.OFF)


def _connect(virtual: Virtual, real: Real) -> Choice:
    if virtual.key.protocol == Protocol.UDP.value:
        return _instead("checktype=connect of a udp virtual means ping, which", virtual, real)
    port = probed_port(virtual, real)
    if not port:
        return Choice(
            Standing.OFF,
            "checktype=connect finds no port to probe, so the server counts as down",
            "write checkport=, service= or a port on the real= line",
        )
    return Choice(Probe(_connect_spec(virtual, real, port), virtual.checkinterval))


def _ping(virtual: Virtual, real: Real) -> Choice:
    return _instead("checktype=ping", virtual, real)


def _external(virtual: Virtual, real: Real) -> Choice:
    """Four arguments: virtual address or mark, its port, the real's address and port (0 = none)."""
    key = virtual.key
    named = str(key.mark) if key.protocol == Protocol.FWM.value else bracketed(key.address)
    arguments = (named, str(key.port), bracketed(real.key.address), str(real.port))
    interpreter = ("perl",) if virtual.checktype is CheckType.EXTERNAL_PERL else ()
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
    if virtual.service in NEGOTIATED:
        return Choice(Probe(_http_spec(virtual, real), virtual.checkinterval))
    if virtual.service == "none":
        return Choice(
            Standing.ON,
            "the reals are not checked and count as up: checktype=negotiate has no service to negotiate with",
            "write service= or checktype=connect",
        )
    return _instead(f"the negotiate check of service={virtual.service}", virtual, real)


def _combined(virtual: Virtual, real: Real) -> Choice:
    first = _negotiate(virtual, real)
    if virtual.service not in NEGOTIATED:
        if virtual.service == "none" and virtual.key.protocol != Protocol.UDP.value:
            return _connect(virtual, real)
        return first
    if virtual.connects == 0 or not isinstance(first.check, Probe):
        return first
    connect = _connect_spec(virtual, real, probed_port(virtual, real))
    return Choice(replace(first.check, connect=connect, connects=virtual.connects))


def _instead(missing: str, virtual: Virtual, real: Real) -> Choice:
    """The nearest thing to a check that does not exist yet."""
    port = probed_port(virtual, real)
    if virtual.key.protocol == Protocol.UDP.value or not port:
        return Choice(
            Standing.UNCHECKED,
            f"{missing} is not available yet and nothing else can be probed: the server counts as up, unchecked",
            "write checktype=external with a checkcommand",
        )
    return Choice(
        Probe(_connect_spec(virtual, real, port), virtual.checkinterval),
        f"{missing} is not available yet: a TCP connect to port {port} is made instead",
        "nothing to do, or write checktype=external with a checkcommand",
    )


def _connect_spec(virtual: Virtual, real: Real, port: int) -> CheckSpec:
    return CheckSpec("connect", real.key.address, port, virtual.checktimeout)


def _http_spec(virtual: Virtual, real: Real) -> CheckSpec:
    request = real.request or virtual.request
    address, port = real.key.address, probed_port(virtual, real)
    url = re.search(rf"{virtual.service}://(.*)", request, re.DOTALL)
    if url:
        address, port, request = _split_url(url[1], DEFAULT_PORTS[virtual.service])
    elif not request.startswith("/"):
        request = "/" + request
    return CheckSpec(
        method="negotiate",
        address=address,
        port=port,
        timeout=virtual.negotiatetimeout,
        service=virtual.service,
        request=quote(request, safe=_PRINTABLE, errors="surrogateescape"),
        receive=real.receive or virtual.receive,
        virtualhost=virtual.virtualhost or bracketed(address),
        httpmethod=virtual.httpmethod,
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
