"""What a whole ldirectord.cf says, as one frozen value."""

from __future__ import annotations

from dataclasses import dataclass

from ldirector.config.errors import Problem
from ldirector.core.model import Virtual

SYSLOG_FACILITIES = (
    *("auth", "authpriv", "cron", "daemon", "ftp", "kern", "lpr", "mail", "news", "syslog", "user", "uucp"),
    *(f"local{number}" for number in range(8)),
)


@dataclass(frozen=True, slots=True)
class DirectorConfig:
    """virtuals in the order of the file, globals merged into them; the rest is what concerns the daemon itself.

    logfile: a path, or the name of a syslog facility when it does not start with "/". autoreload: re-read the file
    when it changed on disk. The last four come from ldirector.yaml.
    """

    file: str
    virtuals: tuple[Virtual, ...]
    warnings: tuple[Problem, ...] = ()
    logfile: str = "/var/log/ldirectord.log"
    autoreload: bool = False
    callback: str = ""
    execute: tuple[str, ...] = ()
    supervised: bool = False
    maintenancedir: str = ""
    emailalertfrom: str = ""
    reconcile: bool = True
    sysctl: str = "check"
    checks_in_flight: int = 4000
    commands_in_flight: int = 32
