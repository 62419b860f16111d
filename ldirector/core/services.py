"""The services of negotiate checks: one row each, which is all that the parser, the checks and the manual know of them.

Reference section c. `uses` names the directives whose value the check looks at; one that is written although the
check does not use it is a warning. `needs` names those without which the original's check could never succeed.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from ldirector.core.model import Protocol


class Transport(Enum):
    """What carries the check. VIRTUAL: udp for a udp virtual, else tcp. DNS: tcp for a tcp virtual, else udp."""

    TCP = "tcp"
    UDP = "udp"
    VIRTUAL = "the virtual's protocol"
    DNS = "udp, or tcp when protocol=tcp"


@dataclass(frozen=True, slots=True)
class CheckedService:
    """One row. port: 0 = none of its own. path: the request begins with a slash, added when missing; else it is bare.

    timeout: the directive that limits the whole check. extra: the optional set of libraries in setup.cfg, "" = none.
    """

    name: str
    port: int
    uses: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    path: bool = False
    transport: Transport = Transport.TCP
    timeout: str = "negotiatetimeout"
    extra: str = ""


_HTTP = ("request", "receive", "httpmethod", "virtualhost")
_LOGIN = ("login", "passwd")
_SQL = ("login", "passwd", "database", "request")

_ROWS = (
    CheckedService("http", 80, _HTTP, path=True),
    CheckedService("https", 443, _HTTP, path=True),
    CheckedService("http_proxy", 3128, ("request", "receive", "httpmethod"), ("request",)),
    CheckedService("ftp", 21, ("request", "receive", *_LOGIN), path=True),
    CheckedService("smtp", 25),
    CheckedService("submission", 587),
    CheckedService("pop", 110, _LOGIN),
    CheckedService("pops", 995, _LOGIN),
    CheckedService("imap", 143, _LOGIN),
    CheckedService("imaps", 993, _LOGIN),
    CheckedService("nntp", 119),
    CheckedService("ldap", 389, ("request", "receive", *_LOGIN), timeout="checktimeout"),
    CheckedService("ldaps", 636, ("request", "receive", *_LOGIN), timeout="checktimeout"),
    CheckedService("dns", 53, ("request", "receive"), ("request",), transport=Transport.DNS, extra="dns"),
    CheckedService("sip", 5060, ("login",), transport=Transport.VIRTUAL),
    CheckedService("simpletcp", 0, ("request", "receive"), transport=Transport.VIRTUAL),
    CheckedService("mysql", 3306, _SQL, ("login", "request"), extra="mysql"),
    CheckedService("pgsql", 5432, _SQL, ("login", "request")),
    CheckedService("oracle", 1521, _SQL, ("login", "request"), extra="oracle"),
    CheckedService(
        "radius", 1812, (*_LOGIN, "secret"), transport=Transport.UDP, timeout="checktimeout", extra="radius"
    ),
    CheckedService("none", 0),
)

SERVICES = {row.name: row for row in _ROWS}

TLS_SERVICES = ("https", "pops", "imaps", "ldaps")
"""Those that speak TLS from the first byte."""


def default_service(port: int) -> str:
    """The service that negotiate checks take from the virtual's port."""
    return next((row.name for row in _ROWS if row.port == port and port), "none")


def transport(service: CheckedService, virtual_protocol: str) -> str:
    """ "tcp" or "udp": what carries this service's check for a virtual of that protocol."""
    match service.transport:
        case Transport.VIRTUAL:
            return Protocol.UDP.value if virtual_protocol == Protocol.UDP.value else Protocol.TCP.value
        case Transport.DNS:
            return Protocol.TCP.value if virtual_protocol == Protocol.TCP.value else Protocol.UDP.value
    return str(service.transport.value)
