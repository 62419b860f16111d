"""Real servers on loopback, each with its own folder, started by a test and ended by it; and two peers that are none.

A server's own test file says how it is configured. `verdict_of` makes one check exactly as the runner does.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from ldirector.checks.runner import probe_of
from ldirector.core.events import CheckSpec
from ldirector.core.verdict import Verdict

START_SECONDS = 60.0
STOP_SECONDS = 20.0
SBIN = "/usr/local/sbin:/usr/sbin:/sbin"


def needs(*programs: str) -> pytest.MarkDecorator:
    """Leave a module out, saying which program is missing; setup/packages installs all of them."""
    path = f"{os.environ.get('PATH', '')}:{SBIN}"
    missing = [program for program in programs if not shutil.which(program, path=path)]
    return pytest.mark.skipif(bool(missing), reason=f"not installed: {' '.join(missing)}")


def free_port(kind: int = socket.SOCK_STREAM) -> int:
    """A port of 127.0.0.1 that nobody has at this moment."""
    with socket.socket(socket.AF_INET, kind) as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def listens(port: int, address: str = "127.0.0.1") -> bool:
    """Somebody accepts TCP connections there."""
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as sock:
        sock.settimeout(1.0)
        return sock.connect_ex((address, port)) == 0


@contextlib.contextmanager
def open_folder() -> Iterator[Path]:
    """A folder for as long as the block lasts, which servers that are not root may enter; pytest's own are closed."""
    with tempfile.TemporaryDirectory(prefix="ldirector-test-", ignore_cleanup_errors=True) as name:
        os.chmod(name, 0o755)
        yield Path(name)


@contextlib.contextmanager
def running(
    command: Sequence[str], folder: Path, is_up: Callable[[], bool], **popen: Any
) -> Iterator[subprocess.Popen[bytes]]:
    """A server in the foreground, in a process group of its own, until the block ends. Its output is folder/output."""
    output = folder / "output"
    environment = {**os.environ, "PATH": f"{os.environ.get('PATH', '')}:{SBIN}"}
    with output.open("wb") as file:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            start_new_session=True,
            env=popen.pop("env", environment),
            **popen,
        )
    try:
        deadline = time.monotonic() + START_SECONDS
        while not is_up():
            assert process.poll() is None, f"{command[0]} ended at once:\n{output.read_text(errors='replace')}"
            assert time.monotonic() < deadline, f"{command[0]} does not answer:\n{output.read_text(errors='replace')}"
            time.sleep(0.05)
        yield process
    finally:
        end_group(process)


def eventually(condition: Callable[[], bool], seconds: float = 10.0) -> bool:
    """The condition comes true within that time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def end_group(process: subprocess.Popen[bytes]) -> None:
    """TERM, then KILL, for the process and all it started."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(STOP_SECONDS)


def verdict_of(method: str, port: int, timeout: float = 10.0, service: str = "", **more: Any) -> Verdict:
    """One check of 127.0.0.1:port (address= names another), its deadline counted from now."""
    given = {"address": "127.0.0.1", **more}
    spec = CheckSpec(method=method, port=port, timeout=timeout, service=service, **given)

    async def run() -> Verdict:
        return await probe_of(method, service)(spec, asyncio.get_running_loop().time() + timeout)

    return asyncio.run(run())


@contextlib.contextmanager
def hanging() -> Iterator[int]:
    """A port that accepts connections and never says a word."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        yield listener.getsockname()[1]


@contextlib.contextmanager
def silent_udp() -> Iterator[int]:
    """A port that takes datagrams and never answers."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        yield sock.getsockname()[1]
