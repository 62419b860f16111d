"""Every directive of ldirectord.cf: where it may stand, what its value looks like, what it means.

This table drives the parser, its messages, the manual page and the tests; a directive that is not in it is unknown.
The order is that of reference section b. `virtual` and `real` have a grammar of their own.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from ldirector.config import values
from ldirector.core.model import CheckType


class Scope(Enum):
    """Where a directive may stand. BOTH: the one in the block wins."""

    GLOBAL = "before or between the virtuals"
    VIRTUAL = "inside a virtual"
    BOTH = "anywhere"

    @property
    def in_global(self) -> bool:
        return self is not Scope.VIRTUAL

    @property
    def in_virtual(self) -> bool:
        return self is not Scope.GLOBAL


@dataclass(frozen=True, slots=True)
class Directive:
    """One row. read: text -> value, None when the parser needs the block's context to read it.

    read_global: another form outside blocks, when it differs. form: the value as the manual writes it; meaning: what
    the directive does, one or more sentences of the manual. shown: the default as the manual writes it, "" when
    there is none. remark: a warning for everybody who uses it. obsolete: the cure, for one that is refused.
    """

    name: str
    scope: Scope
    read: values.Reader | None
    default: object = None
    form: str = ""
    meaning: str = ""
    shown: str = ""
    remark: str = ""
    obsolete: str = ""
    read_global: values.Reader | None = None


_G, _V, _B = Scope.GLOBAL, Scope.VIRTUAL, Scope.BOTH

_ROWS = (
    Directive(
        "virtual",
        _G,
        None,
        form="address:port | mark",
        meaning="Opens the block of a virtual service: an IPv4 address or host name with a port or service name, or a "
        "firewall mark. The indented lines after it belong to it. An address without a port is refused: ldirectord "
        "reads it as a firewall mark.",
    ),
    Directive(
        "virtual6",
        _G,
        None,
        form="[address]:port | name:port | mark",
        meaning="The same for IPv6.",
    ),
    Directive(
        "real",
        _V,
        None,
        form='address[->address][:port] gate|masq|ipip [weight] ["request", "receive"] [l:number] [u:number]',
        meaning="A real server, or a range of them. Weight is 1 when it is missing. request and receive replace those "
        "of the virtual; a request that contains http:// (the name of the service) has that host checked instead. l: "
        "and u: are the lower and upper connection threshold, in any order; a quiesced server has none. With gate and "
        "ipip the port in the table is that of the virtual, as the kernel needs it.",
    ),
    Directive("real6", _V, None, form="as real, with the address in brackets", meaning="The same for IPv6; no ranges."),
    Directive(
        "checktimeout",
        _B,
        values.positive,
        default=5,
        form="seconds",
        shown="5",
        meaning="The whole time of a connect, external or external-perl check, of each echo request of a ping, and of "
        "ldap and radius checks. Given alone, it is negotiatetimeout too.",
    ),
    Directive(
        "negotiatetimeout",
        _B,
        values.positive,
        default=30,
        form="seconds",
        shown="30",
        meaning="The whole time of a negotiate check, from the connection to the last byte. Given alone, it is "
        "checktimeout too; a virtual's checktimeout wins over a global negotiatetimeout.",
    ),
    Directive(
        "checkinterval",
        _B,
        values.positive,
        default=10,
        form="seconds",
        shown="10",
        meaning="From the start of a check to the start of the next one. All servers are checked independently of each "
        "other, spread over the interval; up to 25 begin together. The value of a virtual counts with fork=yes only, "
        "as in ldirectord.",
    ),
    Directive(
        "checkcount",
        _B,
        values.positive,
        default=1,
        form="number",
        shown="1",
        meaning="Echo requests of a ping check; one answer is enough.",
        remark="it is deprecated and counts for ping only; failurecount does the job",
    ),
    Directive(
        "failurecount",
        _B,
        values.positive,
        default=1,
        form="number",
        shown="1",
        meaning="Failed checks in a row that take a server down which was up. One good check starts the count again.",
    ),
    Directive(
        "autoreload",
        _G,
        values.yes_no,
        default=False,
        form="yes | no",
        shown="no",
        meaning="Read this file and ldirector.yaml again when they changed on disk. Nothing that runs is lost when the "
        "new file has an error.",
    ),
    Directive(
        "callback",
        _G,
        values.quoted_or_nothing,
        default="",
        form='"program"',
        meaning="Run with the path of this file after a change on disk was seen, with autoreload or without.",
    ),
    Directive(
        "fallback",
        _B,
        None,
        form="address[:port] [gate|masq|ipip]",
        meaning="The server in the table, with weight 1, while no real is up. Without a port it has that of the "
        "virtual. The method is gate when it is missing. A global fallback serves firewall marks, too.",
    ),
    Directive("fallback6", _B, None, form="[address][:port] [gate|masq|ipip]", meaning="The same for IPv6 virtuals."),
    Directive(
        "fallbackcommand",
        _B,
        values.command,
        default="",
        form="command",
        meaning="Run with the arguments start|stop, VIP:PORT and tcp|udp|fwm (a mark: :0) when the fallback comes into "
        "force and when it leaves; every start gets its stop. Words and quotes are read as in a shell, but no shell "
        "runs it: put pipes and redirections into a script.",
        read_global=values.bare_command,
    ),
    Directive(
        "logfile",
        _G,
        values.quoted_or_nothing,
        default="/var/log/ldirectord.log",
        form='"path" | "facility"',
        shown="/var/log/ldirectord.log",
        meaning="A file, opened for each line so that it can be rotated at any time, or a syslog facility.",
    ),
    Directive(
        "emailalert",
        _B,
        values.mail_addresses,
        default="",
        form="address[, address]...",
        meaning="Who gets a mail when a real is added, quiesced, restored, deleted or purged, and when a fallback "
        "comes or goes.",
    ),
    Directive(
        "emailalertfrom",
        _G,
        values.some_text,
        default="",
        form="address",
        meaning="The sender; without it the user and host name of the daemon.",
    ),
    Directive(
        "emailalertfreq",
        _B,
        values.number,
        default=0,
        form="seconds",
        shown="0",
        meaning="Time between reminders while a real stays down; 0 sends none.",
    ),
    Directive(
        "emailalertstatus",
        _B,
        values.mail_states,
        default=("all",),
        form="all | none | starting, running, stopping, reloading",
        shown="all",
        meaning="What the daemon has to be doing for a mail to be sent.",
    ),
    Directive(
        "smtp",
        _B,
        values.mail_host,
        default="",
        form="host",
        meaning="Deliver mail to port 25 of this host; without it through sendmail. Text behind the host, such as a "
        "port, is not looked at, which is a warning.",
    ),
    Directive(
        "execute",
        _G,
        values.configuration,
        default="",
        form="configuration",
        meaning="Start, reload and stop another instance (ldirectord CONFIGURATION VERB) together with this one. It "
        "may be repeated.",
    ),
    Directive(
        "supervised",
        _G,
        values.yes_no,
        default=False,
        form="yes | no",
        shown="no",
        meaning="Stay in the foreground, log to standard output and write no pid file, for a supervising process.",
    ),
    Directive(
        "fork",
        _G,
        values.yes_no,
        default=False,
        form="yes | no",
        shown="no",
        meaning="Accepted. Checks run in parallel in any case; it decides only whether a virtual may have a "
        "checkinterval of its own.",
    ),
    Directive(
        "quiescent",
        _B,
        values.yes_no,
        default=False,
        form="yes | no",
        shown="no",
        meaning="yes: a server that is down stays in the table with weight 0, so that its connections can end. no: it "
        "is deleted. (The manual of ldirectord says that yes is the default; its program says no.)",
    ),
    Directive(
        "readdquiescent",
        _G,
        values.yes_no,
        default=False,
        form="yes | no",
        shown="no",
        meaning="yes: a server that is down and that somebody deleted from the table by hand is put back with weight "
        "0. no: it stays out until it is up.",
    ),
    Directive(
        "cleanstop",
        _B,
        values.yes_no,
        default=True,
        form="yes | no",
        shown="yes",
        meaning="Remove the virtual from the table at the end. With no it is left exactly as it is, and a later start "
        "adopts it.",
    ),
    Directive(
        "maintenancedir",
        _G,
        values.some_text,
        default="",
        form="directory",
        meaning="A file in it with the name of a real server takes that server out at once, without a check: "
        "IP:PORT, IP, NAME:PORT, NAME, or the first label of NAME with or without port. The directory is looked at "
        "every second.",
    ),
    Directive(
        "checktype",
        _V,
        values.check_type,
        default=(CheckType.NEGOTIATE, 0),
        form="negotiate | connect | ping | external | external-perl | on | off | number",
        shown="negotiate",
        meaning="How the reals are checked, see CHECKS.",
    ),
    Directive(
        "service",
        _V,
        values.service,
        form="name",
        meaning="The protocol of negotiate checks, see SERVICES. Without it the one that belongs to the virtual's "
        "port, else none.",
    ),
    Directive(
        "checkcommand",
        _V,
        values.maybe_quoted,
        default="/bin/true",
        form="program",
        shown="/bin/true",
        meaning="The program of external and external-perl checks: one file name, run without a shell.",
    ),
    Directive(
        "checkport",
        _V,
        values.port_number,
        default=0,
        form="port",
        meaning="The port that is checked; without it that of the real, else that of the service.",
    ),
    Directive(
        "request",
        _V,
        values.quoted,
        default="/",
        form='"text"',
        shown="/",
        meaning="What the check asks for, see SERVICES. The / in front is added and taken off as the service needs it.",
    ),
    Directive(
        "receive",
        _V,
        values.quoted,
        default="",
        form='"pattern"',
        meaning="A regular expression (Perl syntax) that must be found in the answer. A pattern that does not compile "
        "is refused when the file is read.",
    ),
    Directive(
        "httpmethod",
        _V,
        values.http_method,
        default="GET",
        form="GET | HEAD",
        shown="GET",
        meaning="The method of http, https and http_proxy checks.",
    ),
    Directive(
        "virtualhost",
        _V,
        values.up_to_quote,
        default="",
        form="name",
        meaning="The Host header of http and https checks, and the server name of TLS (SNI); without it the real's "
        "address and no server name.",
    ),
    Directive("login", _V, values.quoted, default="", form='"name"', meaning="The user of checks that log in."),
    Directive("passwd", _V, values.quoted, default="", form='"text"', meaning="That user's password."),
    Directive(
        "database", _V, values.quoted, default="", form='"name"', meaning="The database of mysql, pgsql and oracle."
    ),
    Directive("secret", _V, values.quoted, default="", form='"text"', meaning="The shared secret of radius."),
    Directive(
        "load",
        _V,
        values.quoted,
        default="",
        form='"text"',
        meaning="Accepted and without effect, as in ldirectord.",
        remark="it has no effect, ldirectord never used it either",
    ),
    Directive(
        "scheduler",
        _V,
        values.lower_case_run,
        default="wrr",
        form="name",
        shown="wrr",
        meaning="The scheduler of the kernel, as in ipvsadm -s.",
    ),
    Directive(
        "schedflags",
        _V,
        values.flags,
        default=(),
        form="flag[,flag]...",
        meaning="Flags of the scheduler, as in ipvsadm -b: sh-port, sh-fallback, mh-port, mh-fallback.",
    ),
    Directive(
        "persistent",
        _V,
        values.number,
        default=0,
        form="seconds",
        meaning="A client stays with its server for so long after its last connection.",
    ),
    Directive(
        "netmask",
        _V,
        None,
        form="mask | prefix length",
        meaning="With persistent: clients of one network count as one. A dotted quad for IPv4, a length for IPv6.",
    ),
    Directive(
        "protocol",
        _V,
        None,
        form="tcp | udp | fwm",
        meaning="tcp when it is missing, udp for port 53, fwm for firewall marks.",
    ),
    Directive(
        "ops",
        _V,
        values.yes_no,
        default=False,
        form="yes | no",
        shown="no",
        meaning="One-packet scheduling, for udp only: each datagram is scheduled by itself.",
    ),
    Directive(
        "monitorfile",
        _V,
        values.maybe_quoted,
        default="",
        form="path",
        meaning="Gets one line for each check result of this virtual.",
    ),
    Directive("servicename", _V, values.bare, default="", form="text", meaning="Stands in the mails of this virtual."),
    Directive("comment", _V, values.bare, default="", form="text", meaning="Stands in the mails of this virtual."),
    Directive("timeout", _G, None, obsolete="write checktimeout= and negotiatetimeout="),
    Directive("connecttimeout", _G, None, obsolete="write negotiatetimeout="),
)

DIRECTIVES = {row.name: row for row in _ROWS}

DEFAULTS = {row.name: row.default for row in _ROWS}
