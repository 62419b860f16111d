"""The loop: feeds the director with what happened, performs what it decides.

Order within one step: edits of the kernel's table first, because traffic depends on them; then checks are started or
cancelled; log lines last. Edits are plain calls (see adapters/ipvs.py), so when a request for a role is answered, the
table is written. A table that cannot be read or written is logged and tried again with the next step; nothing ends
the daemon but stop.

Control requests (hbeat and the ldirectord command use them; words on one line, an answer with "ok" and more):
    status         role, ready, config, pid, virtuals
    role active    answered after the table is written: role
    role standby   answered after our part of the table is gone: role
    ready SECONDS  answered when every real has a verdict, or after SECONDS: ready
    reload         answered when the new file is in force, or refused: error
    stop           answered before the orderly stop begins
"""

from __future__ import annotations

import asyncio
import dataclasses
import os
import signal
import socket
import traceback
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from ldirector.adapters.config_watch import ConfigFile
from ldirector.adapters.control import Answer, ControlServer
from ldirector.adapters.ipvs import IpvsError
from ldirector.adapters.log import Log
from ldirector.checks import tls
from ldirector.checks.runner import Runner
from ldirector.checks.sentinel import SentinelPost
from ldirector.config.director_config import DirectorConfig
from ldirector.config.errors import ConfigError
from ldirector.core.director import Director
from ldirector.core.events import (
    ApplyOps,
    CancelCheck,
    CloseSentinel,
    Effect,
    Level,
    Note,
    OpenSentinel,
    OpFailure,
    ReadTable,
    StartCheck,
    TableOp,
)
from ldirector.core.model import Role, Service, VirtualKey
from ldirector.core.services import TLS_SERVICES
from ldirector.core.verdict import Verdict

WATCH_SECONDS = 1.0  # between two looks at the configuration file
MAX_REPLANS = 3  # within one step, when the kernel refuses edits
RETRY_SECONDS = 1.0  # after an error of the whole table, or of this program
LONGEST_READY = 3600.0  # seconds that a client may wait for readiness
REQUESTS = ["status", "role active", "role standby", "ready SECONDS", "reload", "stop"]


