"""The heartbeat process: one thread, one loop, nothing in it that waits for somebody else.

A turn: sleep until a descriptor is readable or a deadline comes; read every heartbeat that has arrived; only then
look at the clock's demands, so that a peer is never declared dead over datagrams that wait in our own sockets; do
what the cluster decided; write the log last.
"""

from __future__ import annotations

import gc
import math
import os
import selectors
import signal
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterable
from pathlib import Path
from random import Random

from hbeat.adapters.control import ControlServer
from hbeat.adapters.fifo import Fifo
from hbeat.adapters.icmp import Pinger
from hbeat.adapters.log import Log
from hbeat.adapters.peer_file import PeerFile
from hbeat.adapters.realtime import make_realtime
from hbeat.adapters.udp import ALL_THAT_WAITS, DRAIN_LIMIT, Media
from hbeat.adapters.udp_sockets import Ear
from hbeat.adapters.watchdog import Watchdog
from hbeat.agents.environment import script_environment
from hbeat.agents.hooks import HookQueue, find_hooks
from hbeat.agents.roster import Agents
from hbeat.clients import Clients
from hbeat.config.errors import ConfigError
from hbeat.control_requests import ControlRequests
from hbeat.core.auth import Keyring
from hbeat.core.cluster import Cluster
from hbeat.core.events import (
    Dismiss,
    Effect,
    Exit,
    Level,
    Note,
    Outcome,
    Prepare,
    Remember,
    RunHook,
    RunResource,
    SendDatagram,
    SendPing,
)
from hbeat.core.hello import Files
from hbeat.core.model import NodeState, PeerRecord, Resource
from hbeat.core.outbox import Identity
from hbeat.core.settings import Settings
from hbeat.load import Configuration
from hbeat.operations import Operations
from hbeat.reload import prepare
from hbeat.shared_files import SharedFiles
from hbeat.view import view
from hbeat.warm import WarmResources

LAST_WORDS = 1.0
"""How long the end waits for whoever reads the log."""


def settings_of(config: Configuration, me: Identity, files: Files) -> Settings:
    """What the cluster needs of the configuration."""
    return Settings(
        me=me,
        nodes=config.ha.nodes,
        links=tuple(dict.fromkeys(medium.interface for medium in config.ha.media)),
        timing=config.ha.timing,
        failback=config.ha.auto_failback,
        groups=config.groups,
        rexmit_delay=config.ha.max_rexmit_delay,
        inner_signature=config.ha.msgfmt == "classic",
        log_badpack=config.ha.log_badpack,
        hooks=find_hooks(),
        pings=tuple(ping.node for ping in config.ha.ping_nodes),
        ipfail=config.ha.ipfail,
        files=files,
    )


def _stamp() -> tuple[int, str]:
    try:
        load_text = Path("/proc/loadavg").read_text().strip()
    except OSError:
        load_text = ""
    return int(time.time()), load_text


