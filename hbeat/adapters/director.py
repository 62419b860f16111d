"""The resource `ldirectord::FILE`: the real program, kept warm, spoken to through its control socket.

On the node which does not serve, ldirectord runs in the role standby: it checks the real servers and writes nothing
to the kernel. Taking over is one request, `role active`, answered when the IPVS table is written; giving up is `role
standby`. A daemon that is not there is started by its command, as any resource script would be.
"""

from __future__ import annotations

import json
import math
import os
import select
import shutil
import socket
import sys
from pathlib import Path

RUN_DIR = Path("/var/run")
PROGRAM = "ldirectord"
CALL_DEADLINE = 10.0
START_DEADLINE = 60.0
STOP_DEADLINE = 180.0
READY_WAIT = 30
ANSWER_LIMIT = 16 * 1024 * 1024


def find_program() -> str:
    """The command: beside the interpreter that runs us (one installation), else in PATH. Raises FileNotFoundError."""
    beside = Path(sys.executable).parent / PROGRAM
    found = str(beside) if beside.is_file() else shutil.which(PROGRAM)
    if found is None:
        raise FileNotFoundError(f"no program {PROGRAM} beside {sys.executable} or in PATH")
    return found


def instance_file(config: str, suffix: str) -> Path:
    """A file of the instance with this configuration: named after the last part of its path, if one is given."""
    return RUN_DIR / f"ldirectord.{Path(config).name or PROGRAM}.{suffix}"


def command(config: str, verb: str, *options: str) -> list[str]:
    """The command line; without a configuration ldirectord takes its default. Raises FileNotFoundError."""
    return [find_program(), *options, *([config] if config else []), verb]


class Vigil:
    """Watches the daemon of this configuration; readable when it has ended. Raises OSError when there is none."""

    deadline = math.inf

    def __init__(self, config: str) -> None:
        pid_file = instance_file(config, "pid")
        try:
            self._pidfd = os.pidfd_open(int(pid_file.read_text()))
        except ValueError:
            raise FileNotFoundError(f"{pid_file} has no pid") from None

    @property
    def filenos(self) -> list[int]:
        return [self._pidfd]

    @property
    def ended(self) -> bool:
        poll = select.poll()
        poll.register(self._pidfd, select.POLLIN)
        return bool(poll.poll(0))

    def close(self) -> None:
        os.close(self._pidfd)


class ControlCall:
    """One request to a running ldirectord. Raises OSError at once when nobody listens."""

    def __init__(self, config: str, request: str, deadline: float) -> None:
        self.deadline = deadline
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.setblocking(False)
        self._answer = b""
        try:
            self._socket.connect(str(instance_file(config, "sock")))
            self._socket.send(request.encode() + b"\n")
        except OSError:
            self._socket.close()
            raise

    @property
    def filenos(self) -> list[int]:
        return [self._socket.fileno()]

    def ready(self) -> dict[str, object] | None:
        """The answer once its line is complete, until then None; ok is False when the connection broke."""
        try:
            chunk = self._socket.recv(65_536)
        except BlockingIOError:
            return None
        except OSError as error:
            return self._end({"ok": False, "error": error.strerror})
        self._answer += chunk
        if not chunk or len(self._answer) > ANSWER_LIMIT:
            return self._end({"ok": False, "error": "ldirectord closed the connection"})
        if not self._answer.endswith(b"\n"):
            return None
        try:
            answer = json.loads(self._answer)
        except ValueError:
            answer = {"ok": False, "error": "the answer is not JSON"}
        return self._end(answer)

    def expire(self) -> None:
        self._socket.close()

    def _end(self, answer: dict[str, object]) -> dict[str, object]:
        self._socket.close()
        return answer
