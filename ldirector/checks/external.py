"""checktype=external: a command decides by its exit status, 0 = up (reference section c).

The command runs without a shell in a process group of its own. At the deadline, or when the check is cancelled, the
whole group is killed, so that what the command started ends with it. Its output goes through a pipe that is read all
the time and kept only in part: a talkative command neither blocks nor fills memory. The end of the process is seen
through a pidfd, so nothing waits for a pipe that a grandchild may hold open.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess

from ldirector.checks.dial import OWN_SHORTAGE
from ldirector.core.events import CheckSpec
from ldirector.core.verdict import Outcome, Reason, Verdict

OUTPUT_KEPT = 200  # bytes of output that may reach the log


async def check(spec: CheckSpec, deadline: float) -> Verdict:
    try:
        process, output = _start(spec.command)
    except OSError as error:
        if error.errno in OWN_SHORTAGE:
            return Verdict(Outcome.NOT_RUN, Reason.NO_DESCRIPTORS, str(error))
        return Verdict(Outcome.FAIL, Reason.COMMAND_MISSING, f"{spec.command[0]}: {error.strerror}")
    kept = bytearray()
    loop = asyncio.get_running_loop()
    loop.add_reader(output, _drain, output, kept)
    try:
        async with asyncio.timeout_at(deadline):
            await _ended(process)
    except TimeoutError:
        return Verdict(Outcome.FAIL, Reason.COMMAND_TIMEOUT, f"{spec.command[0]} killed after {spec.timeout:g} s")
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()  # returns at once: SIGKILL cannot be refused
        if not loop.is_closed():
            loop.remove_reader(output)
        _drain(output, kept)
        os.close(output)
    if process.returncode == 0:
        return Verdict(Outcome.PASS, Reason.OK)
    words = kept.decode("utf-8", "replace").splitlines()
    how = f"exit {process.returncode}" if process.returncode > 0 else f"signal {-process.returncode}"
    return Verdict(Outcome.FAIL, Reason.EXIT_STATUS, f"{how}: {words[0]}" if words else how)


def _start(command: tuple[str, ...]) -> tuple[subprocess.Popen[bytes], int]:
    """The process, and the reading end of its output."""
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    try:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=writing, stderr=writing, process_group=0, cwd="/"
        )
    except BaseException:
        os.close(reading)
        raise
    finally:
        os.close(writing)
    return process, reading


async def _ended(process: subprocess.Popen[bytes]) -> None:
    """Returns when the process has ended, and reaps it."""
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    descriptor = os.pidfd_open(process.pid)
    loop.add_reader(descriptor, ended.set)
    try:
        await ended.wait()
        process.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)


def _drain(descriptor: int, kept: bytearray) -> None:
    """Read what is there, keep the beginning."""
    try:
        data = os.read(descriptor, 65536)
    except BlockingIOError:
        return
    if not data:
        asyncio.get_running_loop().remove_reader(descriptor)
    kept += data[: max(0, OUTPUT_KEPT - len(kept))]
