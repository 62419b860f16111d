"""Effects: what the director wants done. Adapters perform them and report back through its verbs."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

from ldirector.core.model import (
    USUAL_HTTP,
    USUAL_TLS,
    HttpRules,
    RealKey,
    RealState,
    TlsRules,
    VirtualKey,
    VirtualState,
)


class Level(IntEnum):
    """Severity of a note; the numbers are those of the logging module."""

    DEBUG = 10
    INFO = 20
    WARNING = 30
    ERROR = 40


@dataclass(frozen=True, slots=True)
class CheckSpec:
    """All that decides how one probe is made; equal specs are one probe (reference section c, last paragraph).

    method: "negotiate", "connect", "ping", "external" (on and off are decided without a probe).
    address: an address in canonical text, or a host name when a request names another host by URL; "" for external.
    port: 0 for ping and external. timeout: seconds for the whole check. attempts: echo requests of one ping, which
    share the timeout evenly. protocol: "tcp" or "udp", what carries the check.
    service: for negotiate, a name of core/services.py. request: in the form that service wants, see there. receive:
    the pattern as written, "" accepts any answer. login, passwd, database, secret: as written, "" = none. virtualhost:
    the Host header, always filled in for http and https; elsewhere as written. http, tls: see Policy.
    command: the whole argument list of an external check, to be run without a shell.
    """

    method: str
    address: str
    port: int
    timeout: float
    protocol: str = "tcp"
    service: str = ""
    request: str = ""
    receive: str = ""
    virtualhost: str = ""
    httpmethod: str = "GET"
    login: str = ""
    passwd: str = field(default="", repr=False)
    database: str = ""
    secret: str = field(default="", repr=False)
    command: tuple[str, ...] = ()
    attempts: int = 1
    http: HttpRules = USUAL_HTTP
    tls: TlsRules = USUAL_TLS


@dataclass(frozen=True, slots=True)
class StartCheck:
    """Run one probe now; report with Director.finished(check_id, verdict, now)."""

    check_id: int
    spec: CheckSpec


@dataclass(frozen=True, slots=True)
class CancelCheck:
    """The result of this probe is no longer wanted."""

    check_id: int


@dataclass(frozen=True, slots=True)
class OpenSentinel:
    """Open an idle TCP connection and watch it; report with Director.sentinel_lost(sentinel_id, now) when it could not
    be opened or has ended."""

    sentinel_id: int
    address: str
    port: int


@dataclass(frozen=True, slots=True)
class CloseSentinel:
    """This connection is no longer wanted; nothing is to be reported for it."""

    sentinel_id: int


@dataclass(frozen=True, slots=True)
class ReadTable:
    """Read the kernel's table and report it with Director.reconcile(table, now)."""


@dataclass(frozen=True, slots=True)
class AddVirtual:
    key: VirtualKey
    state: VirtualState


@dataclass(frozen=True, slots=True)
class SetVirtual:
    key: VirtualKey
    state: VirtualState


@dataclass(frozen=True, slots=True)
class DeleteVirtual:
    key: VirtualKey


@dataclass(frozen=True, slots=True)
class AddReal:
    virtual: VirtualKey
    key: RealKey
    state: RealState


@dataclass(frozen=True, slots=True)
class SetReal:
    virtual: VirtualKey
    key: RealKey
    state: RealState


@dataclass(frozen=True, slots=True)
class DeleteReal:
    virtual: VirtualKey
    key: RealKey


TableOp = AddVirtual | SetVirtual | DeleteVirtual | AddReal | SetReal | DeleteReal


@dataclass(frozen=True, slots=True)
class ApplyOps:
    """Write these to the kernel in this order.

    The shell performs each operation even when an earlier one failed. If any failed, it reads the kernel table
    again and calls Director.table_failed(failures, table, now) so that the affected virtuals are planned anew.
    """

    ops: tuple[TableOp, ...]


@dataclass(frozen=True, slots=True)
class OpFailure:
    """Reported back: the kernel refused this operation. errno as the kernel gave it, 0 when there was none."""

    op: TableOp
    errno: int
    text: str


@dataclass(frozen=True, slots=True)
class Command:
    """A program to run once. argv: the whole list, without a shell. what: for the log.

    key: commands of one key run one after the other, in their order.
    """

    argv: tuple[str, ...]
    what: str
    key: str


@dataclass(frozen=True, slots=True)
class Mail:
    """One message to send. recipients: addresses as written. smtp: host to deliver to, "" = the local mailer."""

    recipients: tuple[str, ...]
    sender: str
    subject: str
    body: str
    smtp: str = ""


@dataclass(frozen=True, slots=True)
class MonitorLine:
    """A line for a monitorfile. text: without time, pid and newline."""

    path: str
    text: str


@dataclass(frozen=True, slots=True)
class Note:
    """A line for the log."""

    level: Level
    text: str


Effect = (
    StartCheck | CancelCheck | OpenSentinel | CloseSentinel | ReadTable | ApplyOps | Command | Mail | MonitorLine | Note
)