class KernelTable(Protocol):
    """What the daemon needs of adapters/ipvs.py."""

    def read(self) -> dict[VirtualKey, Service]: ...

    def apply(self, operations: Sequence[TableOp]) -> list[OpFailure]: ...


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
    ) -> None:
        self._config = config
        self._file = file
        self._first_role = role
        self._kernel = kernel
        self._log = log
        self._director = Director(config, role)
        self._runner = Runner(self._check_finished, self._log_error)
        self._sentinels = SentinelPost(self._sentinel_lost)
        self._control = ControlServer(control, self._answer, self._log_error)
        self._timer: asyncio.TimerHandle | None = None
        self._refused: list[OpFailure] = []
        self._ready = asyncio.Event()
        self._stopping = asyncio.Event()
        self._reloading = asyncio.Lock()
        self._tasks: set[asyncio.Task[Any]] = set()

    async def run(self, announce_ready: Callable[[], None] = lambda: None) -> None:
        """Until stop is asked for. announce_ready is called when the table is written and requests are answered."""
        self._loop = asyncio.get_running_loop()
        self._log.write(Level.INFO, f"Starting Linux Director Daemon as {self._first_role.value} for {self._file.path}")
        self._say_about(self._config)
        self._perform(self._director.start(self._kernel.read(), self._loop.time()))
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
            self._loop.add_signal_handler(number, self._stop_on, number)
        self._loop.add_signal_handler(signal.SIGHUP, self._reload_on_signal)
        await self._control.start()
        announce_ready()
        watcher = asyncio.create_task(self._watch())
        try:
            await self._stopping.wait()
        finally:
            watcher.cancel()
            await self._stop()

    async def _stop(self) -> None:
        self._guarded(lambda: self._perform(self._director.stop(self._loop.time())))
        if self._timer:
            self._timer.cancel()
        await self._sentinels.close_all()
        await self._runner.close()
        await self._control.close()
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
        for effect in effects:
            if isinstance(effect, ApplyOps):
                self._refused += self._kernel.apply(effect.ops)

    def _perform_rest(self, effects: Sequence[Effect]) -> None:
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
                    self._loop.call_soon(self._guarded, self._reconcile)
                case Note(level, text):
                    self._log.write(level, text)
                case ApplyOps():
                    pass  # done before
        if self._director.is_ready():
            self._ready.set()
        else:
            self._ready.clear()
        self._arm()

    def _arm(self, at_least: float = 0.0) -> None:
        """Set the timer for the director's next deadline, not before so many seconds from now."""
        if self._timer:
            self._timer.cancel()
        deadline = self._director.next_deadline()
        if deadline is None:
            self._timer = None
        else:
            when = max(deadline, self._loop.time() + at_least)
            self._timer = self._loop.call_at(when, self._guarded, self._time_passed)

    def _time_passed(self) -> None:
        self._timer = None
        self._perform(self._director.handle_timer(self._loop.time()))

    def _reconcile(self) -> None:
        self._perform(self._director.reconcile(self._kernel.read(), self._loop.time()))

    def _sentinel_lost(self, sentinel_id: int) -> None:
        self._guarded(lambda: self._perform(self._director.sentinel_lost(sentinel_id, self._loop.time())))

    def _check_finished(self, check_id: int, verdict: Verdict) -> None:
        self._guarded(lambda: self._perform(self._director.finished(check_id, verdict, self._loop.time())))

    def _guarded(self, step: Callable[[], None]) -> None:
        """A step of the loop: an unusable table or a bug of ours is logged, and the daemon goes on."""
        try:
            step()
        except IpvsError as error:
            self._log_error(str(error))
            self._arm(RETRY_SECONDS)
        except Exception:
            self._log_error(traceback.format_exc())
            self._arm(RETRY_SECONDS)

    def _log_error(self, text: str) -> None:
        self._log.write(Level.ERROR, text)

    # configuration

    def _say_about(self, config: DirectorConfig) -> None:
        """What the operator should know about a configuration that comes into force."""
        for problem in config.warnings:
            self._log.write(Level.WARNING, str(problem))
        if any(virtual.service in TLS_SERVICES and not virtual.policy.tls.verify for virtual in config.virtuals):
            self._log.write(Level.INFO, tls.NOTE)

    async def _reload(self, why: str) -> Answer:
        """Whole new configuration or none: read and parsed in a thread (names may have to be looked up)."""
        async with self._reloading:
            self._log.write(Level.INFO, f"Reloading Linux Director Daemon config {why}")
            try:
                config = await asyncio.to_thread(self._file.load)
                effects = self._director.reload(config, self._kernel.read(), self._loop.time())
            except (ConfigError, OSError, IpvsError) as error:
                self._log.write(Level.ERROR, f"configuration unchanged: {error}")
                return {"ok": False, "error": str(error)}
            except Exception as error:
                self._log_error(f"configuration unchanged: {traceback.format_exc()}")
                return {"ok": False, "error": f"an error of this program: {error!r}"}
            self._config = config
            self._log.redirect(config.logfile)
            self._say_about(config)
            self._guarded(lambda: self._perform(effects))
            return {"ok": True}

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            if not self._file.changed():
                continue
            self._log.write(Level.INFO, f"Configuration file '{self._file.path}' has changed on disk")
            if self._config.autoreload:
                await self._reload("because the file changed")
            else:
                self._log.write(Level.INFO, "ignored: autoreload is not set, the verb reload reads it")

    def _reload_on_signal(self) -> None:
        task = asyncio.create_task(self._reload("on signal"))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _stop_on(self, number: signal.Signals) -> None:
        self._log.write(Level.INFO, f"Linux Director Daemon terminated on signal: {number.name.removeprefix('SIG')}")
        self._stopping.set()

    # control requests

    async def _answer(self, words: list[str]) -> Answer:
        match words:
            case ["status"]:
                return self._status()
            case ["role", ("active" | "standby") as name]:
                return self._change_role(Role(name))
            case ["ready", seconds]:
                return await self._wait_ready(seconds)
            case ["reload"]:
                return await self._reload("on request")
            case ["stop"]:
                self._log.write(Level.INFO, "Linux Director Daemon stops on request")
                self._loop.call_soon(self._stopping.set)
                return {"ok": True}
        return {"ok": False, "error": f"unknown request {' '.join(words)!r}", "requests": REQUESTS}

    def _status(self) -> Answer:
        snapshot = dataclasses.asdict(self._director.snapshot())
        return {"ok": True, **snapshot, "config": str(self._file.path), "pid": os.getpid()}

    def _change_role(self, role: Role) -> Answer:
        try:
            self._perform(self._director.set_role(role, self._kernel.read(), self._loop.time()))
        except IpvsError as error:
            self._log.write(Level.ERROR, f"cannot become {role.value}: {error}")
            return {"ok": False, "error": str(error)}
        return {"ok": True, "role": role.value}

    async def _wait_ready(self, seconds: str) -> Answer:
        try:
            limit = float(seconds)
        except ValueError:
            limit = -1.0
        if not 0 <= limit <= LONGEST_READY:
            return {"ok": False, "error": f"not a number of seconds from 0 to {LONGEST_READY:g}: {seconds!r}"}
        try:
            async with asyncio.timeout(limit):
                await self._ready.wait()
        except TimeoutError:
            pass  # the answer says how it stands
        return {"ok": True, "ready": self._director.is_ready()}
