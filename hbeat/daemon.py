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
from collections.abc import Callable
from random import Random

from hbeat.adapters.clocks import read_clocks
from hbeat.adapters.control import ControlServer
from hbeat.adapters.fifo import Fifo
from hbeat.adapters.icmp import Pinger
from hbeat.adapters.log import Log
from hbeat.adapters.peer_file import PeerFile
from hbeat.adapters.realtime import make_realtime
from hbeat.adapters.udp import Media
from hbeat.adapters.watchdog import Watchdog
from hbeat.adapters.wire_stamp import Stamp
from hbeat.agents.environment import script_environment
from hbeat.agents.roster import Agents
from hbeat.agents.vips import Vips
from hbeat.clients import Clients
from hbeat.config.errors import ConfigError
from hbeat.control_requests import ORDER, ControlRequests
from hbeat.core.cluster import Cluster
from hbeat.core.events import Level, Note
from hbeat.core.lateness import Lateness
from hbeat.core.model import LinkName, NodeState, PeerRecord
from hbeat.core.outbox import Identity
from hbeat.core.stall import Sleep, longest_nap
from hbeat.kernel_settings import settle
from hbeat.load import Configuration
from hbeat.network import Network
from hbeat.operations import Operations
from hbeat.performer import Performer, bug
from hbeat.reload import prepare
from hbeat.settings import keyring_of, settings_of
from hbeat.shared_files import SharedFiles
from hbeat.view import view

LAST_WORDS = 1.0
"""How long the end waits for whoever reads the log."""


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
        vips: Vips,
        open_log: Callable[[Configuration], Log],
        *,
        realtime: bool,
    ) -> None:
        self._config, self._me = config, me
        self._control, self._fifo, self._agents = control, fifo, agents
        self._shared, self._watchdog = SharedFiles(config), watchdog
        self._open_log, self._log = open_log, open_log(config)
        self._realtime = realtime and config.ha.realtime
        settings = settings_of(config, me, self._shared.digests)
        self.cluster = Cluster(settings, keyring_of(config), Stamp(), Random(), time.monotonic(), floor)
        self._selector = selectors.DefaultSelector()
        self._notes: list[Note] = []
        self._operations = Operations(self._selector)
        self._clients = Clients(self._operations, self._tell)
        self._network = Network(self._selector, media, pinger, self._heard, self._echoed)
        self._performer = Performer(
            self.cluster,
            self._network,
            agents,
            self._operations,
            self._selector,
            vips,
            peer_file,
            self._tell,
            self._leave,
        )
        self._perform, self._warm = self._performer.perform, self._performer.warm
        self._addresses, self._cables = self._performer.addresses, self._performer.cables
        self._connections = self._performer.connections
        self._sleep = Sleep(read_clocks())
        self._lateness = Lateness()
        self._requests = ControlRequests(
            self.cluster, self._perform, self._view, self._reload, self._stop, self._script_wrote
        )
        self._debug_level = max(config.ha.debug, self._log.debug)
        self._ending = False

    # --- the loop ---------------------------------------------------------------------------------------------

    def run(self, ready: Callable[[], None]) -> None:
        """Runs until everything is released after a request to stop. ready: called once heartbeats are sent."""
        self._catch_signals()
        self._selector.register(self._control, selectors.EVENT_READ, ("control", None))
        self._selector.register(self._fifo, selectors.EVENT_READ, ("fifo", None))
        self._network.watch()
        self._addresses.watch()
        if self._realtime:
            for refused in make_realtime(self._config.ha.rtprio):
                self._note(Level.WARNING, refused)
        gc.collect()
        gc.freeze()
        self._connections.heed(self._config.sessions.connection_sync, time.monotonic())
        self._look_at_kernel_settings()
        self._perform(self.cluster.begin(time.monotonic()))
        self._cables.watch(self._config.groups)
        self._note(Level.INFO, f"heartbeat: generation {self._me.generation}, node {self._me.name}")
        self._flush_notes()
        ready()
        while not (self._ending and self._operations.idle):
            self._turn()
        self._connections.end()
        self._flush_notes()
        if self._watchdog is not None:
            self._watchdog.close()
        self._log.drain(LAST_WORDS)

    def _turn(self) -> None:
        deadline = self._next_deadline()
        before = time.monotonic()
        events = self._selector.select(max(0.0, deadline - before))
        clocks = read_clocks()
        now = clocks.monotonic
        slept = self._sleep.woke(deadline, clocks)
        if slept > longest_nap(self._config.safety, self._config.ha.timing):
            self._guarded(lambda: self._perform(self.cluster.stalled(slept, now)))
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
            self._tell(bug())

    def _readable(self, key: selectors.SelectorKey) -> None:
        kind, what = key.data
        if kind == "media":
            self._network.read_ready()
        elif kind == "echo":
            self._network.read_echoes(what)
        elif kind == "operation":
            self._operations.step(what, time.monotonic())
        elif kind == "addresses":
            self._addresses.read_losses()
        elif kind == "keeper":
            self._addresses.keeper_died()
        elif kind == "cables":
            self._cables.read()
        elif kind == "connections":
            self._connections.answered(time.monotonic())
        elif kind == "claims":
            self._addresses.read_claims()
        elif kind == "fifo":
            self._script_wrote()
        elif kind == "signal":
            for number in os.read(key.fd, 64):
                self._signalled(number)
        else:
            self._serve()

    def _heard(self, link: LinkName, data: bytes, now: float, source: str) -> None:
        self._perform(self.cluster.receive(link, data, now, source))

    def _echoed(self, data: bytes, now: float) -> None:
        self._perform(self.cluster.echoed(data, now))

    def _script_wrote(self) -> None:
        now = time.monotonic()
        messages, problem = self._fifo.read(now)
        if problem:
            self._note(Level.WARNING, problem)
        for fields in messages:
            if dict(reversed(fields))["t"] == ORDER:
                self._requests.order(fields, now)
            else:
                self._perform(self.cluster.script_message(fields, now))

    def _timers(self, now: float, deadline: float) -> None:
        self._network.read_all(whole=self.cluster.is_silence_due(now))  # silence must be real
        self._addresses.read_claims()
        self._addresses.handle_timer()
        late, now = now - deadline, time.monotonic()
        self._lateness.met(max(0.0, late), now)
        if now >= self.cluster.next_deadline() and not self._ending:
            self._perform(self.cluster.handle_timer(now, late))
            if self._shared.look():
                self._perform(self.cluster.files_changed(self._shared.digests, now))
        for problem in self._agents.announcer.handle_timer(now):
            self._note(Level.WARNING, problem)
        self._performer.handle_timer()
        self._operations.handle_timer(now)
        self._warm.handle_timer(now)
        self._connections.handle_timer(now)
        self._clients.handle_timer(now)
        self._control.handle_timer(now)
        for problem in self._fifo.handle_timer(now):
            self._note(Level.WARNING, problem)
        if self._watchdog is not None and (problem := self._watchdog.feed(now, self._config.ha.timing.keepalive / 2)):
            self._note(Level.CRITICAL, problem)

    def _next_deadline(self) -> float:
        times = [
            None if self._ending else self.cluster.next_deadline(),
            self._addresses.next_deadline(),
            self._agents.announcer.next_deadline(),
            self._control.next_deadline(),
            self._fifo.next_deadline(),
            self._log.next_deadline(),
            self._performer.next_deadline(),
            self._operations.next_deadline(),
            self._warm.next_deadline(),
            self._connections.next_deadline(),
            self._clients.next_deadline(),
        ]
        return min((at for at in times if at is not None), default=time.monotonic() + 1.0)

    def _leave(self, now: float) -> None:
        self._ending = True
        self._clients.stop(now)

    # --- the operator -----------------------------------------------------------------------------------------

    def _note(self, level: Level, text: str) -> None:
        self._tell(Note(level, text))

    def _tell(self, note: Note) -> None:
        self._notes.append(note)

    def _flush_notes(self) -> None:
        notes, self._notes = self._notes, []
        for note in notes:
            self._guarded(lambda note=note: self._log.write(note.level, note.text))  # type: ignore[misc]
        self._guarded(lambda: self._log.handle_timer(time.monotonic()))

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
            change = prepare(self._config, self._network.media, self._network.pinger)
        except (ConfigError, OSError) as error:
            self._note(Level.ERROR, f"reload refused, everything goes on as before:\n{error}")
            return {"ok": False, "error": str(error)}
        # All of it is made before anything is exchanged: whatever fails here leaves the daemon as it was.
        settings, keys = settings_of(change.config, self._me, change.shared.digests), keyring_of(change.config)
        environment, log = script_environment(change.config), self._open_log(change.config)
        old, self._config = self._config, change.config
        if self._config.ha.log != old.ha.log or self._config.ha.debug != old.ha.debug:
            self._log.handle_timer(math.inf)
            self._log.close()
            self._log = log
            self._debug_level = max(self._config.ha.debug, self._log.debug)
        self._agents.env = environment
        for warning in change.warnings:
            self._note(Level.WARNING, warning)
        retire_old = self._network.exchange(change.media, change.pinger)
        self._shared = change.shared
        self._agents.heed(self._config.sessions)
        self._perform(self.cluster.reload(settings, keys, time.monotonic()))
        self._connections.heed(self._config.sessions.connection_sync, time.monotonic())
        self._addresses.heed(self._config.groups)
        self._cables.heed(self._config.groups)
        self._look_at_kernel_settings()
        if self._clients.active:
            self._clients.keep(self._config.ha.respawn, self._agents.env, time.monotonic())
        retire_old()
        self._note(Level.INFO, "Configuration reloaded.")
        return {"ok": True, "warnings": change.warnings}

    def _look_at_kernel_settings(self) -> None:
        for note in settle(self._config, self._agents.addresses):
            self._tell(note)

    def _serve(self) -> None:
        now = time.monotonic()
        for client, words in self._control.requests(now):
            try:
                answer = self._requests.answer(words, client.may_change, now)
            except Exception as error:  # a bug, told as such; who asks must not wait for ever
                self._tell(bug())
                answer = {"ok": False, "error": f"error of this program, see the log: {error!r}"}
            self._control.answer(client, answer)

    def _view(self, now: float) -> dict[str, object]:
        return view(self.cluster, self._config, self._fifo.dropped, self._connections.view, self._lateness, now)
