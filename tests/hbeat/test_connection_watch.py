"""The loop's part of connection_sync, in a kernel without IPVS; tests/kernel/inside has one with it."""

from __future__ import annotations

import os
import selectors
import signal
from collections.abc import Iterator

import pytest

from hbeat import connection_watch
from hbeat.adapters.ipvs_sync import NoIpvs
from hbeat.connection_watch import WITHOUT_IPVS, ConnectionWatch
from hbeat.core.events import ConnectionsRead, Effect, Level, Note, ReadConnections
from hbeat.core.model import Sessions, SyncPlan
from tests.hbeat.world import World

PLAN = SyncPlan("lo", 5, line=4)


class Watched:
    """A watch on a machine without IPVS, and what its cluster is told of looks."""

    def __init__(self) -> None:
        self.selector = selectors.DefaultSelector()
        self.notes: list[Note] = []
        self.found: list[ConnectionsRead] = []
        cluster = World(sessions=Sessions(PLAN)).both_up().node("a")
        cluster.connections_read = self._read  # type: ignore[method-assign]
        self.cluster = cluster
        self.watch = ConnectionWatch(self.selector, cluster, lambda effects: None, self.notes.append)

    def _read(self, found: ConnectionsRead, now: float) -> list[Effect]:
        self.found.append(found)
        return []

    def until_found(self) -> ConnectionsRead:
        """The next result of a look."""
        while not self.found:
            assert self.selector.select(20)
            self.watch.answered(0.0)
        return self.found.pop()

    @property
    def said(self) -> list[str]:
        return [note.text for note in self.notes if note.level >= Level.WARNING]


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Iterator[Watched]:
    def none() -> None:
        raise NoIpvs("this kernel has no IPVS: load the module ip_vs")

    monkeypatch.setattr(connection_watch, "SyncDaemons", none)
    made = Watched()
    yield made
    made.watch.end()
    made.selector.close()


def test_kernel_without_ipvs_is_told_once_with_the_line_and_asked_again_now_and_then(watched: Watched) -> None:
    watched.watch.heed(PLAN, 100.0)
    assert watched.watch.next_deadline() == 100.0 + WITHOUT_IPVS
    assert not watched.cluster.connections.listening
    watched.watch.handle_timer(100.0 + WITHOUT_IPVS)
    (told,) = [text for text in watched.said if "IPVS" in text]
    assert told.startswith("/etc/ha.d/hbeat.yaml:4: connection_sync: this kernel has no IPVS: load the module ip_vs")
    view = watched.watch.view
    assert view is not None
    assert (view["running"], view["level"]) == ([], "unknown")
    assert "no IPVS" in str(view["problem"])


def test_look_is_made_beside_the_loop(watched: Watched) -> None:
    watched.watch.heed(PLAN, 0.0)
    watched.watch.read(ReadConnections(None, ("feed00000000",)), 0.0)
    assert watched.found == []
    found = watched.until_found()
    assert (found.present, found.problem) == (0, "")


def test_process_that_dies_is_told_and_started_again_for_the_next_look(watched: Watched) -> None:
    watched.watch.heed(PLAN, 0.0)
    assert watched.watch.teller is not None
    os.kill(watched.watch.teller, signal.SIGKILL)
    assert "has died; it is started again" in watched.until_found().problem
    assert watched.watch.teller is None
    watched.watch.read(ReadConnections(), 0.0)
    assert watched.until_found().problem == ""


def test_answer_of_a_process_that_was_stopped_in_the_same_turn_is_none(watched: Watched) -> None:
    watched.watch.heed(PLAN, 0.0)
    watched.watch.heed(SyncPlan("lo", 6, line=4), 1.0)
    watched.watch.answered(1.0)  # that was the first one's; this one was not asked yet
    watched.watch.heed(None, 2.0)
    watched.watch.answered(2.0)
    assert watched.found == []


def test_off_is_nothing_at_all(watched: Watched) -> None:
    watched.watch.heed(None, 0.0)
    assert (watched.watch.view, watched.watch.teller, watched.watch.next_deadline()) == (None, None, float("inf"))
    watched.watch.heed(PLAN, 0.0)
    watched.watch.heed(None, 1.0)
    assert (watched.watch.view, watched.watch.teller, watched.watch.next_deadline()) == (None, None, float("inf"))
