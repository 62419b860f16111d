"""Where the operator reads: logfile, debugfile and syslog, as ha.cf names them (reference section 11.7).

The logfile takes everything but debug messages, the debugfile everything. Files are opened for each line, so that
logrotate needs no signal.

Heartbeats are sent by the thread that writes these lines, so nothing here waits for a reader. A stopped syslog daemon,
a full pipe, a terminal that was stopped, a full disk: what a place does not take waits here, a bounded number of lines,
and is offered again soon. What finds no room is counted, and the place is told the number when it takes
lines again. (A file on a server that does not answer holds up any program that writes to it; log to a local disk.)

The peer, scripts and files have a say in many lines, so no text can make a line of its own: what is not printable is
escaped, a line has at most LINE_BYTES, cut in its middle, and a second line of a text is indented.
"""

from __future__ import annotations

import os
import select
import socket
import time
from collections import deque
from typing import Protocol

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
SYSLOG_SOCKET = "/dev/log"
STANDARD_ERROR = 2
RETRY, RETRY_BROKEN = 0.1, 5.0
"""Seconds until the next attempt: with a place that has enough for now, and with one that is out of order."""
MAX_WAITING = 500
LINE_BYTES = 512
TEXT_LINES = 200
CUT = " ... "
INDENT = "    "


class Place(Protocol):
    """Something that takes lines. name: for complaints about it."""

    name: str

    def line(self, level: Level, text: str) -> bytes:
        """The text in the form of this place."""

    def take(self, data: bytes) -> int:
        """The number of bytes taken at once, 0 when it is to be tried later. Raises OSError, which means 0 as well."""

    def close(self) -> None:
        """Lets go of what is open between two lines: nothing, as a rule."""
        return


class File(Place):
    """A file, or a pipe that somebody reads."""

    def __init__(self, node: str, path: str) -> None:
        self.name = path
        self._node = node

    def line(self, level: Level, text: str) -> bytes:
        return _stamped(self._node, level, text)

    def take(self, data: bytes) -> int:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
        descriptor = os.open(self.name, flags, 0o640)
        try:
            return os.write(descriptor, data)
        finally:
            os.close(descriptor)


