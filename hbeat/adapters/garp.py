"""Tells the network where a virtual address lives now (reference section 7, last paragraph).

Per address some rounds of one gratuitous ARP request and, half an interval later, one reply. IPaddr sends ten of them,
half a second apart: twenty frames in 4.75 s, the first at once. Old equipment listens to one kind only, and one frame
may be lost. An IPv6 address gets as many unsolicited neighbour advertisements.

The first frames of addresses that come together go out together, the last address first: connections wait for the one
that clients ask for, and their packets arrive with its frame. The real servers' answers go to another one, the
gateway's, which stands behind it in haresources, and would still leave through the other node, with their own address.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass

from hbeat.core.announcements import announcements
from hbeat.core.model import ARP_INTERVAL, ARP_REPEAT

PATIENCE = 0.001
"""Seconds that a first frame waits for those of the addresses behind it."""


@dataclass(slots=True)
class _Burst:
    interface: str
    frames: tuple[bytes, bytes]
    sent: int
    next_at: float


class Announcer:
    """Sends the bursts of all addresses; the loop asks it for its next deadline."""

    def __init__(self) -> None:
        self._bursts: dict[tuple[str, str], _Burst] = {}  # by address and interface
        self._waiting: dict[tuple[str, str], _Burst] = {}  # those whose first frame is still to go out
        self._socket: socket.socket | None = None
        self.repeat, self.interval = ARP_REPEAT, ARP_INTERVAL
        """Rounds, and seconds from one to the next, of what is announced from now on and what is under way."""

    def announce(self, address: str, interface: str, mac: bytes, now: float) -> list[str]:
        """now: when the address was added. The first frame goes out with `release`, which is now if another one has
        waited; the others when due. Returns problems."""
        key = address, interface
        self._bursts[key] = self._waiting[key] = _Burst(interface, announcements(address, mac), 0, now)
        return self.release_what_waited(now)

    def release_what_waited(self, now: float) -> list[str]:
        """`release`, if a first frame has waited for as long as it may. Returns problems."""
        waits_since = next((burst.next_at for burst in self._waiting.values()), now)
        return self.release() if now - waits_since >= PATIENCE else []

    def release(self) -> list[str]:
        """The addresses that come together are all there: their first frames go out. Returns problems."""
        waiting, self._waiting = self._waiting, {}
        sent = [self._send(address, burst) for (address, _), burst in reversed(waiting.items())]
        return [problem for problem in sent if problem]

    def silence(self, address: str) -> None:
        """The address is ours no more: not one frame later than this."""
        for key in [key for key in self._bursts if key[0] == address]:
            del self._bursts[key]
            self._waiting.pop(key, None)

    def announces(self, address: str) -> bool:
        """Whether frames are still to come."""
        return any(key[0] == address for key in self._bursts)

    def next_deadline(self) -> float | None:
        return min((burst.next_at for burst in self._bursts.values()), default=None)

    def handle_timer(self, now: float) -> list[str]:
        """Sends what is due. Returns problems."""
        problems = self.release()
        due = [(address, burst) for (address, _), burst in self._bursts.items() if burst.next_at <= now]
        return problems + [problem for address, burst in due if (problem := self._send(address, burst))]

    def _send(self, address: str, burst: _Burst) -> str:
        problem = ""
        try:
            if self._socket is None:
                self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
                self._socket.setblocking(False)
            self._socket.sendto(burst.frames[burst.sent % 2], (burst.interface, 0))
        except OSError as error:
            if burst.sent == 0:
                problem = f"announcing {address} on {burst.interface}: {error.strerror}"
        burst.sent += 1
        burst.next_at += self.interval / 2
        if burst.sent >= 2 * self.repeat:
            del self._bursts[address, burst.interface]
        return problem

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
