"""The daemon's log: a file, a syslog facility, or the terminal (reference section d, "Log lines").

The file is opened for each line, or for the lines of one occasion, as the original does: a rotated log needs no
signal, and lines are few (one per transition). So is the socket of syslog: a restarted syslog daemon needs nothing
either. A log that cannot be written is said once on standard error and changes nothing else.

The checks wait while a line is written, so nothing here waits for a reader: what a pipe or the syslog daemon does not
take is dropped, and a line says how many were when it takes them again.

Servers have a say in many lines, so no text can make a second line or another's: what is not printable is escaped,
and a line has at most LINE_BYTES, cut in its middle. Only what the caller gives apart as `below` - a traceback of
ours, the problems of a file - has several lines, each of them indented, escaped and cut like any other.
"""

from __future__ import annotations

import errno
import os
import select
import socket
import sys
import syslog
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TextIO

from ldirector.core.events import Level, Note

SYSLOG_SOCKET = Path("/dev/log")
SYSLOG_PRIORITIES = {
    Level.DEBUG: syslog.LOG_DEBUG,
    Level.INFO: syslog.LOG_INFO,
    Level.WARNING: syslog.LOG_WARNING,
    Level.ERROR: syslog.LOG_ERR,
}
SYSLOG_PATIENCE = 100  # ms, once: a lively daemon needs a moment when many lines come at a time
FILE_FLAGS = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
UNREAD = {errno.ENXIO: "nobody reads this pipe", errno.EAGAIN: "whoever reads it has stopped"}
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
    shown = text
    if not text.isprintable():
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
        self._lost = 0

    def redirect(self, target: str) -> None:
        """Write to this target from now on; a log on the terminal or under supervision stays there."""
        if self._target not in (TERMINAL, SUPERVISED):
            self._target = target

    def verify(self) -> None:
        """Say now, on the terminal of the command that starts the daemon, if lines would be lost."""
        if self._target.startswith("/"):
            try:
                os.close(os.open(self._target, FILE_FLAGS, 0o644))
            except OSError as error:
                self._complain_of_file(error)
        elif self._target not in (TERMINAL, SUPERVISED):
            self._connect_to_syslog().close()

    def write(self, level: Level, text: str, below: str = "") -> None:
        """One line. below: lines that follow it, of words that are our own."""
        self._write([(level, PREFIXES.get(level, "") + text), *((level, line) for line in _indented(below))])

    def write_notes(self, notes: Iterable[Note]) -> None:
        """A line for each. A file is opened once for all: a thousand reals that come up are a thousand lines."""
        self._write([(note.level, PREFIXES.get(note.level, "") + note.text) for note in notes])

    def _write(self, lines: list[tuple[Level, str]]) -> None:
        lines = [(level, text) for level, text in lines if level >= self._lowest]
        if not lines:
            return
        if self._target in (TERMINAL, SUPERVISED):
            self._to_stream(text for _, text in lines)
        elif self._target.startswith("/"):
            self._to_file(text for _, text in lines)
        else:
            self._to_syslog(lines)

    def _lines(self, texts: Iterable[str]) -> Iterator[str]:
        start = (
            f"[{time.asctime()}]" if self._target == SUPERVISED else f"[{time.asctime()}|{self._name}|{os.getpid()}]"
        )
        room = max(TEXT_BYTES, LINE_BYTES - len(start.encode(errors="replace")) - len(" \n"))
        return (f"{start} {one_line(text, room)}\n" for text in texts)

    def _to_stream(self, texts: Iterable[str]) -> None:
        stream = sys.stdout if self._target == SUPERVISED else sys.stderr
        self._offer(texts, lambda text: _put(stream, *self._lines([text])))

    def _to_file(self, texts: Iterable[str]) -> None:
        lines = [line.encode(errors="surrogateescape") for line in self._lines(texts)]
        try:
            file = os.open(self._target, FILE_FLAGS, 0o644)
            try:
                for block in _blocks(lines):
                    while block:
                        block = block[os.write(file, block) :]
            finally:
                os.close(file)
        except OSError as error:
            self._complain_of_file(error)

    def _to_syslog(self, lines: Sequence[tuple[Level, str]]) -> None:
        facility = getattr(syslog, f"LOG_{self._target.upper()}", syslog.LOG_DAEMON)
        start = f"{time.asctime()[4:19]} ldirectord[{os.getpid()}]: "
        with self._connect_to_syslog() as connection:
            for level, text in lines:
                head = f"<{facility | SYSLOG_PRIORITIES[level]}>{start}"
                self._offer([text], partial(self._send, connection, head))

    def _connect_to_syslog(self) -> socket.socket:
        """A socket that takes nothing when nobody listens, which is said once."""
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        try:
            connection.connect(str(SYSLOG_SOCKET))
        except OSError:
            self._complain(
                f"nothing listens on {SYSLOG_SOCKET}, log lines are lost; start a syslog daemon or write "
                'logfile="/var/log/ldirectord.log"'
            )
        return connection

    def _send(self, connection: socket.socket, head: str, text: str) -> bool:
        data = (head + one_line(text)).encode()
        with suppress(OSError):
            try:
                connection.send(data)
            except BlockingIOError:
                if self._lost or not _takes_more(connection.fileno(), SYSLOG_PATIENCE):
                    return False
                connection.send(data)
            return True
        return False

    def _offer(self, texts: Iterable[str], put: Callable[[str], bool]) -> None:
        """put says whether the text was taken; those that were not are counted, and told of before the next."""
        for text in texts:
            if self._lost and put(f"{PREFIXES[Level.WARNING]}log lines lost here, as nobody took them: {self._lost}"):
                self._lost = 0
            if self._lost or not put(text):
                self._lost += 1

    def _complain_of_file(self, error: OSError) -> None:
        why = UNREAD.get(error.errno or 0, error.strerror)
        self._complain(f"cannot write the log {self._target}: {why}; going on without it")

    def _complain(self, words: str) -> None:
        if words not in self._complained:
            self._complained.add(words)
            _put(sys.stderr, f"ldirectord: {words}\n")


def _blocks(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Whole lines, together no more than a pipe takes or refuses as one."""
    block = b""
    for line in lines:
        if len(block) + len(line) > select.PIPE_BUF:
            yield block
            block = b""
        block += line
    yield block


def _put(stream: TextIO, line: str) -> bool:
    """Whether the stream took the line; it is not waited for. Python's buffer is passed by: it would keep the rest."""
    data = line.encode(stream.encoding or "utf-8", "backslashreplace")
    try:
        descriptor = stream.fileno()
    except (OSError, ValueError, AttributeError):  # no file of the system
        stream.write(data.decode(stream.encoding or "utf-8"))
        stream.flush()
        return True
    with suppress(OSError):  # whoever read it is gone
        if not _takes_more(descriptor, 0):
            return False
        if os.isatty(descriptor):
            return _put_on_terminal(descriptor, data)
        return os.write(descriptor, data) == len(data)
    return False


def _put_on_terminal(descriptor: int, data: bytes) -> bool:
    """A terminal with room for a part of the line would be waited for, unless it is opened apart from the others."""
    terminal = os.open(f"/proc/self/fd/{descriptor}", os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    try:
        return os.write(terminal, data) == len(data)
    finally:
        os.close(terminal)


def _takes_more(descriptor: int, wait: int) -> bool:
    """Whether a line can be written within so many milliseconds (to a pipe: PIPE_BUF bytes, more than a line has)."""
    poll = select.poll()
    poll.register(descriptor, select.POLLOUT)
    return bool(poll.poll(wait))


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