class Terminal(Place):
    """Standard error, whatever it is: a terminal, a pipe, the socket of a service manager."""

    name = "standard error"

    def __init__(self, node: str) -> None:
        self._node = node

    def line(self, level: Level, text: str) -> bytes:
        return _stamped(self._node, level, text)

    def take(self, data: bytes) -> int:
        poll = select.poll()
        poll.register(STANDARD_ERROR, select.POLLOUT)
        if not poll.poll(0):
            return 0
        if not os.isatty(STANDARD_ERROR):
            return os.write(STANDARD_ERROR, data)
        # A terminal with room for a part of the line is waited for, unless it is opened apart from everybody else.
        terminal = os.open(f"/proc/self/fd/{STANDARD_ERROR}", os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
        try:
            return os.write(terminal, data)
        finally:
            os.close(terminal)


class Syslog(Place):
    """The syslog daemon's socket; connected anew when the daemon was restarted."""

    def __init__(self, facility: str) -> None:
        self.name = f"syslog on {SYSLOG_SOCKET}"
        self._facility = FACILITIES[facility]
        self._socket: socket.socket | None = None

    def line(self, level: Level, text: str) -> bytes:
        return f"<{self._facility * 8 + _SEVERITY[level]}>{_stamp()} {_tail(level, text)}".encode()

    def take(self, data: bytes) -> int:
        try:
            if self._socket is None:
                self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
                self._socket.connect(SYSLOG_SOCKET)
            return self._socket.send(data)
        except BlockingIOError:
            return 0
        except OSError:
            self.close()
            raise

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None


class _Queue:
    """The lines on their way to one place."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.waiting: deque[bytes] = deque()
        self.problem = ""
        self.retry_at: float | None = None
        self._lost = 0

    def put(self, level: Level, text: str) -> None:
        if len(self.waiting) >= MAX_WAITING:
            self._lost += 1
            return
        self.waiting.append(self.place.line(level, text))
        if len(self.waiting) == 1:
            self.flush()

    def flush(self) -> None:
        """Offers what waits until the place has enough."""
        self.retry_at = None
        while self.waiting:
            data = self.waiting[0]
            taken = self._offer(data)
            if taken < len(data):
                self.waiting[0] = data[taken:]
                self.retry_at = time.monotonic() + (RETRY_BROKEN if self.problem else RETRY)
                return
            self.waiting.popleft()
        if self._lost:
            lost, self._lost = self._lost, 0
            self.put(Level.WARNING, f"log lines lost here, as nobody took them: {lost}")

    def _offer(self, data: bytes) -> int:
        try:
            taken = self.place.take(data)
        except (OSError, ValueError) as error:  # ValueError: what was named cannot be a file
            self.problem = (error.strerror if isinstance(error, OSError) else "") or str(error)
            return 0
        self.problem = ""
        return taken


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
        if not (logfile or debugfile or facility):
            facility = "daemon"
        places: list[Place] = [File(node, path) for path in dict.fromkeys((logfile, debugfile)) if path]
        if terminal:
            places.append(Terminal(node))
        if facility in FACILITIES:
            places.append(Syslog(facility))
        self._queues = [_Queue(place) for place in places]
        self._for_debug = {debugfile, Terminal.name} - {None}
        self._complained: set[str] = set()
        self.debug = debug

    def write(self, level: Level, text: str) -> None:
        """A line, or what there is of it that can be written without waiting; more lines when the text has some."""
        if level is Level.DEBUG and not self.debug:
            return
        for line in _lines(text):
            for queue in self._queues:
                if level is not Level.DEBUG or queue.place.name in self._for_debug:
                    queue.put(level, line)
        self._complain()

    def _complain(self) -> None:
        """A place that cannot be written is told of at the others, once."""
        for queue in self._queues:
            if queue.problem and queue.place.name not in self._complained:
                self._complained.add(queue.place.name)
                complaint = _one_line(f"cannot write the log to {queue.place.name}: {queue.problem}")
                for other in self._queues:
                    if other is not queue:
                        other.put(Level.WARNING, complaint)

    def next_deadline(self) -> float | None:
        """When lines that were not taken are to be offered again; None while none wait."""
        return min((queue.retry_at for queue in self._queues if queue.retry_at is not None), default=None)

    def handle_timer(self, now: float) -> None:
        """Offers again what is due."""
        for queue in self._queues:
            if queue.retry_at is not None and now >= queue.retry_at:
                queue.flush()

    def close(self) -> None:
        """The end of this log; what still waits is lost."""
        for queue in self._queues:
            queue.place.close()

    def drain(self, seconds: float) -> None:
        """For the end, when no heartbeat is held up any more: waits so long for what is not taken."""
        until = time.monotonic() + seconds
        while any(queue.waiting for queue in self._queues) and time.monotonic() < until:
            time.sleep(RETRY / 10)
            for queue in self._queues:
                queue.flush()


def _stamped(node: str, level: Level, text: str) -> bytes:
    return f"{_stamp()} {node} {_tail(level, text)}\n".encode()


def _stamp() -> str:
    return time.strftime("%b %d %H:%M:%S")


def _tail(level: Level, text: str) -> str:
    return f"heartbeat: [{os.getpid()}]: {_WORD[level]}: {text}"


def _lines(text: str) -> list[str]:
    """The lines of a text, made harmless; of very many the first and the last."""
    first, *others = text.splitlines() or [""]
    lines = [first, *(INDENT + other for other in others)]
    if len(lines) > TEXT_LINES:
        half = TEXT_LINES // 2
        lines = [*lines[:half], f"{INDENT}... {len(lines) - 2 * half} lines ...", *lines[-half:]]
    return [_one_line(line) for line in lines]


def _one_line(text: str) -> str:
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    data = shown.encode()
    if len(data) <= LINE_BYTES:
        return shown
    head = (LINE_BYTES - len(CUT)) * 2 // 3
    tail = LINE_BYTES - len(CUT) - head
    return data[:head].decode(errors="ignore") + CUT + data[-tail:].decode(errors="ignore")
