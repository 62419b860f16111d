"""The directives of ha.cf: one table for the parser, the defaults, the warnings, reload, the manual page and the tests.

Reference section 8 in full. `support` says what this program makes of a directive; whatever is not acted upon is said
once, by name, when a file uses it. `at_reload` says whether a change is taken up by `hbeat reload`.
"""

from __future__ import annotations

from hbeat.config.directive import Directive, Kind, Support

FACILITIES = (
    *("kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp"),
    *(f"local{number}" for number in range(8)),
)
"""The names of syslog facilities."""

_NO_EFFECT, _REFUSED = Support.NO_EFFECT, Support.REFUSED
_NO_LOGD = "messages go straight to the log files and to syslog"
_UNFENCED = "to switch a dead node off before its resources are taken over, which this release does not do"
_UNFENCED_CURE = "stay with heartbeat where two nodes must never write to one disk; elsewhere remove the line"
_PACEMAKER = "haresources is what decides here"
_UNCOMPRESSED = "what a peer compressed is read, our own messages are too small to gain by it"
_FOREIGN = "not known to heartbeat 3.0.6 either"
_USE_NETWORKS = "write ucast or bcast lines, and remove this one"
_FOR_PACEMAKER = "for Pacemaker, which this suite does without"

_ROWS = (
    # Members and media.
    Directive(
        "node",
        Kind.WORDS,
        "NAME...",
        "The members of the cluster, one or two, as `uname -n' (or the text of /etc/ha.d/nodeinfo) names them; upper "
        "and lower case are the same. This machine must be one of them.",
        at_reload=False,
    ),
    Directive(
        "udpport",
        Kind.INTEGER,
        "PORT",
        "Where heartbeats go, for the media lines below it. The peer must have the same.",
        default="694",
        shown="that of ha-cluster/udp in /etc/services, else 694",
        low=1,
        high=65535,
    ),
    Directive(
        "ucast",
        Kind.LINE,
        "DEVICE HOST",
        "Heartbeats to one address over one interface, which names the link. A line for each node makes the file the "
        "same on both; that with an own address does no harm. A host name is looked up when the file is read.",
    ),
    Directive("ucast6", Kind.LINE, "DEVICE HOST", "The same over IPv6."),
    Directive("bcast", Kind.LINE, "DEVICE...", "Broadcast heartbeats on these interfaces."),
    Directive("udp", Kind.LINE, "DEVICE...", "The old name of bcast."),
    Directive(
        "mcast",
        Kind.LINE,
        "DEVICE GROUP PORT TTL LOOP",
        "Multicast heartbeats to GROUP (224.0.0.0/4) on PORT; LOOP is 0 or 1.",
    ),
    Directive("mcast6", Kind.LINE, "DEVICE GROUP PORT HOPS LOOP", "The same over IPv6."),
    Directive(
        "serial",
        Kind.WORDS,
        "TTY...",
        "a serial line, which carries no heartbeats here",
        _REFUSED,
        cure="join the nodes by a second network and write bcast DEVICE",
    ),
    Directive("baud", Kind.WORD, "RATE", "it is the speed of serial lines", _NO_EFFECT, default="19200"),
    Directive(
        "ping",
        Kind.LINE,
        "HOST...",
        "Each host is a ping node: it is asked for an ICMP echo with every heartbeat, and ipfail compares how many "
        "of them each node sees.",
    ),
    Directive("ping6", Kind.LINE, "HOST...", "The same over IPv6."),
    Directive(
        "ping_group", Kind.LINE, "NAME HOST...", "One ping node that is there as long as any of its hosts answers."
    ),
    Directive(
        "hbaping",
        Kind.LINE,
        "...",
        _FOREIGN,
        _REFUSED,
        cure="write ping HOST for a host that answers ICMP echo requests",
    ),
    *(
        Directive(name, Kind.LINE, "...", _FOREIGN, _REFUSED, cure=_USE_NETWORKS)
        for name in ("rds", "tipc", "openais", "evms")
    ),
    # Timers.
    Directive("keepalive", Kind.TIME, "TIME", "The time between two heartbeats; 10ms at least.", default="1000ms"),
    Directive(
        "deadtime",
        Kind.TIME,
        "TIME",
        "A node is dead after so long a silence on all links. It must be more than twice keepalive, and 40ms at least. "
        "What counts is the value of the node that is silent, which it announces in its heartbeats.",
        default="30000ms",
    ),
    Directive(
        "warntime",
        Kind.TIME,
        "TIME",
        "A heartbeat that comes later than this is told in the log.",
        shown="half of deadtime",
    ),
    Directive(
        "initdead",
        Kind.TIME,
        "TIME",
        "Takes the place of deadtime until every node was heard once after the start: machines that are switched on "
        "together wait so long for each other.",
        shown="deadtime if that is above 10 s, twice deadtime from 6 s on, else 12 s",
    ),
    Directive("deadping", Kind.TIME, "TIME", "The deadtime of ping nodes.", shown="deadtime"),
    # Resources.
    Directive(
        "auto_failback",
        Kind.CHOICE,
        "on | off | legacy",
        "What becomes of a node's groups when it returns: on gives them back to it, off leaves them where they are. "
        "legacy is the protocol of heartbeat 1.0, where each node always takes its own; it must be the same on both. "
        "A change from or to legacy needs a restart of both.",
        default="legacy",
        choices=("boolean", "legacy"),
    ),
    Directive(
        "nice_failback",
        Kind.BOOLEAN,
        "BOOLEAN",
        "Obsolete: on is auto_failback off, off is auto_failback legacy.",
    ),
    Directive(
        "respawn",
        Kind.LINE,
        "USER /PATH [ARGUMENT...]",
        "A program that runs as USER while this node is active. It is started again when it ends, after a second if it "
        "lived for less than 30 seconds, but not when its exit status is 100, nor after more than ten short lives in a "
        "row. It is called without a shell. ipfail is a part of this program, whatever its path.",
    ),
    Directive(
        "failfast",
        Kind.LINE,
        "USER /PATH [ARGUMENT...]",
        "to reset the machine when that program dies, which this one does not do",
        _REFUSED,
        cure="write respawn, or let the service manager start it (systemd: FailureAction=reboot-force)",
    ),
    Directive(
        "apiauth",
        Kind.LINE,
        "CLIENT [uid=USER,...] [gid=GROUP,...]",
        "there is no client library here; root may ask everything, members of group haclient may look",
        _NO_EFFECT,
    ),
    *(
        Directive(name, Kind.LINE, form, _UNFENCED, _REFUSED, cure=_UNFENCED_CURE)
        for name, form in (("stonith", "TYPE FILE"), ("stonith_host", "HOST TYPE PARAMETER..."))
    ),
    Directive(
        "watchdog",
        Kind.WORD,
        "/DEVICE",
        "The kernel's watchdog (/dev/watchdog; softdog will do) resets this machine when the daemon hangs, or dies "
        "otherwise than by a stop. It is written to with every heartbeat; its own timeout is left as it is.",
        at_reload=False,
    ),
    # Logging.
    Directive(
        "logfacility",
        Kind.CHOICE,
        "FACILITY | none",
        "Messages go to syslog under this facility.",
        choices=(*FACILITIES, "none"),
        shown="daemon if there is no logfile and no debugfile either",
    ),
    Directive(
        "logfile", Kind.WORD, "/PATH", "All messages but those for debugging go there; logrotate needs no signal."
    ),
    Directive("debugfile", Kind.WORD, "/PATH", "All messages go there."),
    Directive("use_logd", Kind.BOOLEAN, "BOOLEAN", _NO_LOGD, _NO_EFFECT),
    Directive("conn_logd_time", Kind.TIME, "TIME", _NO_LOGD, _NO_EFFECT, default="60000ms"),
    Directive("syslogmsgfmt", Kind.BOOLEAN, "BOOLEAN", "log files have one form", _NO_EFFECT, default="true"),
    Directive(
        "log_badpack",
        Kind.BOOLEAN,
        "BOOLEAN",
        "Datagrams that are refused are told in the log, at a bounded rate. They are counted in any case.",
        default="true",
    ),
    Directive("debug", Kind.INTEGER, "LEVEL", "Above 0, messages for debugging are written.", default="0", high=255),
    # The wire.
    Directive(
        "hopfudge",
        Kind.INTEGER,
        "NUMBER",
        "Added to the field ttl of messages, which matters on serial rings only.",
        default="1",
        high=255,
        at_reload=False,
    ),
    Directive(
        "hbgenmethod",
        Kind.CHOICE,
        "file | time",
        "Where the number of this start comes from: counted in /var/lib/heartbeat/hb_generation, or the clock.",
        default="file",
        choices=("file", "time"),
        at_reload=False,
    ),
    Directive(
        "uuidfrom",
        Kind.CHOICE,
        "file | nodename",
        "Where this node's uuid comes from: /var/lib/heartbeat/hb_uuid, made at the first start, or the node's name.",
        default="file",
        choices=("file", "nodename"),
        at_reload=False,
    ),
    Directive(
        "msgfmt",
        Kind.CHOICE,
        "classic | netstring",
        "Whether messages carry the inner signature, too, that heartbeat 2 looked at (classic).",
        default="classic",
        choices=("classic", "netstring"),
    ),
    Directive(
        "max_rexmit_delay",
        Kind.INTEGER,
        "MILLISECONDS",
        "A lost message is asked for again after so long.",
        default="250",
        low=1,
    ),
    Directive(
        "compression", Kind.CHOICE, "zlib | bz2", _UNCOMPRESSED, _NO_EFFECT, default="zlib", choices=("zlib", "bz2")
    ),
    Directive("compression_threshold", Kind.INTEGER, "KIBIBYTES", _UNCOMPRESSED, _NO_EFFECT, default="2"),
    Directive("traditional_compression", Kind.BOOLEAN, "BOOLEAN", _UNCOMPRESSED, _NO_EFFECT, default="no"),
    # The process.
    Directive(
        "realtime",
        Kind.BOOLEAN,
        "BOOLEAN",
        "Real-time scheduling (SCHED_RR) and locked memory. What the machine does not grant is a warning.",
        default="true",
        at_reload=False,
    ),
    Directive(
        "rtprio",
        Kind.INTEGER,
        "PRIORITY",
        "The real-time priority.",
        shown="the lowest",
        low=1,
        high=99,
        at_reload=False,
    ),
    Directive("env", Kind.WORDS, "NAME=VALUE...", "Scripts find HA_NAME with this value in their environment."),
    Directive("memreserve", Kind.INTEGER, "KIBIBYTES", "memory is locked as it is used", _NO_EFFECT, default="6500"),
    Directive(
        "coredumps",
        Kind.BOOLEAN,
        "BOOLEAN",
        "the limits of whoever starts the daemon apply; its errors are told in the log",
        _NO_EFFECT,
        default="true",
    ),
    Directive("coreroot", Kind.WORD, "/PATH", "it is not used", _NO_EFFECT, default="/var/lib/heartbeat/cores"),
    Directive("cluster", Kind.WORD, "NAME", "the old program only records it, too", _NO_EFFECT, default="linux-ha"),
    Directive("normalpoll", Kind.BOOLEAN, "BOOLEAN", "it is not needed", _NO_EFFECT, default="true"),
    Directive(
        "use_apphbd", Kind.BOOLEAN, "BOOLEAN", "there is no application heartbeat daemon", _NO_EFFECT, default="off"
    ),
    Directive("quorum_server", Kind.WORD, "HOST", _PACEMAKER, _NO_EFFECT),
    # Other masters.
    Directive(
        "autojoin",
        Kind.CHOICE,
        "none | other | any",
        "not possible with haresources",
        _REFUSED,
        default="none",
        choices=("none", "other", "any"),
        cure="list the nodes and drop the line",
    ),
    *(
        Directive(
            name,
            Kind.WORD,
            "BOOLEAN | WORD",
            _FOR_PACEMAKER,
            _REFUSED,
            default="false",
            cure="drop the line to use haresources",
        )
        for name in ("crm", "pacemaker")
    ),
    Directive("crm_daemon_dir", Kind.WORD, "/PATH", _PACEMAKER, _NO_EFFECT),
    Directive("crmd_spawns_pengine", Kind.WORD, "BOOLEAN", _PACEMAKER, _NO_EFFECT),
    *(
        Directive(name, Kind.BOOLEAN, "BOOLEAN", _PACEMAKER, _NO_EFFECT, default="on")
        for name in ("record_config_changes", "record_pengine_inputs", "enable_config_writes")
    ),
)

