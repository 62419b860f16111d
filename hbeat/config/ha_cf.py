"""ha.cf text -> HaConfig: a frozen value with every default worked out, or all that is wrong with the text.

Two passes. The first walks the lines with the directive table and keeps, per directive, its line and values. The
second builds the value and applies the rules that need more than one line (reference sections 4.1 and 8).
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping

from hbeat.config.directive import Directive, Kind, Support
from hbeat.config.directives import BUILT_IN_CLIENTS, DIRECTIVES, LIBRARY_CLIENTS, MEDIA, PINGS
from hbeat.config.errors import Problems
from hbeat.config.ha_config import HaConfig, LogSettings, Respawn
from hbeat.config.lines import numbered_lines
from hbeat.config.media import Medium, read_media
from hbeat.config.ping import Ping, joined, read_pings
from hbeat.config.values import (
    check_not_refused,
    milliseconds,
    parse_boolean,
    parse_choice,
    parse_failback,
    parse_integer,
    parse_time,
)
from hbeat.core.model import Failback, NodeName, PingKind, Timing


def parse_ha_cf(text: str, file: str, *, own_name: NodeName | None, default_udpport: int = 694) -> HaConfig:
    """Read the text of ha.cf. `file` is how messages name it.

    own_name is this machine's name, which must be among the nodes; None leaves that out (for a file looked at on
    another machine). default_udpport is what /etc/services has for ha-cluster. Raises ConfigError.
    """
    problems = Problems(file)
    lines = _Lines(problems, default_udpport)
    for number, line in numbered_lines(text, problems):
        words = re.split(r"[\s,]+", line.partition("#")[0].strip(" \t\r\f\v,"))
        if words != [""]:
            lines.take(number, words[0], words[1:])
    config = lines.build(own_name)
    problems.raise_errors()
    return config


SHORTEST_KEEPALIVE, SHORTEST_DEADTIME = 0.01, 0.04
"""Seconds. A real-time process that beats more often leaves no processor to others, and what is shorter than this is
the unpunctuality of a busy machine. Nothing published comes near it (the shortest are 100 ms and 1 s). An error, and
not another value than the one that was written: the node on the other side would go by what is written there."""
SHELL_CHARACTERS = frozenset("\"'`$&|;<>()*?[]{}\\")
"""The original starts programs by sh -c, where these mean something."""


class _Lines:
    """The settings gathered so far: per directive the words in force, each with its line."""

    def __init__(self, problems: Problems, default_udpport: int) -> None:
        self._problems = problems
        self._words: dict[str, list[tuple[int, str]]] = {}
        self._udpport = default_udpport
        self._media: list[Medium] = []
        self._respawn: list[Respawn] = []
        self._pings: list[Ping] = []
        self._first_medium = 0
        self._warned: set[str] = set()
        self._last_line: dict[str, int] = {}

    # ---- first pass: one line at a time

    def take(self, number: int, name: str, words: list[str]) -> None:
        row = DIRECTIVES.get(name)
        if row is None:
            self._refuse_unknown(number, name)
            return
        self._last_line[name] = number
        if not words:
            self._problems.error(number, f"{name} without a value", f"add one ({row.kind.value}) or drop the line")
            return
        self._say_if_not_done(number, row)
        if name in MEDIA:
            self._first_medium = self._first_medium or number
        if name in MEDIA and row.support is Support.IMPLEMENTED:
            self._take_media(number, name, words)
            return
        if row.kind is Kind.LINE:
            self._take_line(number, name, words)
            return
        for word in words:
            self._take_word(number, row, word)

    def _refuse_unknown(self, number: int, name: str) -> None:
        near = difflib.get_close_matches(name, DIRECTIVES, n=1)
        if name.lower() in DIRECTIVES:
            near = [name.lower()]
        cure = f'did you mean "{near[0]}"?' if near else "remove the line"
        self._problems.error(number, f'unknown directive "{name}"', cure)

    def _say_if_not_done(self, number: int, row: Directive) -> None:
        if row.name in self._warned:
            return
        self._warned.add(row.name)
        if row.support is Support.NO_EFFECT:
            self._problems.warn(number, f"{row.name} has no effect here", row.meaning)
        elif row.name == "nice_failback":
            self._problems.warn(number, "nice_failback is obsolete", "write auto_failback off or on instead")

    def _take_word(self, number: int, row: Directive, word: str) -> None:
        try:
            self._check_word(row, word)
        except ValueError as error:
            self._problems.error(number, *_halves(f"{row.name} {word} is {error}"))
            return
        if row.name == "udpport":
            if self._media and int(word) != self._udpport:
                self._problems.warn(
                    number,
                    f"udpport {word} does not apply to the lines above, which use {self._udpport}",
                    "move it above them",
                )
            self._udpport = int(word)
        if row.kind is Kind.WORDS:
            self._words.setdefault(row.name, []).append((number, word))
        else:
            self._words[row.name] = [(number, word)]

    def _check_word(self, row: Directive, word: str) -> None:
        if row.support is Support.REFUSED:
            check_not_refused(row.name, word, f"{row.meaning}; {row.cure}")
        elif row.kind is Kind.TIME:
            parse_time(word)
        elif row.kind is Kind.BOOLEAN:
            parse_boolean(word)
        elif row.kind is Kind.INTEGER:
            parse_integer(word, row.low, row.high)
        elif row.name == "auto_failback":
            parse_failback(word)
        elif row.kind is Kind.CHOICE:
            parse_choice(word, row.choices)
        elif row.name == "env" and not re.fullmatch(r"[A-Za-z_]\w*=.*", word, re.ASCII):
            raise ValueError("not a variable; write NAME=VALUE")
        elif row.name in ("logfile", "debugfile", "watchdog") and not word.startswith("/"):
            raise ValueError("not an absolute path; write it from /")

    def _take_media(self, number: int, name: str, words: list[str]) -> None:
        try:
            self._media += read_media(name, words, self._udpport, number)
        except ValueError as error:
            self._problems.error(number, *_halves(str(error)))

    def _take_line(self, number: int, name: str, words: list[str]) -> None:
        if name == "respawn":
            self._take_respawn(number, name, words)
        elif name in PINGS:
            self._take_pings(number, name, words)
        elif DIRECTIVES[name].support is Support.REFUSED:
            self._problems.error(number, f"{name} is {DIRECTIVES[name].meaning}", DIRECTIVES[name].cure)

    def _take_pings(self, number: int, name: str, words: list[str]) -> None:
        try:
            self._pings += read_pings(name, words, number)
        except ValueError as error:
            self._problems.error(number, *_halves(str(error)))

    def _take_respawn(self, number: int, name: str, words: list[str]) -> None:
        if len(words) < 2 or not words[1].startswith("/"):
            self._problems.error(
                number, f"{name} takes a user and an absolute path", f"write {name} USER /PATH [ARGUMENT ...]"
            )
            return
        if strange := next((word for word in words[1:] if SHELL_CHARACTERS & set(word)), None):
            what = f"{name}: {strange!r} is for a shell, and programs are started without one"
            self._problems.error(number, what, "put the command into a script and name that")
            return
        program = words[1].rpartition("/")[2]
        builtin = program if program in BUILT_IN_CLIENTS else None
        if program in LIBRARY_CLIENTS:
            what = f"{program} needs heartbeat's client library, which is not here: it is not started"
            self._problems.warn(number, what, LIBRARY_CLIENTS[program])
        runs = builtin is None and program not in LIBRARY_CLIENTS
        self._respawn.append(Respawn(words[0], tuple(words[1:]), builtin, runs, number))

    # ---- second pass: the value

    def build(self, own_name: NodeName | None) -> HaConfig:
        """The value; meaningless if the rules found errors, which the caller raises."""
        nodes = self._nodes(own_name)
        self._check_media()
        timing = self._timing()
        failback = self._failback()
        rtprio = self._word("rtprio")
        return HaConfig(
            nodes=nodes,
            media=tuple(self._media),
            udpport=self._udpport,
            timing=timing,
            auto_failback=failback,
            respawn=tuple(self._respawn),
            watchdog=self._word("watchdog"),
            log=self._log(),
            msgfmt=self._text("msgfmt"),
            uuidfrom=self._text("uuidfrom"),
            hbgenmethod=self._text("hbgenmethod"),
            max_rexmit_delay=int(self._text("max_rexmit_delay")) / 1000,
            hopfudge=int(self._text("hopfudge")),
            log_badpack=parse_boolean(self._text("log_badpack")),
            realtime=parse_boolean(self._text("realtime")),
            rtprio=None if rtprio is None else int(rtprio),
            debug=int(self._text("debug")),
            ping_nodes=self._ping_nodes(nodes),
            environment=tuple((name, value) for name, _, value in (w.partition("=") for w in self._all("env"))),
            parameters=tuple(self._parameters(timing, nodes).items()),
            lines=tuple(self._last_line.items()),
            warnings=self._problems.warnings,
        )

    def _line(self, name: str) -> int:
        return self._words[name][-1][0] if name in self._words else 0

    def _word(self, name: str) -> str | None:
        return self._words[name][-1][1] if name in self._words else None

    def _text(self, name: str) -> str:
        """The word in force, or the table's default."""
        return self._word(name) or DIRECTIVES[name].default or ""

    def _all(self, name: str) -> list[str]:
        return [word for _, word in self._words.get(name, ())]

    def _nodes(self, own_name: NodeName | None) -> tuple[NodeName, ...]:
        nodes = list(dict.fromkeys(word.lower() for word in self._all("node")))
        if not nodes:
            self._problems.error(0, "no nodes", "add a node line with the name of each of the two machines")
        elif len(nodes) > 2:
            self._problems.error(
                self._line("node"), f"{len(nodes)} nodes ({', '.join(nodes)})", "a haresources cluster has two at most"
            )
        elif own_name is not None and own_name.lower() not in nodes:
            self._problems.error(
                0,
                f"current node {own_name} not in configuration: the nodes are {', '.join(nodes)}",
                "name this machine as uname -n does, in a node line",
            )
        return tuple(nodes)

    def _ping_nodes(self, nodes: tuple[NodeName, ...]) -> tuple[Ping, ...]:
        pings = joined(self._pings)
        for ping in pings:
            if ping.node.name in nodes:
                cure = (
                    "choose another name for the group"
                    if ping.node.kind is PingKind.GROUP
                    else "name a host outside the cluster"
                )
                self._problems.error(ping.hosts[0].line, f"ping node {ping.node.name} is a node of the cluster", cure)
        return pings

    def _check_media(self) -> None:
        if self._media:
            return
        if self._first_medium:
            return  # each has its error already
        self._problems.error(0, "no media, so no heartbeats", "add a bcast DEVICE or ucast DEVICE ADDRESS line")

    def _timing(self) -> Timing:
        keepalive = parse_time(self._text("keepalive"))
        deadtime = parse_time(self._text("deadtime"))
        warntime, initdead, deadping = (
            default if word is None else parse_time(word)
            for word, default in (
                (self._word("warntime"), deadtime / 2),
                (self._word("initdead"), _default_initdead(deadtime)),
                (self._word("deadping"), deadtime),
            )
        )
        for name, value, shortest, usual in (
            ("keepalive", keepalive, SHORTEST_KEEPALIVE, "1"),
            ("deadtime", deadtime, SHORTEST_DEADTIME, "10"),
        ):
            if value < shortest:
                least = milliseconds(shortest)
                self._problems.error(
                    self._line(name),
                    f"{name} {value:g} s is less than {least}, and no machine keeps to that",
                    f"write {least} or more, such as {usual}",
                )
        for name, value in (("deadtime", deadtime), ("deadping", deadping)):
            if value <= 2 * keepalive and (name == "deadtime" or name in self._words):
                self._problems.error(
                    self._line(name) or self._line("keepalive"),
                    f"{name} {value:g} s is not more than twice keepalive {keepalive:g} s",
                    f"raise {name} or lower keepalive",
                )
        if initdead < deadtime:
            self._problems.error(
                self._line("initdead"),
                f"initdead {initdead:g} s is less than deadtime {deadtime:g} s",
                "raise it, or drop the line for the default",
            )
        elif initdead < 10:
            self._problems.warn(
                self._line("initdead"),
                f"initdead {initdead:g} s is short: a machine whose network comes up late takes everything",
                "10 or more is usual",
            )
        return Timing(keepalive, warntime, deadtime, initdead, deadping)

    def _failback(self) -> Failback:
        word, nice = self._word("auto_failback"), self._word("nice_failback")
        if word is not None:
            return parse_failback(word)
        if nice is not None:
            return Failback.OFF if parse_boolean(nice) else Failback.LEGACY
        self._problems.warn(0, "no auto_failback line, which means legacy", "write auto_failback on, off or legacy")
        return Failback.LEGACY

    def _log(self) -> LogSettings:
        logfile, debugfile, logfacility = map(self._word, ("logfile", "debugfile", "logfacility"))
        if logfile is None and debugfile is None and logfacility is None:
            self._problems.warn(
                0, "neither logfile, debugfile nor logfacility", "messages go to the syslog facility daemon"
            )
            logfacility = "daemon"
        use_logd = self._word("use_logd")
        return LogSettings(
            logfile=logfile,
            debugfile=debugfile,
            logfacility=None if logfacility == "none" else logfacility,
            use_logd=use_logd is not None and parse_boolean(use_logd),
        )

    def _parameters(self, timing: Timing, nodes: tuple[NodeName, ...]) -> Mapping[str, str]:
        """Values as written, defaults as the original shows them (reference 12.2: HA_initdead=12000ms)."""
        parameters = {name: row.default for name, row in DIRECTIVES.items() if row.default is not None}
        parameters |= {
            "warntime": milliseconds(timing.warntime),
            "initdead": milliseconds(timing.initdead),
            "deadping": milliseconds(timing.deadping),
            "udpport": str(self._udpport),
        }
        for name in self._words:
            if DIRECTIVES[name].kind is not Kind.WORDS:
                parameters[name] = self._text(name)
        parameters["node"] = " ".join(nodes)
        return parameters


def _halves(message: str) -> tuple[str, str]:
    """What and cure of a message whose two halves are parted by "; "."""
    what, _, cure = message.rpartition("; ")
    return what, cure


def _default_initdead(deadtime: float) -> float:
    """Reference section 4.1: long enough for a peer that boots at the same moment."""
    if deadtime > 10:
        return deadtime
    return 2 * deadtime if deadtime >= 6 else 12.0
