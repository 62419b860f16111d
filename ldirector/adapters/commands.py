"""Child processes: commands run to their end without a shell, watched, bounded, and reaped.

A command runs in a process group of its own. At its deadline, or when nobody wants it any more, the whole group is
killed, so that what the command started ends with it. Its output goes through a pipe that is read all the time and
kept only in part: a talkative command neither blocks nor fills memory. The end of the process is seen through a pidfd,
so nothing waits for a pipe that a grandchild may hold open.

`run` is one command and its end; checktype=external is made of it. `Commands` are those of which only a failure is of
interest (fallbackcommand, callback, execute): in the background, one after the other for each key.
"""

from __future__ import annotations

import asyncio
import errno
import os
import select
import signal
import subprocess
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from ldirector.core.events import Command

OUTPUT_KEPT = 200  # bytes of output that may reach the log
COMMAND_SECONDS = 60.0  # one command of ldirectord.cf
CLOSE_SECONDS = 10.0  # all of them when the daemon ends
KILLED_MILLISECONDS = 50  # a killed process is gone within this, unless it hangs in the kernel


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended. status: as subprocess has it, None = killed at the deadline. words: its first line."""

    status: int | None
    words: str = ""

    def __str__(self) -> str:
        if self.status is None:
            return "killed at its time limit"
        how = f"exit {self.status}" if self.status >= 0 else f"signal {-self.status}"
        return f"{how}: {self.words}" if self.words else how


async def run(argv: Sequence[str], deadline: float, leaves_others: bool = False) -> Ended:
    """Run it until it ends, or until the deadline (the loop's clock). Raises OSError when it cannot be started.

    leaves_others: what the command leaves running (a server, say) may go on writing to its output.
    """
    child = _Child(argv)
    try:
        async with asyncio.timeout_at(deadline):
            await child.ended.wait()
    except TimeoutError:
        return Ended(None)
    finally:
        child.end(leaves_others)
    return Ended(child.process.returncode, child.first_line())


class Commands:
    """log_error gets a line for each command that failed."""

    def __init__(self, log_error: Callable[[str], None]) -> None:
        self._log_error = log_error
        self._lines: dict[str, deque[Command]] = {}  # of each key: the one that runs, then those that wait
        self._running: dict[str, asyncio.Task[None]] = {}

    def run(self, command: Command) -> None:
        """Run it in the background, after those of the same key that run or wait.

        So that a slow command cannot pile up others: the same again is not run twice in a row after it, and a start
        that comes while its stop still waits takes the stop back.
        """
        line = self._lines.get(command.key)
        if line is None:
            self._lines[command.key] = deque([command])
            self._running[command.key] = asyncio.create_task(self._work(command.key))
        elif len(line) == 1 or command not in (line[-1], line[-2]):
            line.append(command)
        elif command == line[-2] != line[-1]:
            line.pop()

    async def close(self, seconds: float = CLOSE_SECONDS) -> None:
        """Wait until all have ended; those that have not within so many seconds are killed."""
        if not self._running:
            return
        _, late = await asyncio.wait(self._running.values(), timeout=seconds)
        if late:
            self._log_error(f"the daemon ends, commands that still run are killed: {', '.join(sorted(self._running))}")
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    async def _work(self, key: str) -> None:
        line = self._lines[key]
        try:
            while line:
                await self._one(line[0])
                line.popleft()
        finally:
            del self._lines[key], self._running[key]

    async def _one(self, command: Command) -> None:
        deadline = asyncio.get_running_loop().time() + COMMAND_SECONDS
        try:
            ended = await run(command.argv, deadline, leaves_others=True)
        except OSError as error:
            self._log_error(f"{command.what}: {command.argv[0]} cannot be run: {error.strerror}")
            return
        if ended.status != 0:
            self._log_error(f"{command.what}: {command.argv[0]}: {ended}")


class _Child:
    """One process with the reading end of its output; `ended` is set when it is over."""

    def __init__(self, argv: Sequence[str]) -> None:
        self.process, self._pidfd, self._output = _start(argv)
        self.ended = asyncio.Event()
        self._kept = bytearray()
        self._reading = True
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._pidfd, self.ended.set)
        self._loop.add_reader(self._output, self._read)

    def end(self, leaves_others: bool) -> None:
        """Reap the process, killing its group if it still runs, and take what is left of its output."""
        if self.ended.is_set():
            if not leaves_others:
                with suppress(ProcessLookupError, PermissionError):  # before it is reaped: its number is still its own
                    os.killpg(self.process.pid, signal.SIGKILL)
            self._reap()
        else:
            os.killpg(self.process.pid, signal.SIGKILL)
            self._reap_when_gone()
        if self._reading:
            self._read()
        if self._reading and not leaves_others:
            self._stop_reading()

    def first_line(self) -> str:
        return (self._kept.decode("utf-8", "replace").splitlines() or [""])[0]

    def _reap_when_gone(self) -> None:
        """A process that hangs in the kernel dies when it comes out of it; nobody waits for that."""
        poll = select.poll()
        poll.register(self._pidfd, select.POLLIN)
        if poll.poll(KILLED_MILLISECONDS):
            self._reap()
        else:
            self._loop.add_reader(self._pidfd, self._reap)

    def _reap(self) -> None:
        self._forget(self._pidfd)
        self.process.wait()

    def _read(self) -> None:
        try:
            data = os.read(self._output, 65536)
        except BlockingIOError:
            return
        self._kept += data[: max(0, OUTPUT_KEPT - len(self._kept))]
        if not data:
            self._stop_reading()

    def _stop_reading(self) -> None:
        self._reading = False
        self._forget(self._output)

    def _forget(self, descriptor: int) -> None:
        if not self._loop.is_closed():
            self._loop.remove_reader(descriptor)
        os.close(descriptor)


def _start(argv: Sequence[str]) -> tuple[subprocess.Popen[bytes], int, int]:
    """The process, its pidfd, and the reading end of its output."""
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    try:
        process = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=writing, stderr=writing, process_group=0, cwd="/"
        )
    except ValueError as error:  # a NUL in an argument
        os.close(reading)
        raise OSError(errno.EINVAL, str(error)) from error
    except OSError:
        os.close(reading)
        raise
    finally:
        os.close(writing)
    try:
        return process, os.pidfd_open(process.pid), reading
    except OSError:
        os.close(reading)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise
