"""connection_sync in the loop: the kernel's daemons run, and somebody looks at connections when the cluster asks.

Every PERIOD seconds the kernel is asked whether its daemons still run: they end when somebody stops them, and when
their interface is removed they go on with a socket that nothing leaves; if it comes back, it has another number.
"""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress

from hbeat.adapters.connection_files import sync_drops
from hbeat.adapters.ipvs_sync import NoIpvs, SyncDaemons, SyncError, usable_interface
from hbeat.core.builtin import SYNC_ROLES
from hbeat.core.cluster import Cluster
from hbeat.core.connection_sync import ConnectionSync
from hbeat.core.events import ConnectionsRead, Effect, Level, Note, ReadConnections
from hbeat.core.model import SyncPlan
from hbeat.load import HA_DIR

PERIOD = 2.0
WITHOUT_IPVS = 60.0
"""Seconds until a kernel without IPVS is asked again: it looks for the module each time."""
TELLER = [sys.executable, "-P", "-m", "hbeat.connection_teller"]


class ConnectionWatch:
    """perform: does effects. tell: takes lines for the log."""

    def __init__(
        self,
        selector: selectors.BaseSelector,
        cluster: Cluster,
        perform: Callable[[Iterable[Effect]], None],
        tell: Callable[[Note], None],
    ) -> None:
        self._selector, self._cluster, self._perform, self._tell = selector, cluster, perform, tell
        self._plan: SyncPlan | None = None
        self._index = 0  # of the interface that the daemons were started on; 0: not known
        self._problem = ""
        self._next = float("inf")
        self._teller: subprocess.Popen[bytes] | None = None
        self._answer = b""

    # --- the kernel's daemons ---------------------------------------------------------------------------------

    def heed(self, plan: SyncPlan | None, now: float) -> None:
        """hbeat.yaml was read."""
        if plan == self._plan:
            return
        self.end()
        self._plan, self._problem, self._index = plan, "", 0
        self._next = float("inf") if plan is None else now
        if plan is not None:
            self._look(plan, now, begins=True)
            with suppress(OSError):  # the first look tries again, and tells
                self._start_teller()

    def next_deadline(self) -> float:
        return self._next

    def handle_timer(self, now: float) -> None:
        if self._plan is not None and now >= self._next:
            self._look(self._plan, now, begins=False)

    def _look(self, plan: SyncPlan, now: float, *, begins: bool) -> None:
        """Starts what does not run. Whatever else runs there was left by an earlier life, or is somebody's mistake."""
        self._next, problem = now + PERIOD, ""
        try:
            self._start_daemons(plan, begins=begins)
        except NoIpvs as error:
            self._next, problem = now + WITHOUT_IPVS, str(error)
        except SyncError as error:
            problem = f"{error}: name one between the nodes that is up"
        except OSError as error:
            problem = f"the kernel does not answer about IPVS: {error.strerror or error}"
        if problem and problem != self._problem:
            place = f"{HA_DIR / 'hbeat.yaml'}:{plan.line}"
            text = f"{place}: connection_sync: {problem}; open connections do not survive a fail-over"
            self._tell(Note(Level.WARNING, text))
        elif self._problem and not problem:
            self._tell(Note(Level.INFO, f"connection_sync: runs on {plan.interface} now"))
        self._problem = problem
        if self._cluster.connections.listening is not (not problem):
            self._perform(self._cluster.connections_listen(not problem, now))

    def _start_daemons(self, plan: SyncPlan, *, begins: bool) -> None:
        interface = usable_interface(plan.interface)
        index = interface.index
        if self._index != index and not interface.multicast:
            text = (
                f"interface {plan.interface} does not say that it carries multicast: see in `hbeat status` if it does"
            )
            self._tell(Note(Level.WARNING, f"connection_sync: {text}"))
        daemons = SyncDaemons()
        try:
            if self._index not in (0, index):
                for role in daemons.running():
                    daemons.stop(role)
            wanted = plan.interface, plan.syncid
            missing = [role for role in SYNC_ROLES if daemons.running().get(role) != wanted]
            if missing and not (begins or self._problem or self._index != index):
                self._tell(Note(Level.WARNING, f"connection_sync: {' and '.join(missing)} had ended; started again"))
            for role in missing:
                daemons.start(role, plan.interface, plan.syncid)
            self._index = index
        finally:
            daemons.close()

    def end(self) -> None:
        """Nothing of it runs any more, in the kernel and beside us."""
        if self._plan is None:
            return
        self._stop_teller()
        try:
            daemons = SyncDaemons()
        except (OSError, SyncError):
            return  # without IPVS nothing runs
        try:
            for role in daemons.running():
                daemons.stop(role)
        except (OSError, SyncError) as error:
            self._tell(Note(Level.WARNING, f"connection_sync: {error}"))
        finally:
            daemons.close()

    # --- who looks at the connections -------------------------------------------------------------------------

    def read(self, wish: ReadConnections, now: float) -> None:
        """Begins to look. Cluster.connections_read() is told of the end."""
        assert self._plan is not None
        order = {
            "interface": self._plan.interface,
            "syncid": self._plan.syncid,
            "virtuals": wish.virtuals,
            "wanted": wish.wanted,
        }
        try:
            teller = self._teller or self._start_teller()
            assert teller.stdin is not None
            os.write(teller.stdin.fileno(), json.dumps(order).encode() + b"\n")
        except OSError as error:
            self._stop_teller()
            found = ConnectionsRead(problem=f"nobody looks at the connections: {error.strerror}")
            self._perform(self._cluster.connections_read(found, now))

    def answered(self, now: float) -> None:
        """The teller has written something, or ended; or that was another one, which was stopped in this turn."""
        teller = self._teller
        if teller is None:
            return
        assert teller.stdout is not None
        try:
            chunk = os.read(teller.stdout.fileno(), 65_536)
        except BlockingIOError:
            return
        if not chunk:
            self._stop_teller()
            found = ConnectionsRead(problem="the process that looks at the connections has died; it is started again")
            self._perform(self._cluster.connections_read(found, now))
            return
        *lines, self._answer = (self._answer + chunk).split(b"\n")
        for line in lines:
            said = json.loads(line)
            self._perform(
                self._cluster.connections_read(ConnectionsRead(**{**said, "sample": tuple(said["sample"])}), now)
            )

    def _start_teller(self) -> subprocess.Popen[bytes]:
        teller = subprocess.Popen(
            TELLER,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd="/",
            start_new_session=True,
            bufsize=0,
        )
        assert teller.stdin is not None
        assert teller.stdout is not None
        os.set_blocking(teller.stdin.fileno(), False)
        os.set_blocking(teller.stdout.fileno(), False)
        self._selector.register(teller.stdout, selectors.EVENT_READ, ("connections", None))
        self._teller, self._answer = teller, b""
        return teller

    def _stop_teller(self) -> None:
        """It has nothing to lose."""
        teller, self._teller = self._teller, None
        if teller is None:
            return
        assert teller.stdin is not None
        assert teller.stdout is not None
        self._selector.unregister(teller.stdout)
        teller.stdin.close()
        teller.stdout.close()
        teller.kill()
        teller.wait()

    @property
    def teller(self) -> int | None:
        """The pid of who looks."""
        return self._teller.pid if self._teller else None

    # --- what can be seen -------------------------------------------------------------------------------------

    @property
    def view(self) -> dict[str, object] | None:
        """For `hbeat status`; None where it is off."""
        if self._plan is None:
            return None
        known: ConnectionSync = self._cluster.connections
        here, there = known.count, known.peer_count
        level, why = known.agreed
        return {
            "interface": self._plan.interface,
            "syncid": self._plan.syncid,
            "running": list(SYNC_ROLES) if known.listening else [],
            "problem": self._problem,
            "here": here,
            "there": there,
            "level": level.value,
            "why": why,
            "awaited": known.awaits,
            "dropped": sync_drops(),
        }
