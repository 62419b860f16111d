"""The sockets that hear and ask other nodes, in the loop: media and ping, exchanged while it runs by a reload."""

from __future__ import annotations

import selectors
import time
from collections.abc import Callable

from hbeat.adapters.icmp import Pinger
from hbeat.adapters.udp import ALL_THAT_WAITS, DRAIN_LIMIT, Media
from hbeat.adapters.udp_sockets import Ear
from hbeat.core.model import LinkName


class Network:
    """heard: takes each datagram with its link, time and source. echoed: takes the payload of each echo reply."""

    def __init__(
        self,
        selector: selectors.BaseSelector,
        media: Media,
        pinger: Pinger,
        heard: Callable[[LinkName, bytes, float, str], None],
        echoed: Callable[[bytes, float], None],
    ) -> None:
        self.media, self.pinger = media, pinger
        self._selector, self._heard, self._echoed = selector, heard, echoed

    def watch(self) -> None:
        """From now on the loop is told what can be read."""
        self._selector.register(self.media, selectors.EVENT_READ, ("media", None))
        for family, sock in self.pinger.sockets.items():
            self._selector.register(sock, selectors.EVENT_READ, ("echo", family))

    def send(self, data: bytes, now: float) -> list[str]:
        """On every medium; what is to be told of it."""
        return self.media.send(data, now)

    def ping(self, node: str, data: bytes, now: float) -> list[str]:
        """An echo request; what is to be told of it."""
        return self.pinger.send(node, data, now)

    def read_ready(self) -> None:
        """Takes what has arrived, a bounded part of a flood."""
        for ear in self.media.ready():
            self._drain(ear, DRAIN_LIMIT)

    def read_echoes(self, family: int) -> None:
        for data in self.pinger.drain(family):
            self._echoed(data, time.monotonic())

    def read_all(self, *, whole: bool) -> None:
        """Takes what waits in every socket. whole: behind a flood, too, where a heartbeat may be the last in line."""
        for ear in self.media.ears:
            self._drain(ear, ALL_THAT_WAITS if whole else DRAIN_LIMIT)
        for family in self.pinger.sockets:
            self.read_echoes(family)

    def exchange(self, media: Media | None, pinger: Pinger | None) -> Callable[[], None]:
        """Others take their place, None: the same goes on. The caller calls what it gets when they work.

        What had arrived at the old ones before is not lost.
        """
        old_media, old_pinger = self.media, self.pinger
        self._selector.unregister(old_media)
        for sock in old_pinger.sockets.values():
            self._selector.unregister(sock)
        self.media, self.pinger = media or old_media, pinger or old_pinger
        self.watch()

        def retire() -> None:
            if media is not None:
                for ear in old_media.ears:
                    self._drain(ear, DRAIN_LIMIT, old_media)
                old_media.close()
            if pinger is not None:
                old_pinger.close()

        return retire

    def _drain(self, ear: Ear, limit: int, media: Media | None = None) -> None:
        for data, source in (media or self.media).drain(ear, limit):
            self._heard(ear.link, data, time.monotonic(), source)