class Daemon:
    """Performs what the cluster decides. Everything it needs is already open."""

    def __init__(
        self,
        config: Configuration,
        me: Identity,
        media: Media,
        pinger: Pinger,
        control: ControlServer,
        fifo: Fifo,
        peer_file: PeerFile,
        floor: PeerRecord | None,
        watchdog: Watchdog | None,
        agents: Agents,
        open_log: Callable[[Configuration], Log],
        *,
        realtime: bool,
    ) -> None:
        self._config, self._me, self._media, self._pinger = config, me, media, pinger
        self._control, self._fifo, self._agents = control, fifo, agents
        self._peer_file, self._shared = peer_file, SharedFiles(config)
        self._watchdog = watchdog
        self._hooks = HookQueue()
        self._open_log, self._log = open_log, open_log(config)
        self._realtime = realtime and config.ha.realtime
        keys = Keyring(config.keys.active, config.keys.keys)
        settings = settings_of(config, me, self._shared.digests)
        self.cluster = Cluster(settings, keys, _stamp, Random(), time.monotonic(), floor)
        self._selector = selectors.DefaultSelector()
        self._effects: deque[Effect] = deque()
        self._notes: list[Note] = []
        self._operations = Operations(self._selector)
        self._warm = WarmResources(agents, self._operations, self._prepared, self._tell)
        self._clients = Clients(self._operations, self._tell)
        self._requests = ControlRequests(self.cluster, self._perform, self._view, self._reload, self._stop)
        self._debug_level = max(config.ha.debug, self._log.debug)
        self._ending = False

    # --- the loop ---------------------------------------------------------------------------------------------

    def run(self, ready: Callable[[], None]) -> None:
        """Runs until everything is released after a request to stop. ready: called once heartbeats are sent."""
        self._catch_signals()
        self._selector.register(self._control, selectors.EVENT_READ, ("control", None))
        self._selector.register(self._fifo, selectors.EVENT_READ, ("fifo", None))
        self._watch_network()
        if self._realtime:
            for refused in make_realtime(self._config.ha.rtprio):
                self._note(Level.WARNING, refused)
        gc.collect()
        gc.freeze()
        self._perform(self.cluster.begin(time.monotonic()))
        self._note(Level.INFO, f"heartbeat: generation {self._me.generation}, node {self._me.name}")
        self._flush_notes()
        ready()
        while not (self._ending and self._operations.idle):
            self._turn()
        if self._watchdog is not None:
            self._watchdog.close()
        self._log.drain(LAST_WORDS)

    def _turn(self) -> None:
        deadline = self._next_deadline()
        before = time.monotonic()
        events = self._selector.select(max(0.0, deadline - before))
        now = time.monotonic()
        for key, _ in events:
            self._guarded(lambda key=key: self._readable(key))  # type: ignore[misc]
        if now >= deadline:
            self._guarded(lambda: self._timers(now, deadline))
        if self.cluster.status is NodeState.ACTIVE and not (self._clients.active or self._ending):
            self._clients.keep(self._config.ha.respawn, self._agents.env, now)
        self._flush_notes()

    def _guarded(self, work: Callable[[], None]) -> None:
        """A bug met by one event is told with its traceback and ends there: the other node must go on hearing us."""
        try:
            work()
        except Exception:
            self._effects.clear()
            self._note(Level.CRITICAL, f"error in this program, please report it:\n{traceback.format_exc()}")

    def _readable(self, key: selectors.SelectorKey) -> None:
        kind, what = key.data
        if kind == "media":
            for ear in self._media.ready():
                self._drain(ear)
        elif kind == "echo":
            self._drain_echoes(what)
        elif kind == "operation":
            self._operations.step(what, time.monotonic())
        elif kind == "fifo":
            self._script_wrote()
        elif kind == "signal":
            for number in os.read(key.fd, 64):
                self._signalled(number)
        else:
            self._serve()

    def _drain(self, ear: Ear, limit: int = DRAIN_LIMIT) -> None:
        for data in self._media.drain(ear, limit):
            now = time.monotonic()
            self._perform(self.cluster.receive(ear.link, data, now))

    def _drain_echoes(self, family: int) -> None:
        for data in self._pinger.drain(family):
            self._perform(self.cluster.echoed(data, time.monotonic()))

    def _script_wrote(self) -> None:
        now = time.monotonic()
        messages, problem = self._fifo.read(now)
        if problem:
            self._note(Level.WARNING, problem)
        for fields in messages:
            self._perform(self.cluster.script_message(fields, now))

    def _timers(self, now: float, deadline: float) -> None:
        # Silence must be real: behind a flood a heartbeat may be the last in line.
        limit = ALL_THAT_WAITS if self.cluster.is_silence_due(now) else DRAIN_LIMIT
        for ear in self._media.ears:
            self._drain(ear, limit)
        for family in self._pinger.sockets:
            self._drain_echoes(family)
        late, now = now - deadline, time.monotonic()
        if now >= self.cluster.next_deadline() and not self._ending:
            self._perform(self.cluster.handle_timer(now, late))
            if self._shared.look():
                self._perform(self.cluster.files_changed(self._shared.digests, now))
        for problem in self._agents.announcer.handle_timer(now):
            self._note(Level.WARNING, problem)
        self._operations.handle_timer(now)
        self._warm.handle_timer(now)
        self._clients.handle_timer(now)
        self._control.handle_timer(now)
        if self._watchdog is not None and (problem := self._watchdog.feed(now, self._config.ha.timing.keepalive / 2)):
            self._note(Level.CRITICAL, problem)

    def _next_deadline(self) -> float:
        times = [
            None if self._ending else self.cluster.next_deadline(),
            self._agents.announcer.next_deadline(),
            self._control.next_deadline(),
            self._log.next_deadline(),
            self._operations.next_deadline(),
            self._warm.next_deadline(),
            self._clients.next_deadline(),
        ]
        return min((at for at in times if at is not None), default=time.monotonic() + 1.0)

    # --- effects ----------------------------------------------------------------------------------------------

    def _perform(self, effects: Iterable[Effect]) -> None:
        """Does all of it, and what follows from it, in order."""
        nested = bool(self._effects)
        self._effects.extend(effects)
        if nested:
            return
        while self._effects:
            self._do(self._effects[0])
            self._effects.popleft()

    def _do(self, effect: Effect) -> None:
        now = time.monotonic()
        match effect:
            case SendDatagram(data):
                for news in self._media.send(data, now):
                    self._note(Level.WARNING, news)
            case SendPing(node, data):
                for news in self._pinger.send(node, data, now):
                    self._note(Level.WARNING, news)
            case Note(level, text):
                self._note(level, text)
            case RunResource(op_id, resource, action):

                def ended(outcome: Outcome, at: float) -> None:
                    text = f"{resource.text} {action.value}: {outcome.detail or ('done' if outcome.ok else 'failed')}"
                    self._note(Level.INFO if outcome.ok else Level.ERROR, text)
                    self._perform(self.cluster.finished(op_id, outcome, at))

                try:
                    begun = self._agents.run(resource, action, now)
                except Exception as error:  # a bug, told as such; without an outcome the plan would wait for ever
                    self._note(Level.CRITICAL, f"error in this program, please report it:\n{traceback.format_exc()}")
                    begun = Outcome(False, f"error of this program: {error!r}")
                self._operations.follow(begun, ended, now)
                for operation in self._agents.take_asides():
                    self._operations.follow(operation, self._aside_ended, now)
            case RunHook():
                if problem := self._hooks.add(effect):
                    self._note(Level.WARNING, problem)
                self._next_hook(now)
            case Prepare(resource):
                self._warm.prepare(resource, now)
            case Dismiss(resource):
                self._warm.dismiss(resource, now)
            case Remember(record):
                if problem := self._peer_file.keep(record):
                    self._note(Level.WARNING, problem)
            case Exit():
                self._ending = True
                self._clients.stop(now)

    def _next_hook(self, now: float) -> None:
        while isinstance(begun := self._hooks.next(self._agents.env, now), Outcome):
            self._note(Level.WARNING, begun.detail)
        if begun is not None:
            self._operations.follow(begun, self._hook_ended, now)

    def _hook_ended(self, outcome: Outcome, at: float) -> None:
        self._note(Level.DEBUG if outcome.ok else Level.WARNING, outcome.detail)
        self._hooks.ended()
        self._next_hook(at)

    def _aside_ended(self, outcome: Outcome, at: float) -> None:
        if not outcome.ok:
            self._note(Level.WARNING, outcome.detail)

    def _prepared(self, resource: Resource, ready: bool, now: float) -> None:
        self._perform(self.cluster.prepared(resource, ready, now))

    # --- the operator -----------------------------------------------------------------------------------------

    def _note(self, level: Level, text: str) -> None:
        self._tell(Note(level, text))

    def _tell(self, note: Note) -> None:
        self._notes.append(note)

    def _flush_notes(self) -> None:
        notes, self._notes = self._notes, []
        for note in notes:
            self._log.write(note.level, note.text)
        self._log.handle_timer(time.monotonic())

    def _catch_signals(self) -> None:
        reading, writing = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGINT):
            signal.signal(number, lambda *_: None)
        self._selector.register(reading, selectors.EVENT_READ, ("signal", None))

    def _signalled(self, number: int) -> None:
        match number:
            case signal.SIGTERM:
                self._stop()
            case signal.SIGHUP:
                self._reload()
            case signal.SIGUSR1 | signal.SIGUSR2:
                self._debug_level = max(0, self._debug_level + (1 if number == signal.SIGUSR1 else -1))
                self._log.debug = self._debug_level > 0
                self._note(Level.INFO, f"debug level is {self._debug_level}")

    def _stop(self) -> None:
        self._note(Level.INFO, f"Heartbeat shutdown in progress. ({os.getpid()})")
        self._perform(self.cluster.shutdown(time.monotonic()))

    def _reload(self) -> dict[str, object]:
        """Takes the files' new content; a file with an error changes nothing. The answer for who asked for it."""
        try:
            change = prepare(self._config, self._media, self._pinger)
        except (ConfigError, OSError) as error:
            self._note(Level.ERROR, f"reload refused, everything goes on as before:\n{error}")
            return {"ok": False, "error": str(error)}
        old, self._config = self._config, change.config
        if self._config.ha.log != old.ha.log or self._config.ha.debug != old.ha.debug:
            self._log.handle_timer(math.inf)
            self._log.close()
            self._log = self._open_log(self._config)
            self._debug_level = max(self._config.ha.debug, self._log.debug)
        self._agents.env = script_environment(self._config)
        for warning in change.warnings:
            self._note(Level.WARNING, warning)
        media, pinger = self._media, self._pinger
        self._use_network(change.media or media, change.pinger or pinger)
        keys = Keyring(self._config.keys.active, self._config.keys.keys)
        self._shared = SharedFiles(self._config)
        settings = settings_of(self._config, self._me, self._shared.digests)
        self._perform(self.cluster.reload(settings, keys, time.monotonic()))
        if self._clients.active:
            self._clients.keep(self._config.ha.respawn, self._agents.env, time.monotonic())
        if change.media is not None:
            self._close_media(media)
        if change.pinger is not None:
            pinger.close()
        self._note(Level.INFO, "Configuration reloaded.")
        return {"ok": True, "warnings": change.warnings}

    def _use_network(self, media: Media, pinger: Pinger) -> None:
        self._selector.unregister(self._media)
        for sock in self._pinger.sockets.values():
            self._selector.unregister(sock)
        self._media, self._pinger = media, pinger
        self._watch_network()

    def _close_media(self, media: Media) -> None:
        """What had arrived there before others took its place is not lost."""
        for ear in media.ears:
            for data in media.drain(ear):
                self._perform(self.cluster.receive(ear.link, data, time.monotonic()))
        media.close()

    def _watch_network(self) -> None:
        self._selector.register(self._media, selectors.EVENT_READ, ("media", None))
        for family, sock in self._pinger.sockets.items():
            self._selector.register(sock, selectors.EVENT_READ, ("echo", family))

    def _serve(self) -> None:
        now = time.monotonic()
        for client, words in self._control.requests(now):
            self._control.answer(client, self._requests.answer(words, client.may_change, now))

    def _view(self, now: float) -> dict[str, object]:
        return view(self.cluster, self._config, now)
