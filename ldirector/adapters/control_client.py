"""Asking a running daemon through its control socket, with plain blocking calls: the commands start fast."""

from __future__ import annotations

import json
import socket
from pathlib import Path

ANSWER_LIMIT = 64 * 1024 * 1024  # bytes; a status of many thousand reals


class NoAnswer(Exception):
    """Nobody listens, or no complete answer came in time."""


class NobodyListens(NoAnswer):
    """There is no daemon, or one that does not listen yet or any more."""


def ask(path: Path, request: str, seconds: float = 10.0) -> dict[str, object]:
    """The answer to one request. Raises NoAnswer, and of this NobodyListens."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
            sock.settimeout(seconds)
            sock.connect(str(path))
            sock.sendall(request.encode() + b"\n")
            with sock.makefile("rb") as stream:
                line = stream.readline(ANSWER_LIMIT)
        answer = json.loads(line)
    except (FileNotFoundError, ConnectionRefusedError) as error:
        raise NobodyListens(f"no answer from {path}: {error}") from error
    except (OSError, ValueError) as error:
        raise NoAnswer(f"no answer from {path}: {error}") from error
    if not isinstance(answer, dict):
        raise NoAnswer(f"not an answer from {path}: {answer!r}")
    return answer
