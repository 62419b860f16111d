"""The loop: feeds the director with what happened, performs what it decides.

Order within one step: edits of the kernel's table first, because traffic depends on them; then checks are started or
cancelled; log lines last. Edits are plain calls (see adapters/ipvs.py), so when a request for a role is answered, the
table is written. A table that cannot be read or written is logged and tried again with the next step; nothing ends
the daemon but stop. What it answers to hbeat and to the ldirectord command stands in control_requests.py.
"""

from __future__ import annotations

import asyncio
import dataclasses
import gc
import importlib
import math
import os
import signal
import socket
import sys
import traceback
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from ldirector import kernel_settings
from ldirector.adapters.config_watch import ConfigFile
from ldirector.adapters.control import Answer, ControlServer
from ldirector.adapters.ipvs import IpvsError
from ldirector.adapters.log import Log
from ldirector.checks import tls
from ldirector.checks.runner import probe_of
from ldirector.config.director_config import DirectorConfig
from ldirector.config.errors import ConfigError
from ldirector.control_requests import ControlRequests
from ldirector.core.commands import callback, instance
from ldirector.core.director import Director
from ldirector.core.events import AddVirtual, ApplyOps, DeleteVirtual, Effect, Level, OpFailure, TableOp
from ldirector.core.model import Role, Service, VirtualKey
from ldirector.core.negotiate import Probe, choose
from ldirector.core.services import TLS_SERVICES
from ldirector.core.verdict import Verdict
from ldirector.maintenance_watch import MaintenanceWatch
from ldirector.performer import Performer

WATCH_SECONDS = 1.0  # between two looks at the configuration file
REST_SECONDS = 20.0  # from the start until what is seldom needed is loaded
MAX_REPLANS = 3  # within one step, when the kernel refuses edits
TICK = 0.002  # seconds; checks that are due within it start together
RETRY_SECONDS = 1.0  # after an error of the whole table, or of this program
OWN_COMMAND = str(Path(sys.executable).with_name("ldirectord"))


class KernelTable(Protocol):
    """What the daemon needs of adapters/ipvs.py."""

    def read(self) -> dict[VirtualKey, Service]: ...

    def apply(self, operations: Sequence[TableOp]) -> list[OpFailure]: ...


class Record(Protocol):
    """What the daemon needs of adapters/table_record.py."""

    @property
    def keys(self) -> frozenset[VirtualKey]: ...

    def read(self) -> frozenset[VirtualKey]: ...

    def keep(self, keys: Iterable[VirtualKey]) -> None: ...


