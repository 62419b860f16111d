"""Where the operator reads: logfile, debugfile and syslog, as ha.cf names them (reference section 11.7).

The logfile takes everything but debug messages, the debugfile everything. Files are opened for each line, so that
logrotate needs no signal; syslog is a datagram that is dropped rather than waited for. Nothing here may ever hold up
a heartbeat.
"""

from __future__ import annotations

import os
import socket
import sys
import time
from pathlib import Path

from hbeat.core.events import Level

FACILITIES = {
    name: number
    for number, name in enumerate(
        "kern user mail daemon auth syslog lpr news uucp cron authpriv ftp".split()  # noqa: SIM905
    )
} | {f"local{n}": 16 + n for n in range(8)}
_SEVERITY = {Level.DEBUG: 7, Level.INFO: 6, Level.WARNING: 4, Level.ERROR: 3, Level.CRITICAL: 2}
_WORD = {
    Level.DEBUG: "debug",
    Level.INFO: "info",
    Level.WARNING: "WARN",
    Level.ERROR: "ERROR",
    Level.CRITICAL: "CRIT",
}


class Log:
    """Writes lines to the places named. Without any place: syslog facility daemon."""

    def __init__(
        self,
        node: str,
        logfile: str | None = None,
        debugfile: str | None = None,
        facility: str | None = None,
        *,
        debug: bool = False,
        terminal: bool = False,
    ) -> None:
        self._node = node
        self._logfile = Path(logfile) if logfile else None
        self._debugfile = Path(debugfile) if debugfile else None
        if facility == "none":
            facility = None
        elif not (logfile or debugfile or facility):
            facility = "daemon"
        self._facility = FACILITIES.get(facility) if facility else None
        self.debug = debug
        self._terminal = terminal
        self._syslog: socket.socket | None = None

    def write(self, level: Level, text: str) -> None:
        """One line (more than one when the text has some), at once."""
        if level is Level.DEBUG and not self.debug:
            return
        for line in text.splitlines() or [""]:
            self._write_line(level, line)

    def _write_line(self, level: Level, line: str) -> None:
        tail = f"heartbeat: [{os.getpid()}]: {_WORD[level]}: {line}"
        stamped = f"{time.strftime('%b %d %H:%M:%S')} {self._node} {tail}\n"
        if self._terminal:
            sys.stderr.write(stamped)
        files = {self._debugfile} if level is Level.DEBUG else {self._logfile, self._debugfile}
        for path in files - {None}:
            assert path is not None
            self._append(path, stamped)
        if self._facility is not None and level is not Level.DEBUG:
            self._to_syslog(f"<{self._facility * 8 + _SEVERITY[level]}>{tail}")

    def _append(self, path: Path, stamped: str) -> None:
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK, 0o640)
        except OSError:
            return  # a full or missing log disk is no reason to miss a heartbeat, and there is nowhere to say so
        try:
            os.write(descriptor, stamped.encode("utf-8", "replace"))
        except OSError:
            return
        finally:
            os.close(descriptor)

    def _to_syslog(self, line: str) -> None:
        try:
            if self._syslog is None:
                self._syslog = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
                self._syslog.connect("/dev/log")
            self._syslog.send(line.encode("utf-8", "replace"))
        except OSError:
            if self._syslog is not None:
                self._syslog.close()
                self._syslog = None  # syslogd may have been restarted: the next line connects anew
