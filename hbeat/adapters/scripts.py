"""Running commands: resource scripts, hooks, and what else takes time (reference section 6.3).

A command runs as an argument list (never through a shell), in a session of its own, with
a deadline. Its output is read as it comes, so that it cannot stop on a full pipe, and the last of it is kept for the
log. The end of the command counts, not the end of its output: init scripts leave daemons behind that hold the pipe.
"""

from __future__ import annotations

import errno
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from hbeat.core.events import Action, Outcome
from hbeat.core.model import Resource

OUTPUT_KEPT = 4096

_killed: list[subprocess.Popen[bytes]] = []
"""Killed, and perhaps not gone yet; reaped when the next command is run."""


class CommandRun:
    """A command under way. Watch its `filenos`, call `ready` when one is readable, `expire` at the deadline."""

    def __init__(self, argv: list[str], env: Mapping[str, str], deadline: float, feed: bytes = b"") -> None:
        """feed: what it can read from its standard input."""
        _killed[:] = [process for process in _killed if process.poll() is None]
        self.deadline = deadline
        with _holding(feed) as stdin:
            try:
                self._process = _spawn(argv, env, stdin)
            except OSError as error:
                if error.errno != errno.ENOEXEC:
                    raise
                self._process = _spawn(["/bin/sh", *argv], env, stdin)  # as a shell does with a file without #!
        assert self._process.stdout is not None
        self._pipe = self._process.stdout.fileno()
        os.set_blocking(self._pipe, False)
        self._pidfd = os.pidfd_open(self._process.pid)
        self._output = b""
        self._pipe_open = True

    @property
    def filenos(self) -> list[int]:
        return [self._pidfd, self._pipe] if self._pipe_open else [self._pidfd]

    def ready(self) -> int | None:
        """Reads what came. The exit status once the command has ended, until then None."""
        self._read()
        status = self._process.poll()
        if status is not None:
            self._read()
            self._close()
        return status

    def expire(self) -> None:
        """The deadline has passed: the command and its children are killed.

        Nobody waits for that: a process that hangs in the kernel would hold up the heartbeats.
        """
        os.killpg(self._process.pid, signal.SIGKILL)
        _killed.append(self._process)
        self._read()
        self._close()

    @property
    def output(self) -> str:
        """The last of what it printed, on one line."""
        return " / ".join(line.strip() for line in self._output.decode("utf-8", "replace").splitlines() if line.strip())

    def _read(self) -> None:
        while self._pipe_open:
            try:
                chunk = os.read(self._pipe, 65_536)
            except BlockingIOError:
                return
            if not chunk:
                self._pipe_open = False
            self._output = (self._output + chunk)[-OUTPUT_KEPT:]

    def _close(self) -> None:
        os.close(self._pidfd)
        self._pipe_open = False
        if self._process.stdout is not None:
            self._process.stdout.close()


def _spawn(argv: list[str], env: Mapping[str, str], stdin: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        argv,
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=dict(env),
        cwd="/",
        start_new_session=True,
    )


@contextmanager
def _holding(content: bytes) -> Iterator[int]:
    """A descriptor that content can be read from."""
    descriptor = os.memfd_create("input", os.MFD_CLOEXEC)
    try:
        os.write(descriptor, content)
        os.lseek(descriptor, 0, os.SEEK_SET)
        yield descriptor
    finally:
        os.close(descriptor)


def judge(resource: Resource, action: Action, status: int, output: str) -> Outcome:
    """What a script's end means. status answers by its text, start and stop by exit status (section 6.3)."""
    if action is Action.STATUS:
        return Outcome(True, output, running=says_running(output))
    if status == 0:
        return Outcome(True, output)
    how = f"killed by signal {-status}" if status < 0 else f"exit status {status}"
    return Outcome(False, f"{how}{': ' + output if output else ''}")


def says_running(output: str) -> bool:
    """The original's reading of status output: `not running` beats `running` and `OK`."""
    if any(f"{n}ot {r}unning" in output for n in "nN" for r in "rR"):
        return False
    return "running" in output or "Running" in output or "OK" in output
