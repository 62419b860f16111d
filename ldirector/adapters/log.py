"""The daemon's log: a file, a syslog facility, or the terminal (reference section d, "Log lines").

The file is opened for each line, as the original does: a rotated log needs no signal, and lines are few (one per
transition). A log that cannot be written is said once on standard error and changes nothing else.
"""

from __future__ import annotations

import os
import sys
import syslog
import time
from pathlib import Path

from ldirector.core.events import Level

SYSLOG_SOCKET = Path("/dev/log")
SYSLOG_PRIORITIES = {
    Level.DEBUG: syslog.LOG_DEBUG,
    Level.INFO: syslog.LOG_INFO,
    Level.WARNING: syslog.LOG_WARNING,
    Level.ERROR: syslog.LOG_ERR,
}
PREFIXES = {Level.WARNING: "Warning: ", Level.ERROR: "Error: "}


class Log:
    """target: a path starting with "/", a syslog facility, or "" for standard error. name: as in the line format."""

    def __init__(self, target: str, name: str, lowest: Level = Level.INFO) -> None:
        self._target = target
        self._name = name
        self._lowest = lowest
        self._complained: set[str] = set()

    def redirect(self, target: str) -> None:
        """Write to this target from now on; a log on the terminal stays there."""
        if self._target:
            self._target = target

    def verify(self) -> None:
        """Say now, on the terminal of the command that starts the daemon, if lines would be lost."""
        if self._target.startswith("/"):
            try:
                open(self._target, "a").close()
            except OSError as error:
                self._complain_of_file(error)
        elif self._target:
            self._syslog_is_there()

    def write(self, level: Level, text: str) -> None:
        if level < self._lowest:
            return
        text = PREFIXES.get(level, "") + text
        if self._target.startswith("/"):
            self._to_file(text)
        elif self._target:
            self._to_syslog(level, text)
        else:
            sys.stderr.write(self._line(text))

    def _line(self, text: str) -> str:
        return f"[{time.asctime()}|{self._name}|{os.getpid()}] {text}\n"

    def _to_file(self, text: str) -> None:
        try:
            with open(self._target, "a", encoding="utf-8", errors="surrogateescape") as file:
                file.write(self._line(text))
        except OSError as error:
            self._complain_of_file(error)

    def _to_syslog(self, level: Level, text: str) -> None:
        if not self._syslog_is_there():
            return
        facility = getattr(syslog, f"LOG_{self._target.upper()}", syslog.LOG_DAEMON)
        syslog.openlog("ldirectord", syslog.LOG_PID, facility)
        for line in text.splitlines():
            syslog.syslog(SYSLOG_PRIORITIES[level], line)

    def _syslog_is_there(self) -> bool:
        if SYSLOG_SOCKET.exists():
            return True
        self._complain(
            f"nothing listens on {SYSLOG_SOCKET}, log lines are lost; start a syslog daemon or write "
            'logfile="/var/log/ldirectord.log"'
        )
        return False

    def _complain_of_file(self, error: OSError) -> None:
        self._complain(f"cannot write the log {self._target}: {error.strerror}; going on without it")

    def _complain(self, words: str) -> None:
        if words not in self._complained:
            self._complained.add(words)
            sys.stderr.write(f"ldirectord: {words}\n")
