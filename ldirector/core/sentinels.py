"""Sentinel connections: an idle TCP connection to each server that is up, watched for its end.

A process that dies takes its connections with it, and the kernel of its machine says so within a round trip. So a
sentinel that ends makes one check at once, instead of up to an interval later. It proves nothing by itself: servers
close idle connections all day. A check that passes leaves everything as it was, and the connection is opened again
after a pause that doubles, because a server that closes after five seconds of silence will do so each time. A
connection that lived LONG_LIFE seconds makes the pause short again.

A server that serves one connection at a time is kept busy by an idle one, and its checks wait in vain. So one that
did not answer MAX_BLAMES times while its connection was open gets none any more, until the next reload.

One connection serves all virtuals that have the server, told apart by address and port.

    waiting --its time--> opening --open--> standing --lost--> waiting, and a check now
                             \\--lost--> waiting, and a check now
"""

from __future__ import annotations

import heapq
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from ldirector.core.events import CloseSentinel, Effect, OpenSentinel

FIRST_PAUSE = 0.25
LONGEST_PAUSE = 60.0
LONG_LIFE = 60.0
MAX_BLAMES = 2

Target = tuple[str, int]
"""Address and port."""

User = TypeVar("User", bound=Hashable)


@dataclass(slots=True)
class _Sentinel(Generic[User]):
    """open_id: the connection that is opening or open, None while waiting. at: when to open the next one."""

    target: Target
    users: dict[User, None] = field(default_factory=dict)  # a set that keeps its order
    open_id: int | None = None
    opened: float = 0.0
    at: float = 0.0
    pause: float = FIRST_PAUSE


class Sentinels(Generic[User]):
    """All sentinels; a user is whoever wants to know, here a real of a virtual."""

    def __init__(self) -> None:
        self._all: dict[Target, _Sentinel[User]] = {}
        self._by_user: dict[User, Target] = {}
        self._by_id: dict[int, _Sentinel[User]] = {}
        self._waiting: list[tuple[float, int, _Sentinel[User]]] = []
        self._blames: dict[Target, int] = {}
        self._last_id = 0

    def watch(self, user: User, target: Target | None, now: float) -> list[Effect]:
        """From now on this user wants this connection, or none. Nothing happens when that is so already."""
        if target is not None and self._blames.get(target, 0) >= MAX_BLAMES:
            target = None
        before = self._by_user.get(user)
        if before == target:
            return []
        effects = self._leave(user, before) if before else []
        if target is None:
            return effects
        self._by_user[user] = target
        sentinel = self._all.get(target)
        if sentinel is None:
            sentinel = self._all[target] = _Sentinel(target)
            effects += self._open(sentinel, now)
        sentinel.users[user] = None
        return effects

    def blame(self, user: User) -> bool:
        """A server did not answer. True when it did so once too often beside an open connection: it gets no more."""
        target = self._by_user.get(user)
        if target is None or self._all[target].open_id is None:
            return False
        self._blames[target] = self._blames.get(target, 0) + 1
        return self._blames[target] == MAX_BLAMES

    def keep_only(self, users: Iterable[User]) -> list[Effect]:
        """A configuration comes into force: forget everybody else, and all blame."""
        self._blames.clear()
        kept = set(users)
        effects: list[Effect] = []
        for user in [user for user in self._by_user if user not in kept]:
            effects += self._leave(user, self._by_user[user])
        return effects

    def lost(self, sentinel_id: int, now: float) -> list[User]:
        """A connection could not be opened or has ended: who wants a check now. Stale ids: nobody."""
        sentinel = self._by_id.pop(sentinel_id, None)
        if sentinel is None:
            return []
        sentinel.open_id = None
        pause = FIRST_PAUSE if now - sentinel.opened >= LONG_LIFE else sentinel.pause
        sentinel.pause = min(LONGEST_PAUSE, 2 * pause)
        sentinel.at = now + pause
        heapq.heappush(self._waiting, (sentinel.at, sentinel_id, sentinel))
        return list(sentinel.users)

    def next_deadline(self) -> float | None:
        """When the next connection wants to be opened."""
        while self._waiting and not self._is_waiting(*self._waiting[0]):
            heapq.heappop(self._waiting)
        return self._waiting[0][0] if self._waiting else None

    def handle_timer(self, now: float) -> list[Effect]:
        effects: list[Effect] = []
        while (due := self.next_deadline()) is not None and due <= now:
            effects += self._open(heapq.heappop(self._waiting)[2], now)
        return effects

    def _is_waiting(self, at: float, _lost_id: int, sentinel: _Sentinel[User]) -> bool:
        return self._all.get(sentinel.target) is sentinel and sentinel.open_id is None and sentinel.at == at

    def _open(self, sentinel: _Sentinel[User], now: float) -> list[Effect]:
        self._last_id += 1
        sentinel.open_id, sentinel.opened = self._last_id, now
        self._by_id[self._last_id] = sentinel
        address, port = sentinel.target
        return [OpenSentinel(self._last_id, address, port)]

    def _leave(self, user: User, target: Target) -> list[Effect]:
        del self._by_user[user]
        sentinel = self._all[target]
        del sentinel.users[user]
        if sentinel.users:
            return []
        del self._all[target]
        if sentinel.open_id is None:
            return []
        del self._by_id[sentinel.open_id]
        return [CloseSentinel(sentinel.open_id)]
