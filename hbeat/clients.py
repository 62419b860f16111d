"""The programs of respawn lines: started when this node becomes active, started again by their rule, ended in order."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from hbeat.adapters.client_process import ClientProcess
from hbeat.config.ha_config import Respawn
from hbeat.core.events import Level, Note
from hbeat.core.respawn import Rebirth
from hbeat.operations import Operations

STOP_WAIT = 10.0
"""Seconds that a program has after SIGTERM."""


@dataclass(slots=True, eq=False)
class _Client:
    line: Respawn
    rebirth: Rebirth = field(default_factory=Rebirth)
    process: ClientProcess | None = None
    again_at: float | None = None
    dismissed: bool = False


class Clients:
    """Those that ha.cf names and that are no part of this program."""

    def __init__(self, operations: Operations, note: Callable[[Note], None]) -> None:
        self._operations, self._note = operations, note
        self._clients: list[_Client] = []
        self._env: Mapping[str, str] = {}
        self.active = False

    def next_deadline(self) -> float | None:
        return min((c.again_at for c in self._clients if c.again_at is not None), default=None)

    def keep(self, lines: Sequence[Respawn], env: Mapping[str, str], now: float) -> None:
        """These are to run from now on: what is new is started, what is gone is ended, the others go on."""
        self.active, self._env = True, env
        known = {_words(client.line): client for client in self._clients}
        wanted = [replace(line, line=0) for line in lines if line.runs]
        for client in reversed([c for words, c in known.items() if words not in map(_words, wanted)]):
            self._end(client, now)
        self._clients = [known.get(_words(line)) or _Client(line) for line in wanted]
        for client in self._clients:
            if _words(client.line) not in known:
                self._start(client, now)

    def handle_timer(self, now: float) -> None:
        for client in self._clients:
            if client.again_at is not None and client.again_at <= now:
                self._start(client, now)

    def stop(self, now: float) -> None:
        """Ends all of them, the one that was started last first."""
        for client in reversed(self._clients):
            self._end(client, now)
        self._clients = []

    def _start(self, client: _Client, now: float) -> None:
        client.again_at = None
        try:
            process = ClientProcess(client.line.user, client.line.argv, self._env)
        except (OSError, ValueError) as error:
            text = f"respawn: {client.line.argv[0]} cannot be executed as {client.line.user}: {error}"
            self._note(Note(Level.ERROR, text))
            return
        client.process = process
        self._note(Note(Level.INFO, f'Starting child client "{" ".join(client.line.argv)}" as {client.line.user}'))
        self._operations.follow(process, lambda _, at: self._ended(client, process, at - now, at), now)

    def _ended(self, client: _Client, process: ClientProcess, lived: float, now: float) -> None:
        client.process = None
        if client.dismissed:
            return
        wait, why = client.rebirth.ended(process.status, lived)
        self._note(Note(Level.WARNING, f"Client {' '.join(client.line.argv)} {why}"))
        client.again_at = None if wait is None else now + wait

    def _end(self, client: _Client, now: float) -> None:
        client.dismissed, client.again_at = True, None
        if client.process is not None:
            client.process.terminate(now + STOP_WAIT)


def _words(line: Respawn) -> tuple[str, ...]:
    return (line.user, *line.argv)
