"""The daemon's life: start, reload, roles, stop. How a step of it is performed stands in steps.py, what it answers to
hbeat and to the ldirectord command in control_requests.py.
"""

from __future__ import annotations

import asyncio
import dataclasses
import gc
import importlib
import os
import signal
import socket
import sys
import traceback
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

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
from ldirector.core.events import Level
from ldirector.core.model import Role
from ldirector.core.negotiate import Probe, choose
from ldirector.core.services import TLS_SERVICES
from ldirector.maintenance_watch import MaintenanceWatch
from ldirector.steps import KernelTable, Record, Steps

WATCH_SECONDS = 1.0  # between two looks at the configuration file
REST_SECONDS = 20.0  # from the start until what is seldom needed is loaded
OWN_COMMAND = str(Path(sys.executable).with_name("ldirectord"))


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
        self._steps = Steps(self._director, kernel, record, log, config.checks_in_flight, config.commands_in_flight)
        self._maintenance = MaintenanceWatch(
            lambda: self._steps.guarded(self._maintain), lambda words: log.write(Level.WARNING, words)
        )
        self._control = ControlServer(control, ControlRequests(self).answer, self._log_error)
        self._alone = False
        self._stopping = asyncio.Event()
        self._reloading = asyncio.Lock()
        self._tasks: set[asyncio.Task[Any]] = set()

    async def run(self, announce_ready: Callable[[], None] = lambda: None) -> None:
        """Until stop is asked for. announce_ready is called when the table is written and requests are answered."""
        loop = asyncio.get_running_loop()
        self._log.write(Level.INFO, f"Starting Linux Director Daemon as {self._first_role.value} for {self._file.path}")
        self._say_about(self._config)
        self._prepare(self._config)
        table = self._kernel.read()
        await self._maintenance.configure(self._config)
        maintained, left = self._maintenance.members(self._config), self._record.read()
        self._steps.perform(self._director.start(table, self._steps.now(), maintained, left))
        self._record.keep(self._director.written())
        self._follow_others("start" if self._first_role is Role.ACTIVE else "")
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGXCPU):
            loop.add_signal_handler(number, self._stop_on, number)
        loop.add_signal_handler(signal.SIGHUP, self._reload_on_signal)
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
        self._steps.guarded(lambda: self._steps.perform(self._director.stop(self._steps.now())))
        if not self._alone:
            self._follow_others("stop")
        self._steps.end()
        for task in self._tasks:
            task.cancel()
        await self._maintenance.close()
        await self._control.close()
        await self._steps.performer.close()
        self._log.write(Level.INFO, "Exiting with exit_status 0: stopped")

    def _log_error(self, text: str) -> None:
        self._log.write(Level.ERROR, text)

    # what stands beside the checks

    def _maintain(self) -> None:
        """Take out of service whom maintenancedir names, and put back all others."""
        self._steps.perform(self._director.maintain(self._maintenance.members(self._config), self._steps.now()))

    def _follow_others(self, verb: str, names: Iterable[str] | None = None) -> None:
        """execute=: the other instances start, reload and stop with this one."""
        for name in self._config.execute if names is None else names:
            if verb:
                self._steps.performer.perform([instance(name, verb, OWN_COMMAND)])

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
                effects = self._director.reload(config, self._kernel.read(), self._steps.now(), maintained)
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
            self._steps.guarded(lambda: self._steps.perform(effects))
            self._record.keep(self._director.written())
            self._steps.performer.limit(config.checks_in_flight, config.commands_in_flight)
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
                self._steps.performer.perform([callback(program, str(self._file.path))])

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
            self._steps.perform(self._director.set_role(role, self._kernel.read(), self._steps.now(), vouched))
            self._record.keep(self._director.written())
        except IpvsError as error:
            self._log.write(Level.ERROR, f"cannot become {role.value}: {error}")
            raise
        self._follow_others("start" if role is Role.ACTIVE else "stop")

    def unvouch(self) -> None:
        self._steps.guarded(lambda: self._steps.perform(self._director.unvouch(self._steps.now())))

    async def wait_ready(self) -> None:
        await self._steps.ready.wait()

    def is_ready(self) -> bool:
        return self._director.is_ready()

    def is_blind(self) -> bool:
        return self._director.is_blind()

    def stop(self, alone: bool) -> None:
        self._alone = alone
        self._log.write(Level.INFO, "Linux Director Daemon stops on request")
        asyncio.get_running_loop().call_soon(self._stopping.set)
