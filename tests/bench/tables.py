"""The table as an onlooker sees it, never as a program tells: weights of the reals, and when they changed.

With IPVS it is /proc/net/ip_vs, the kernel's own words. Without, it is what the stand-ins wrote down (see peers.py).
Times are the moments at which a change was seen; LOOK says how fine that is.
"""

from __future__ import annotations

import re
import socket
import struct
import time
from collections.abc import Callable
from pathlib import Path

from tests.bench.peers import Peer

LOOK = 0.004  # seconds between two looks
IPVS = Path("/proc/net/ip_vs")
COMMAND = re.compile(r"-[ae] .*-r (\S+) .*-w (\d+)|(\S+:\d+) (-?\d+)$")

Weights = dict[str, int]
"""ADDRESS:PORT -> weight, of the one virtual there is."""


class Onlooker:
    """Follows the table of one peer."""

    def __init__(self, peer: Peer, has_ipvs: bool) -> None:
        self.weights: Weights = {}
        self.downs = 0
        """How often a real that served was given weight 0 or removed."""
        self._edits = None if has_ipvs else peer.edits.open()
        self._rest = ""

    def look(self) -> dict[str, int]:
        """The weights that changed since the last look."""
        seen = _kernel_weights() if self._edits is None else self._told()
        changed = {real: weight for real, weight in seen.items() if self.weights.get(real) != weight}
        if self._edits is None:
            changed |= {real: -1 for real in self.weights if real not in seen and self.weights[real] != -1}
        self.downs += sum(weight <= 0 < self.weights.get(real, 0) for real, weight in changed.items())
        self.weights |= changed
        return changed

    def follow(self, until: Callable[[], bool], limit: float) -> dict[str, float]:
        """Look until the condition holds; monotonic time of each real's last change. Gives up after limit seconds."""
        changed_at: dict[str, float] = {}
        deadline = time.monotonic() + limit
        while True:
            changed_at |= dict.fromkeys(self.look(), time.monotonic())
            if until() or time.monotonic() > deadline:
                return changed_at
            time.sleep(LOOK)

    def count(self, weight: int) -> int:
        return sum(has == weight for has in self.weights.values())

    def _told(self) -> Weights:
        """What a stand-in wrote since the last look; downs between two looks are counted too."""
        assert self._edits
        *lines, self._rest = (self._rest + self._edits.read()).split("\n")
        told: Weights = {}
        for line in lines:
            if match := COMMAND.search(line):
                real, weight = match[1] or match[3], int(match[2] or match[4])
                self.downs += weight <= 0 < told.get(real, 0)
                told[real] = weight
        return told


def _kernel_weights() -> Weights:
    weights: Weights = {}
    for line in IPVS.read_text().splitlines():
        words = line.split()
        if words[0] == "->" and words[1] != "RemoteAddress:Port":
            number, port = words[1].split(":")
            weights[f"{socket.inet_ntoa(struct.pack('!I', int(number, 16)))}:{int(port, 16)}"] = int(words[3])
    return weights
