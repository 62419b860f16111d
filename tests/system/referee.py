"""Who has the address: the kernels of both nodes and a client that asks by ARP, sampled from outside of both.

A thread looks at the address tables through netlink sockets inside of the nodes' namespaces, and puts an ARP request on
the outside network every few milliseconds; what the daemons say of themselves is not asked.
"""

from __future__ import annotations

import struct
import time
from dataclasses import dataclass, field

from tests.system.pair import NAMES, VIP, Pair
from tests.system.watcher import Watcher

PERIOD = 0.004
ETH_P_ARP = 0x0806


@dataclass
class Timeline:
    """Changes of who owns the address, seconds since the beginning. answers: each answer to ARP with its sender."""

    owners: list[tuple[float, frozenset[str]]] = field(default_factory=list)
    answers: list[tuple[float, bytes]] = field(default_factory=list)
    end: float = 0.0

    def seconds_with(self, count: int) -> float:
        """How long so many nodes had the address."""
        ends = [at for at, _ in self.owners[1:]] + [self.end]
        return sum(end - at for (at, who), end in zip(self.owners, ends, strict=True) if len(who) == count)

    def longest_without(self) -> float:
        """The longest time in which no node had it."""
        ends = [at for at, _ in self.owners[1:]] + [self.end]
        gaps = [end - at for (at, who), end in zip(self.owners, ends, strict=True) if not who]
        return max(gaps, default=0.0)

    def double_answers(self, within: float = 0.003) -> int:
        """Questions that two machines answered: answers of different machines, closer together than the questions."""
        pairs = zip(self.answers, self.answers[1:], strict=False)
        return sum(one[1] != two[1] and two[0] - one[0] < within for one, two in pairs)

    def __str__(self) -> str:
        return "  ".join(f"{at:.3f} {'+'.join(sorted(who)) or 'nobody'}" for at, who in self.owners)


class Referee(Watcher):
    """Watches while its block runs; `timeline` is complete afterwards."""

    def __init__(self, pair: Pair) -> None:
        super().__init__()
        self._pair = pair
        self.timeline = Timeline()
        self._arp = pair.sniffer("switch", "br0", ETH_P_ARP)
        self._arp.setblocking(False)
        self._began = time.monotonic()

    def _ended(self) -> None:
        self._arp.close()
        self.timeline.end = time.monotonic() - self._began

    def _owners(self) -> frozenset[str]:
        """Two only if the first still has it after the second was seen with it: two looks are not one moment."""
        owners = [name for name in NAMES if VIP in self._pair.addresses(name)]
        return frozenset(name for name in owners if len(owners) < 2 or VIP in self._pair.addresses(name))

    def _watch(self) -> None:
        vip, mac = VIP.packed, self._arp.getsockname()[4]  # the bridge's own: answers for others do not come up to us
        ethernet = b"\xff" * 6 + mac + struct.pack("!H", ETH_P_ARP)
        client = bytes([10, 1, 1, 77])
        question = ethernet + struct.pack("!HHBBH", 1, 0x0800, 6, 4, 1) + mac + client + bytes(6) + vip
        while not self._over.is_set():
            owners = self._owners()
            now = time.monotonic() - self._began
            if not self.timeline.owners or self.timeline.owners[-1][1] != owners:
                self.timeline.owners.append((now, owners))
            self._arp.send(question)
            time.sleep(PERIOD)
            while True:
                try:
                    frame = self._arp.recv(2048)
                except BlockingIOError:
                    break
                if frame[:6] == mac and frame[20:22] == b"\x00\x02" and frame[28:32] == vip:
                    self.timeline.answers.append((time.monotonic() - self._began, frame[22:28]))
