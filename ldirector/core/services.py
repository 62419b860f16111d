"""The services of negotiate checks: one row each, which is all that the parser, the checks and the manual know of them.

Reference section c. `uses` names the directives whose value the check looks at; one that is written although the
check does not use it is a warning. `needs` names those without which the original's check could never succeed; without
those in `expects` a check is made that no server is known to say yes to, which is a warning.
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
    meaning: what is asked and what is good, for the manual.
    """

    name: str
    port: int
    uses: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    expects: tuple[str, ...] = ()
    path: bool = False
    transport: Transport = Transport.TCP
    timeout: str = "negotiatetimeout"
    extra: str = ""
    meaning: str = ""


_HTTP = ("request", "receive", "httpmethod", "virtualhost")
_LOGIN = ("login", "passwd")
_SQL = ("login", "passwd", "database", "request")

_ROWS = (
    CheckedService(
        "http",
        80,
        _HTTP,
        path=True,
        meaning="GET or HEAD of request. Good is a status of 2xx and, if receive is set, a body that matches it. Up to "
        "7 redirects are followed, as a browser does. The body is limited to 256 KiB where it is looked at.",
    ),
    CheckedService(
        "https",
        443,
        _HTTP,
        path=True,
        meaning="The same over TLS. virtualhost is the server name that is asked for. Certificates are not verified "
        "unless ldirector.yaml says so.",
    ),
    CheckedService(
        "http_proxy",
        3128,
        ("request", "receive", "httpmethod"),
        ("request",),
        meaning="GET or HEAD of the absolute URL in request through the real as a proxy, judged as http.",
    ),
    CheckedService(
        "ftp",
        21,
        ("request", "receive", *_LOGIN),
        path=True,
        meaning="Logs in (anonymous without login), retrieves the file request in passive mode. Good is a complete "
        "transfer and, if receive is set, a file that matches it. Without request and receive the login decides.",
    ),
    CheckedService("smtp", 25, meaning="Greeting, EHLO or else HELO, QUIT. Good are answers of 2xx."),
    CheckedService("submission", 587, meaning="As smtp."),
    CheckedService(
        "pop", 110, _LOGIN, meaning="Good is the greeting +OK and, if login is set, that USER and PASS are accepted."
    ),
    CheckedService("pops", 995, (*_LOGIN, "virtualhost"), meaning="The same over TLS."),
    CheckedService(
        "imap", 143, _LOGIN, meaning="Good is the greeting OK and, if login is set, that LOGIN is accepted."
    ),
    CheckedService("imaps", 993, (*_LOGIN, "virtualhost"), meaning="The same over TLS."),
    CheckedService("nntp", 119, meaning="Good is a greeting that starts with 2."),
    CheckedService(
        "ldap",
        389,
        ("request", "receive", *_LOGIN),
        timeout="checktimeout",
        meaning="Binds (anonymously unless login and passwd are set) and searches the entry request. Good is exactly "
        "one entry whose name matches receive.",
    ),
    CheckedService(
        "ldaps",
        636,
        ("request", "receive", *_LOGIN, "virtualhost"),
        timeout="checktimeout",
        meaning="The same over TLS.",
    ),
    CheckedService(
        "dns",
        53,
        ("request", "receive"),
        ("request",),
        transport=Transport.DNS,
        extra="dns",
        meaning="Asks for the addresses (A) of the name in request, or for the name (PTR) of the address in it. Good "
        "is an answer with a record that matches receive.",
    ),
    CheckedService(
        "sip",
        5060,
        ("login",),
        transport=Transport.VIRTUAL,
        meaning="OPTIONS to sip:login (ldirectord@HOST without login). Good is SIP/2.0 200 OK.",
    ),
    CheckedService(
        "simpletcp",
        0,
        ("request", "receive"),
        transport=Transport.VIRTUAL,
        meaning="Sends request, in which \\n is a newline, and ends its side. Good is an answer of which a single line "
        "matches receive.",
    ),
    CheckedService(
        "mysql",
        3306,
        _SQL,
        ("login", "request"),
        extra="mysql",
        meaning="Logs in to database and runs the query request. Good is at least one row.",
    ),
    CheckedService("pgsql", 5432, _SQL, ("login", "request"), meaning="The same for PostgreSQL."),
    CheckedService("oracle", 1521, _SQL, ("login", "request"), extra="oracle", meaning="The same for Oracle."),
    CheckedService(
        "radius",
        1812,
        (*_LOGIN, "secret"),
        expects=("login", "secret"),
        transport=Transport.UDP,
        timeout="checktimeout",
        extra="radius",
        meaning="Access-Request for login with passwd and the shared secret. Good is Access-Accept.",
    ),
    CheckedService("none", 0, meaning="Nothing is asked, the real is always up."),
)

SERVICES = {row.name: row for row in _ROWS}

RADIUS_LIMITS = {"login": 253, "passwd": 128}
"""Bytes that radius carries of them, RFC 2865 sections 5.1 and 5.2."""

HTTP_SERVICES = ("http", "https", "http_proxy")
"""Those that are answered with a status and a body."""

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