DIRECTIVES = {row.name: row for row in _ROWS}
"""Directive by name, in the order of the table."""

PASSING = {"autojoin": "none", "crm": "off, no", "pacemaker": "off, no"}
"""What passes of the directives that are refused otherwise, as the manual shows it."""

PINGS = ("ping", "ping6", "ping_group")
"""The directives that name ping nodes."""

MEDIA = ("ucast", "ucast6", "bcast", "udp", "mcast", "mcast6", "serial")
"""The directives that describe a way to the other node."""

BUILT_IN_CLIENTS = ("ipfail",)
"""Programs of respawn lines that are parts of this suite, known by their path's last part; the path need not exist."""

LIBRARY_CLIENTS = {
    "dopd": "tell DRBD of the peer by another fence-peer handler, such as one over ssh; its own will fail",
    "hbagent": "ask cl_status, or `hbeat status --yaml`",
    "apphbd": "let the service manager watch programs",
    "pingd": "write respawn of ipfail",
} | dict.fromkeys(
    ("ccm", "cib", "cibmon", "crmd", "attrd", "lrmd", "stonithd", "pengine", "mgmtd"),
    "remove the line: it is for Pacemaker",
)
"""Programs of respawn lines that speak to heartbeat's own socket, by their path's last part, and what to do instead."""
