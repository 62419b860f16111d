"""Performs what the director decides, all but edits of the kernel's table: each effect goes to its adapter."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from ldirector.adapters.commands import Commands
from ldirector.adapters.log import Log
from ldirector.adapters.mail import Mailer
from ldirector.adapters.monitorfile import MonitorFiles
from ldirector.checks.runner import Runner
from ldirector.checks.sentinel import SentinelPost
from ldirector.core.events import (
    ApplyOps,
    CancelCheck,
    CloseSentinel,
    Command,
    Effect,
    Level,
    Mail,
    MonitorLine,
    Note,
    OpenSentinel,
    ReadTable,
    StartCheck,
)
from ldirector.core.verdict import Verdict

CLOSE_SECONDS = 5.0  # for commands and mails that were begun, when the daemon ends; `stop` waits longer than this


class Performer:
    """check_finished, sentinel_lost and read_table report back; they are called in the loop."""

    def __init__(
        self,
        log: Log,
        check_finished: Callable[[int, Verdict], None],
        sentinel_lost: Callable[[int], None],
        read_table: Callable[[], None],
        checks_in_flight: int,
        commands_in_flight: int,
    ) -> None:
        self._log = log
        self._read_table = read_table
        self._runner = Runner(check_finished, self._log_bug, checks_in_flight, commands_in_flight)
        self._sentinels = SentinelPost(sentinel_lost)
        self._commands = Commands(self.log_error)
        self._mailer = Mailer(self.log_error)
        self._monitorfiles = MonitorFiles(self.log_error)

    def perform(self, effects: Iterable[Effect]) -> None:
        """All but ApplyOps, in their order, the log lines last."""
        effects = list(effects)
        try:
            self._perform(effects)
        finally:
            self._log.write_notes(effect for effect in effects if isinstance(effect, Note))

    def _perform(self, effects: Iterable[Effect]) -> None:
        for effect in effects:
            match effect:
                case StartCheck(check_id, spec):
                    self._runner.start(check_id, spec)
                case CancelCheck(check_id):
                    self._runner.cancel(check_id)
                case OpenSentinel(sentinel_id, address, port):
                    self._sentinels.open(sentinel_id, address, port)
                case CloseSentinel(sentinel_id):
                    self._sentinels.close(sentinel_id)
                case ReadTable():
                    asyncio.get_running_loop().call_soon(self._read_table)
                case Command():
                    self._commands.run(effect)
                case Mail():
                    self._mailer.send(effect)
                case MonitorLine(path, text):
                    self._monitorfiles.write(path, text)
                case ApplyOps() | Note():
                    pass  # the daemon's own; written last

    def limit(self, checks_in_flight: int, commands_in_flight: int) -> None:
        """So many checks and external commands may run at the same time from now on."""
        self._runner.limit(checks_in_flight, commands_in_flight)

    def log_error(self, text: str) -> None:
        self._log.write(Level.ERROR, text)

    def _log_bug(self, text: str) -> None:
        """Its first line says where, the traceback follows."""
        first, _, below = text.partition("\n")
        self._log.write(Level.ERROR, first, below)

    async def close(self) -> None:
        """No check goes on; commands and mails that were begun get some seconds to end."""
        await self._sentinels.close_all()
        await self._runner.close()
        await asyncio.gather(self._commands.close(CLOSE_SECONDS), self._mailer.close(CLOSE_SECONDS))
        self._monitorfiles.flush()