class Daemon:
    """One director at work, from start to stop."""

    def __init__(
        self,
        config: DirectorConfig,
        file: ConfigFile[DirectorConfig],
        role: Role,
        kernel: KernelTable,
        control: socket.socket,
        log: Log,
        record: Record,
    ) -> None:
        self._config = config
        self._file = file
        self._first_role = role
        self._kernel = kernel
        self._log = log
        self._record = record
        self._director = Director(config, role, socket.gethostname())
        self._performer = Performer(
            log,
            self._check_finished,
            self._sentinel_lost,
            lambda: self._guarded(self._reconcile),
            config.checks_in_flight,
            config.commands_in_flight,
        )
        self._maintenance = MaintenanceWatch(
            lambda: self._guarded(self._maintain), lambda words: log.write(Level.WARNING, words)
        )
        self._control = ControlServer(control, ControlRequests(self).answer, self._log_error)
        self._timer: asyncio.TimerHandle | None = None
        self._armed_for: float | None = None
        self._refused: list[OpFailure] = []
        self._alone = False
        self._ready = asyncio.Event()
        self._stopping = asyncio.Event()
        self._reloading = asyncio.Lock()
        self._results: list[tuple[int, Verdict]] = []
        self._tasks: set[asyncio.Task[Any]] = set()

    async def run(self, announce_ready: Callable[[], None] = lambda: None) -> None:
        """Until stop is asked for. announce_ready is called when the table is written and requests are answered."""
        self._loop = asyncio.get_running_loop()
        self._log.write(Level.INFO, f"Starting Linux Director Daemon as {self._first_role.value} for {self._file.path}")
        self._say_about(self._config)
        self._prepare(self._config)
        table = self._kernel.read()
        await self._maintenance.configure(self._config)
        maintained, left = self._maintenance.members(self._config), self._record.read()
        self._perform(self._director.start(table, self._loop.time(), maintained, left))
        self._record.keep(self._director.written())
        self._follow_others("start" if self._first_role is Role.ACTIVE else "")
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGXCPU):
            self._loop.add_signal_handler(number, self._stop_on, number)
        self._loop.add_signal_handler(signal.SIGHUP, self._reload_on_signal)
        await self._control.start()
        gc.collect()
        gc.freeze()  # the configuration stays: walking through it again and again would stall the loop
        announce_ready()
        background = [asyncio.create_task(self._watch()), asyncio.create_task(self._load_rest())]
        try:
            await self._stopping.wait()
        finally:
            for task in background:
                task.cancel()
            await self._end()

    async def _end(self) -> None:
        self._guarded(lambda: self._perform(self._director.stop(self._loop.time())))
        if not self._alone:
            self._follow_others("stop")
        if self._timer:
            self._timer.cancel()
        for task in self._tasks:
            task.cancel()
        await self._maintenance.close()
        await self._control.close()
        await self._performer.close()
        self._log.write(Level.INFO, "Exiting with exit_status 0: stopped")

    # performing

    def _perform(self, effects: Sequence[Effect]) -> None:
        """Carry out one step's effects, then arm the timer. Raises IpvsError when the table cannot be read."""
        effects = list(effects)
        self._edit_table(effects)
        try:
            for _ in range(MAX_REPLANS):
                if not self._refused:
                    break
                planned = self._director.table_failed(self._refused, self._kernel.read(), self._loop.time())
                self._refused = []
                self._edit_table(planned)
                effects += planned
        finally:
            self._perform_rest(effects)

    def _edit_table(self, effects: Sequence[Effect]) -> None:
        """What becomes ours is on file before it is in the kernel: killed in between, it is known whose it is."""
        edits = [op for effect in effects if isinstance(effect, ApplyOps) for op in effect.ops]
        come_or_go = any(isinstance(op, AddVirtual | DeleteVirtual) for op in edits)
        if come_or_go:
            self._record.keep(self._record.keys.union(self._director.written()))
        if edits:
            self._refused += self._kernel.apply(edits)
        if come_or_go and not self._refused:
            self._record.keep(self._director.written())

    def _perform_rest(self, effects: Sequence[Effect]) -> None:
        self._performer.perform(effects)
        if self._director.is_ready() != self._ready.is_set():
            self._ready.clear() if self._ready.is_set() else self._ready.set()
        self._arm()

    def _arm(self, at_least: float = 0.0) -> None:
        """Set the timer for the director's next deadline, not before so many seconds from now."""
        deadline = self._director.next_deadline()
        if deadline is not None and at_least:
            deadline = max(deadline, self._loop.time() + at_least)
        if self._timer and self._armed_for == deadline:
            return
        if self._timer:
            self._timer.cancel()
        # The next whole TICK: one step serves all deadlines in it, and uvloop, whose clock has milliseconds, would
        # otherwise wake too early and spin until the deadline.
        when = math.ceil((deadline or 0.0) / TICK) * TICK
        self._timer = None if deadline is None else self._loop.call_at(when, self._guarded, self._time_passed)
        self._armed_for = deadline

    def _time_passed(self) -> None:
        self._timer = None
        self._perform(self._director.handle_timer(self._loop.time()))

    def _reconcile(self) -> None:
        self._perform(self._director.reconcile(self._kernel.read(), self._loop.time()))

    def _sentinel_lost(self, sentinel_id: int) -> None:
        self._guarded(lambda: self._perform(self._director.sentinel_lost(sentinel_id, self._loop.time())))

    def _check_finished(self, check_id: int, verdict: Verdict) -> None:
        """Results of the same turn of the loop are taken together: one edit of the table, one opening of the log."""
        if not self._results:
            self._loop.call_soon(self._guarded, self._take_results)
        self._results.append((check_id, verdict))

    def _take_results(self) -> None:
        results, self._results = self._results, []
        effects: list[Effect] = []
        for check_id, verdict in results:
            self._guarded(partial(self._judge, check_id, verdict, effects))
        self._perform(effects)

    def _judge(self, check_id: int, verdict: Verdict, effects: list[Effect]) -> None:
        effects += self._director.finished(check_id, verdict, self._loop.time())

    def _guarded(self, step: Callable[[], None]) -> None:
        """A step of the loop: an unusable table or a bug of ours is logged, and the daemon goes on."""
        try:
            step()
        except IpvsError as error:
            self._log_error(str(error))
            self._arm(RETRY_SECONDS)
        except Exception:
            self._log.write(Level.ERROR, "an error of this program:", traceback.format_exc())
            self._arm(RETRY_SECONDS)

    def _log_error(self, text: str) -> None:
        self._log.write(Level.ERROR, text)

    # what stands beside the checks

    def _maintain(self) -> None:
        """Take out of service whom maintenancedir names, and put back all others."""
        self._perform(self._director.maintain(self._maintenance.members(self._config), self._loop.time()))

    def _follow_others(self, verb: str, names: Iterable[str] | None = None) -> None:
        """execute=: the other instances start, reload and stop with this one."""
        for name in self._config.execute if names is None else names:
            if verb:
                self._performer.perform([instance(name, verb, OWN_COMMAND)])

    # configuration

    def _say_about(self, config: DirectorConfig) -> None:
        """What the operator should know about a configuration that comes into force."""
        for problem in config.warnings:
            self._log.write(Level.WARNING, str(problem))
        if any(virtual.service in TLS_SERVICES and not virtual.policy.tls.verify for virtual in config.virtuals):
            self._log.write(Level.INFO, tls.NOTE)
        for level, words in kernel_settings.settle(config):
            self._log.write(level, words)

    def _prepare(self, config: DirectorConfig) -> None:
        """Import what the checks of this configuration need, before the first of them is due."""
        for virtual in config.virtuals:
            for real in virtual.reals:
                check = choose(virtual, real).check
                if isinstance(check, Probe):
                    probe_of(check.spec.method, check.spec.service)

    async def _load_rest(self) -> None:
        """What only redirects need takes long to import: not at a start that somebody waits for, nor in the loop."""
        await asyncio.sleep(REST_SECONDS)
        if any(virtual.service in ("http", "https") for virtual in self._config.virtuals):
            await asyncio.to_thread(importlib.import_module, "ldirector.checks.redirect")

    async def reload(self, why: str, alone: bool = False) -> str:
        """Whole new configuration or none; then the reason in words."""
        async with self._reloading:
            self._log.write(Level.INFO, f"Reloading Linux Director Daemon config {why}")
            try:
                config = await asyncio.to_thread(self._load)
                await self._maintenance.configure(config)
                if self._stopping.is_set():
                    return self._not_reloaded("the daemon is being stopped")
                maintained = self._maintenance.members(config)
                effects = self._director.reload(config, self._kernel.read(), self._loop.time(), maintained)
            except OSError as error:
                return self._not_reloaded(f"cannot read {error.filename or self._file.path}: {error.strerror}")
            except (ConfigError, IpvsError) as error:
                return self._not_reloaded(str(error))
            except Exception as error:
                self._log.write(
                    Level.ERROR, "configuration unchanged, an error of this program:", traceback.format_exc()
                )
                return f"an error of this program: {error!r}"
            before, self._config = self._config, config
            self._log.redirect(config.logfile)
            self._say_about(config)
            self._guarded(lambda: self._perform(effects))
            self._record.keep(self._director.written())
            self._performer.limit(config.checks_in_flight, config.commands_in_flight)
            if self._director.role is Role.ACTIVE and not alone:
                kept = [name for name in config.execute if name in before.execute]
                self._follow_others("stop", [name for name in before.execute if name not in kept])
                self._follow_others("reload", kept)
                self._follow_others("start", [name for name in config.execute if name not in kept])
            return ""

    def _not_reloaded(self, words: str) -> str:
        self._log.write(Level.ERROR, "configuration unchanged:", words)
        return words

    def _load(self) -> DirectorConfig:
        """In a thread: names may have to be looked up, libraries to be read."""
        config = self._file.load()
        self._prepare(config)
        return config

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            if not self._file.changed():
                continue
            self._log.write(Level.INFO, f"Configuration file '{self._file.path}' has changed on disk")
            program = self._config.callback
            if self._config.autoreload:
                await self.reload("because the file changed")
            else:
                self._log.write(Level.INFO, "ignored: autoreload is not set, the verb reload reads it")
            if program:
                self._performer.perform([callback(program, str(self._file.path))])

    def _reload_on_signal(self) -> None:
        task = asyncio.create_task(self.reload("on signal"))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _stop_on(self, number: signal.Signals) -> None:
        self._log.write(Level.INFO, f"Linux Director Daemon terminated on signal: {number.name.removeprefix('SIG')}")
        self._stopping.set()

    # what is asked through the control socket

    def status(self) -> Answer:
        snapshot = dataclasses.asdict(self._director.snapshot())
        return {**snapshot, "config": str(self._file.path), "pid": os.getpid()}

    def change_role(self, role: Role, vouched: bool = False) -> None:
        try:
            self._perform(self._director.set_role(role, self._kernel.read(), self._loop.time(), vouched))
            self._record.keep(self._director.written())
        except IpvsError as error:
            self._log.write(Level.ERROR, f"cannot become {role.value}: {error}")
            raise
        self._follow_others("start" if role is Role.ACTIVE else "stop")

    def unvouch(self) -> None:
        self._guarded(lambda: self._perform(self._director.unvouch(self._loop.time())))

    async def wait_ready(self) -> None:
        await self._ready.wait()

    def is_ready(self) -> bool:
        return self._director.is_ready()

    def is_blind(self) -> bool:
        return self._director.is_blind()

    def stop(self, alone: bool) -> None:
        self._alone = alone
        self._log.write(Level.INFO, "Linux Director Daemon stops on request")
        self._loop.call_soon(self._stopping.set)
