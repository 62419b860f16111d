"""The daemon's log: a file, a syslog facility, or the terminal (reference section d, "Log lines").

The file is opened for each line, as the original does: a rotated log needs no signal, and lines are few (one per
transition). A log that cannot be written is said once on standard error and changes nothing else.

Servers have a say in many lines, so no text can make a second line or another's: what is not printable is escaped,
and a line has at most LINE_BYTES, cut in its middle. Only what the caller gives apart as `below` - a traceback of
ours, the problems of a file - has several lines, each of them indented, escaped and cut like any other.
"""

from __future__ import annotations

import os
import sys
import syslog
import time
from contextlib import suppress
from pathlib import Path

from ldirector.core.events import Level

SYSLOG_SOCKET = Path("/dev/log")
SYSLOG_PRIORITIES = {
    Level.DEBUG: syslog.LOG_DEBUG,
    Level.INFO: syslog.LOG_INFO,
    Level.WARNING: syslog.LOG_WARNING,
    Level.ERROR: syslog.LOG_ERR,
}
LINE_BYTES = 512  # of a line in the file, its end included
TEXT_BYTES = 80  # are left for the text however long the rest of a line is
CUT = " ... "
BELOW_LINES = 200
INDENT = "    "

TERMINAL = ""  # standard error, in the form of the file
SUPERVISED = "-"  # standard output, `[time] text`
PREFIXES = {Level.WARNING: "Warning: ", Level.ERROR: "Error: "}


def one_line(text: str, limit: int = LINE_BYTES) -> str:
    """The text as part of one line: escaped, and with at most so many bytes of UTF-8."""
    shown = "".join(character if character.isprintable() else _escape(character) for character in text)
    data = shown.encode()
    if len(data) <= limit:
        return shown
    head = (limit - len(CUT)) * 2 // 3
    tail = limit - len(CUT) - head
    return data[:head].decode(errors="ignore") + CUT + data[-tail:].decode(errors="ignore")


class Log:
    """target: a path starting with "/", a syslog facility, TERMINAL or SUPERVISED. name: as in the line format."""

    def __init__(self, target: str, name: str, lowest: Level = Level.INFO) -> None:
        self._target = target
        self._name = name
        self._lowest = lowest
        self._complained: set[str] = set()

    def redirect(self, target: str) -> None:
        """Write to this target from now on; a log on the terminal or under supervision stays there."""
        if self._target not in (TERMINAL, SUPERVISED):
            self._target = target

    def verify(self) -> None:
        """Say now, on the terminal of the command that starts the daemon, if lines would be lost."""
        if self._target.startswith("/"):
            try:
                open(self._target, "a").close()
            except OSError as error:
                self._complain_of_file(error)
        elif self._target not in (TERMINAL, SUPERVISED):
            self._syslog_is_there()

    def write(self, level: Level, text: str, below: str = "") -> None:
        """One line. below: lines that follow it, of words that are our own."""
        if level < self._lowest:
            return
        texts = [PREFIXES.get(level, "") + text, *_indented(below)]
        if self._target in (TERMINAL, SUPERVISED):
            self._to_stream(texts)
        elif self._target.startswith("/"):
            self._to_file(texts)
        else:
            self._to_syslog(level, texts)

    def _lines(self, texts: list[str]) -> str:
        start = (
            f"[{time.asctime()}]" if self._target == SUPERVISED else f"[{time.asctime()}|{self._name}|{os.getpid()}]"
        )
        room = max(TEXT_BYTES, LINE_BYTES - len(start.encode(errors="replace")) - len(" \n"))
        return "".join(f"{start} {one_line(text, room)}\n" for text in texts)

    def _to_stream(self, texts: list[str]) -> None:
        stream = sys.stdout if self._target == SUPERVISED else sys.stderr
        encoding = stream.encoding or "utf-8"
        with suppress(OSError):  # whoever read it is gone
            stream.write(self._lines(texts).encode(encoding, "backslashreplace").decode(encoding))
            stream.flush()

    def _to_file(self, texts: list[str]) -> None:
        try:
            with open(self._target, "a", encoding="utf-8", errors="surrogateescape") as file:
                file.write(self._lines(texts))
        except OSError as error:
            self._complain_of_file(error)

    def _to_syslog(self, level: Level, texts: list[str]) -> None:
        if not self._syslog_is_there():
            return
        facility = getattr(syslog, f"LOG_{self._target.upper()}", syslog.LOG_DAEMON)
        syslog.openlog("ldirectord", syslog.LOG_PID, facility)
        for text in texts:
            syslog.syslog(SYSLOG_PRIORITIES[level], one_line(text))

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


def _escape(character: str) -> str:
    """A byte of the file that is no text comes as a surrogate (U+DC80 and up), and is shown as the byte."""
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    return character.encode("unicode_escape").decode()


def _indented(below: str) -> list[str]:
    """The lines of a text of ours; of very many the first and the last."""
    lines = [INDENT + line for line in below.splitlines()]
    if len(lines) <= BELOW_LINES:
        return lines
    half = BELOW_LINES // 2
    return [*lines[:half], f"{INDENT}... {len(lines) - 2 * half} lines ...", *lines[-half:]]
