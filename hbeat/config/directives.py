"""The directives of ha.cf: one table for the parser, the defaults, the warnings and the tests.

Reference section 8 in full. `support` says what this release makes of a directive; whatever is not acted upon is
said once, by name, when a file uses it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Kind(Enum):
    """How the words after a directive are read."""

    TIME = "a time: seconds, or with the unit ms or us"
    BOOLEAN = "true, on, yes, y, 1, false, off, no, n or 0"
    INTEGER = "a whole number"
    CHOICE = "one of the listed words"
    WORD = "a word; a repeated one replaces the one before"
    WORDS = "words which add up over the lines"
    LINE = "the whole line is one setting"


class Support(Enum):
    """What this release does with a directive."""

    IMPLEMENTED = "done"
    LATER = "recognised; comes in a later release"
    NO_EFFECT = "recognised; there is nothing it could change here"
    REFUSED = "asks for another program than this one"


@dataclass(frozen=True, slots=True)
class Directive:
    """One row. default is the text as ha.cf would have it, None if there is none or it follows from another."""

    name: str
    kind: Kind
    support: Support = Support.IMPLEMENTED
    default: str | None = None
    choices: tuple[str, ...] = ()
    low: int = 0
    high: int = 2**31 - 1
    note: str = ""


FACILITIES = (
    *("kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp"),
    *(f"local{number}" for number in range(8)),
)
"""The names of syslog facilities."""

_LATER, _NO_EFFECT, _REFUSED = Support.LATER, Support.NO_EFFECT, Support.REFUSED
_NO_LOGD = "messages go straight to the log files and to syslog"
_UNFENCED = "NOTHING IS FENCED: a node that is thought dead is not switched off before its resources are taken over"
_PACEMAKER = "haresources is what decides here"
_UNCOMPRESSED = "no message is large enough to be compressed"

_ROWS = (
    # Members and media. 5,120-byte serial rings and the like are recognised so that old files still load.
    Directive("node", Kind.WORDS),
    Directive("udpport", Kind.INTEGER, default="694", low=1, high=65535),
    Directive("ucast", Kind.LINE),
    Directive("ucast6", Kind.LINE),
    Directive("bcast", Kind.LINE),
    Directive("udp", Kind.LINE),
    Directive("mcast", Kind.LINE),
    Directive("mcast6", Kind.LINE),
    Directive("serial", Kind.WORDS, _REFUSED),
    Directive("baud", Kind.WORD, _NO_EFFECT, default="19200", note="it is the speed of serial lines"),
    Directive("ping", Kind.LINE),
    Directive("ping6", Kind.LINE),
    Directive("ping_group", Kind.LINE),
    *(Directive(name, Kind.LINE, _REFUSED) for name in ("hbaping", "rds", "tipc", "openais", "evms")),
    # Timers.
    Directive("keepalive", Kind.TIME, default="1000ms"),
    Directive("deadtime", Kind.TIME, default="30000ms"),
    Directive("warntime", Kind.TIME, note="default deadtime / 2"),
    Directive("initdead", Kind.TIME, note="default deadtime if above 10 s, twice it from 6 s, else 12 s"),
    Directive("deadping", Kind.TIME, note="default deadtime"),
    # Resources.
    Directive("auto_failback", Kind.CHOICE, default="legacy", choices=("boolean", "legacy")),
    Directive("nice_failback", Kind.BOOLEAN, note="obsolete: on is auto_failback off, off is auto_failback legacy"),
    Directive("respawn", Kind.LINE, _LATER),
    Directive("failfast", Kind.LINE, _LATER),
    Directive("apiauth", Kind.LINE, _LATER, note="only root may use the control socket"),
    Directive("stonith", Kind.LINE, _LATER, note=_UNFENCED),
    Directive("stonith_host", Kind.LINE, _LATER, note=_UNFENCED),
    Directive("watchdog", Kind.WORD, _LATER, note="NOTHING REBOOTS this machine when the daemon hangs"),
    # Logging.
    Directive("logfacility", Kind.CHOICE, choices=(*FACILITIES, "none")),
    Directive("logfile", Kind.WORD),
    Directive("debugfile", Kind.WORD),
    Directive("use_logd", Kind.BOOLEAN, _NO_EFFECT, note=_NO_LOGD),
    Directive("conn_logd_time", Kind.TIME, _NO_EFFECT, default="60000ms", note=_NO_LOGD),
    Directive("syslogmsgfmt", Kind.BOOLEAN, _NO_EFFECT, default="true", note="log files have one form"),
    Directive("log_badpack", Kind.BOOLEAN, default="true"),
    Directive("debug", Kind.INTEGER, default="0", high=255),
    # The wire.
    Directive("hopfudge", Kind.INTEGER, default="1", high=255),
    Directive("hbgenmethod", Kind.CHOICE, default="file", choices=("file", "time")),
    Directive("uuidfrom", Kind.CHOICE, default="file", choices=("file", "nodename")),
    Directive("msgfmt", Kind.CHOICE, default="classic", choices=("classic", "netstring")),
    Directive("max_rexmit_delay", Kind.INTEGER, default="250", low=1, note="milliseconds"),
    Directive("compression", Kind.CHOICE, _NO_EFFECT, choices=("zlib", "bz2"), default="zlib", note=_UNCOMPRESSED),
    Directive("compression_threshold", Kind.INTEGER, _NO_EFFECT, default="2", note=_UNCOMPRESSED),
    Directive("traditional_compression", Kind.BOOLEAN, _NO_EFFECT, default="no", note=_UNCOMPRESSED),
    # The process.
    Directive("realtime", Kind.BOOLEAN, default="true"),
    Directive("rtprio", Kind.INTEGER, low=1, high=99),
    Directive("env", Kind.WORDS),
    Directive("memreserve", Kind.INTEGER, _NO_EFFECT, default="6500", note="memory is locked as it is used"),
    Directive("coredumps", Kind.BOOLEAN, _NO_EFFECT, default="true", note="the service manager's limits apply"),
    Directive("coreroot", Kind.WORD, _NO_EFFECT, default="/var/lib/heartbeat/cores", note="it is not used"),
    Directive("cluster", Kind.WORD, _NO_EFFECT, default="linux-ha", note="the original only records it, too"),
    Directive("normalpoll", Kind.BOOLEAN, _NO_EFFECT, default="true", note="it is not needed"),
    Directive("use_apphbd", Kind.BOOLEAN, _NO_EFFECT, default="off", note="there is no application heartbeat daemon"),
    Directive("quorum_server", Kind.WORD, _NO_EFFECT, note=_PACEMAKER),
    # Other masters.
    Directive("autojoin", Kind.CHOICE, _REFUSED, default="none", choices=("none", "other", "any")),
    Directive("crm", Kind.WORD, _REFUSED, default="false"),
    Directive("pacemaker", Kind.WORD, _REFUSED, default="false"),
    Directive("crm_daemon_dir", Kind.WORD, _NO_EFFECT, note=_PACEMAKER),
    Directive("crmd_spawns_pengine", Kind.WORD, _NO_EFFECT, note=_PACEMAKER),
    Directive("record_config_changes", Kind.BOOLEAN, _NO_EFFECT, default="on", note=_PACEMAKER),
    Directive("record_pengine_inputs", Kind.BOOLEAN, _NO_EFFECT, default="on", note=_PACEMAKER),
    Directive("enable_config_writes", Kind.BOOLEAN, _NO_EFFECT, default="on", note=_PACEMAKER),
)

DIRECTIVES = {row.name: row for row in _ROWS}
"""Directive by name, in the order of the table."""

PINGS = ("ping", "ping6", "ping_group")
"""The directives that name ping nodes."""

MEDIA = ("ucast", "ucast6", "bcast", "udp", "mcast", "mcast6", "serial")
"""The directives that describe a way to the other node."""

BUILT_IN_CLIENTS = ("ipfail",)
"""Programs of respawn lines that are parts of this suite, known by their path's last part; the path need not exist."""
