"""Every directive of ldirectord.cf: where it may stand, what its value looks like, and whether it works yet.

This table drives the parser, its messages and the tests; a directive that is not in it is unknown. The order is that
of reference section b. `virtual` and `real` have a grammar of their own and are listed for the messages only.
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

    read_global: another form outside blocks, when it differs. missing: what happens instead, for a directive
    that is recognised but does nothing yet. obsolete: the cure, for one that is refused.
    """

    name: str
    scope: Scope
    read: values.Reader | None
    default: object = None
    missing: str = ""
    obsolete: str = ""
    read_global: values.Reader | None = None


_NO_MAIL = "no mail is sent"
_NO_CHECK_USES_IT = "no check of this release uses it"

_G, _V, _B = Scope.GLOBAL, Scope.VIRTUAL, Scope.BOTH

_ROWS = (
    Directive("virtual", _G, None),
    Directive("virtual6", _G, None),
    Directive("real", _V, None),
    Directive("real6", _V, None),
    Directive("checktimeout", _B, values.positive, default=5),
    Directive("negotiatetimeout", _B, values.positive, default=30),
    Directive("checkinterval", _B, values.positive, default=10),
    Directive("checkcount", _B, values.positive, default=1, missing="it is deprecated, failurecount does the job"),
    Directive("failurecount", _B, values.positive, default=1),
    Directive("autoreload", _G, values.yes_no, default=False),
    Directive("callback", _G, values.quoted, default="", missing="the command is not run when the file changes"),
    Directive("fallback", _B, None),
    Directive("fallback6", _B, None),
    Directive(
        "fallbackcommand",
        _B,
        values.maybe_quoted,
        default="",
        missing="the command is not run",
        read_global=values.some_text,
    ),
    Directive("logfile", _G, values.quoted, default="/var/log/ldirectord.log"),
    Directive("emailalert", _B, values.mail_addresses, default="", missing=_NO_MAIL),
    Directive("emailalertfrom", _G, values.some_text, default="", missing=_NO_MAIL),
    Directive("emailalertfreq", _B, values.number, default=0, missing=_NO_MAIL),
    Directive("emailalertstatus", _B, values.mail_states, default=("all",), missing=_NO_MAIL),
    Directive("smtp", _B, values.mail_host, default="", missing=_NO_MAIL),
    Directive("execute", _G, values.some_text, default="", missing="the other instance is not started"),
    Directive(
        "supervised",
        _G,
        values.yes_no,
        default=False,
        missing="the daemon goes to the background as usual",
    ),
    Directive("fork", _G, values.yes_no, default=False),
    Directive("quiescent", _B, values.yes_no, default=False),
    Directive("readdquiescent", _G, values.yes_no, default=False),
    Directive("cleanstop", _B, values.yes_no, default=True),
    Directive("maintenancedir", _G, values.some_text, default="", missing="files in it take no server out"),
    Directive("checktype", _V, values.check_type, default=(CheckType.NEGOTIATE, 0)),
    Directive("service", _V, values.service),
    Directive("checkcommand", _V, values.maybe_quoted, default="/bin/true"),
    Directive("checkport", _V, values.port_number, default=0),
    Directive("request", _V, values.quoted, default="/"),
    Directive("receive", _V, values.quoted, default=""),
    Directive("httpmethod", _V, values.http_method, default="GET"),
    Directive("virtualhost", _V, values.up_to_quote, default=""),
    Directive("login", _V, values.quoted, default="", missing=_NO_CHECK_USES_IT),
    Directive("passwd", _V, values.quoted, default="", missing=_NO_CHECK_USES_IT),
    Directive("database", _V, values.quoted, default="", missing=_NO_CHECK_USES_IT),
    Directive("secret", _V, values.quoted, default="", missing=_NO_CHECK_USES_IT),
    Directive("load", _V, values.quoted, default="", missing="ldirectord never used it either"),
    Directive("scheduler", _V, values.lower_case_run, default="wrr"),
    Directive("schedflags", _V, values.flags, default=()),
    Directive("persistent", _V, values.number, default=0),
    Directive("netmask", _V, None),
    Directive("protocol", _V, None),
    Directive("ops", _V, values.yes_no, default=False),
    Directive("monitorfile", _V, values.maybe_quoted, default="", missing="no line is written per check"),
    Directive("servicename", _V, values.bare, default=""),
    Directive("comment", _V, values.bare, default=""),
    Directive("timeout", _G, None, obsolete="write checktimeout= and negotiatetimeout="),
    Directive("connecttimeout", _G, None, obsolete="write negotiatetimeout="),
)

DIRECTIVES = {row.name: row for row in _ROWS}

DEFAULTS = {row.name: row.default for row in _ROWS}
