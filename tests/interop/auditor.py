"""Watches who holds each address, from outside and all the time: two holders at one instant is what it is there to see.

It looks at the kernels of both nodes every 20 ms in a thread of its own; what a change of owner may cost is judged by
those who asked for it, two owners never may be.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address

from tests.system.watcher import Watcher

PERIOD = 0.02


@dataclass(frozen=True, slots=True)
class Sample:
    """Who had an address at a monotonic time."""

    at: float
    address: IPv4Address
    owners: tuple[str, ...]


class Auditor(Watcher):
    """owners: who has the address now. Between enter and exit every sample is kept."""

    def __init__(self, owners: Callable[[IPv4Address], list[str]], addresses: Sequence[IPv4Address]) -> None:
        super().__init__()
        self._owners = owners
        self._addresses = addresses
        self.samples: list[Sample] = []

    @property
    def doubles(self) -> list[Sample]:
        """The samples with more than one owner."""
        return [sample for sample in self.samples if len(sample.owners) > 1]

    @property
    def holders(self) -> set[tuple[str, ...]]:
        """Everybody that ever held any of the addresses, each with those that had it at the same instant."""
        return {sample.owners for sample in self.samples}

    def _watch(self) -> None:
        while not self._over.wait(PERIOD):
            now = time.monotonic()
            self.samples += [Sample(now, address, tuple(self._owners(address))) for address in self._addresses]
