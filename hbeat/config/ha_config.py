"""What a whole ha.cf says, as one frozen value."""

from __future__ import annotations

from dataclasses import dataclass

from hbeat.config.errors import Problem
from hbeat.config.media import Medium
from hbeat.config.ping import Ping
from hbeat.core.model import Failback, NodeName, Timing


@dataclass(frozen=True, slots=True)
class Respawn:
    """A program to keep running as `user`.

    builtin names the part of this suite that does its work, if one does. runs: it is to be started.
    """

    user: str
    argv: tuple[str, ...]
    builtin: str | None
    runs: bool
    line: int


@dataclass(frozen=True, slots=True)
class LogSettings:
    """Where messages go. logfile takes all but debug messages, debugfile all; None = not there."""

    logfile: str | None
    debugfile: str | None
    logfacility: str | None
    use_logd: bool


@dataclass(frozen=True, slots=True)
class HaConfig:
    """All that ha.cf says. parameters: (directive, value) as cl_status and scripts see them, defaults included."""

    nodes: tuple[NodeName, ...]
    media: tuple[Medium, ...]
    udpport: int
    timing: Timing
    auto_failback: Failback
    respawn: tuple[Respawn, ...]
    watchdog: str | None
    log: LogSettings
    msgfmt: str  # "classic" or "netstring"
    uuidfrom: str  # "file" or "nodename"
    hbgenmethod: str  # "file" or "time"
    max_rexmit_delay: float  # seconds
    hopfudge: int
    log_badpack: bool
    realtime: bool
    rtprio: int | None
    debug: int
    ping_nodes: tuple[Ping, ...]
    environment: tuple[tuple[str, str], ...]  # from env lines, without the HA_ prefix
    parameters: tuple[tuple[str, str], ...]
    lines: tuple[tuple[str, int], ...]  # (directive, the last line that has it)
    warnings: tuple[Problem, ...]

    @property
    def ipfail(self) -> bool:
        """A respawn line starts it. It judges nothing with auto_failback legacy, which knows no standby."""
        started = any(respawn.builtin == "ipfail" for respawn in self.respawn)
        return started and self.auto_failback is not Failback.LEGACY
