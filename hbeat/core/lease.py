"""Leases of virtual addresses: the kernel lends each for some seconds, and forgets it unless it is asked again.

A daemon that is killed, stopped or starved loses its addresses by that without any watchdog. The one thing that must
never happen is a late renewal: the kernel would put an address back that it has removed, and that the peer may have by
now. So each renewal is preceded by a look at two clocks, since one of them stands still while the machine is
suspended, and more than half a lease after the last renewal that the kernel has confirmed the address counts as lost.
"""

from __future__ import annotations

from dataclasses import dataclass, field

RENEWALS = 5
"""So many in the time of one lease: two may be late, and the third is still within its half."""
ATTEMPTS = 50
"""So many in the time of one lease while the kernel refuses: it may have no memory for a moment, and the loop is not to
turn as fast as it can meanwhile."""


@dataclass(frozen=True, slots=True)
class Clocks:
    """One moment, in seconds: monotonic stands still while the machine is suspended, boottime goes on."""

    monotonic: float
    boottime: float

    def since(self, earlier: Clocks) -> float:
        """Seconds between the two moments, by the clock that has seen more of them."""
        return max(self.monotonic - earlier.monotonic, self.boottime - earlier.boottime)


@dataclass(frozen=True, slots=True)
class Standing:
    """An address as it stands on an interface here. packed: its 4 or 16 bytes; flags: those of the kernel.

    peer: the address at the other end, if it is said to have one; the prefix length is that one's then.
    """

    packed: bytes
    prefixlen: int
    index: int
    flags: int = field(default=0, compare=False)
    peer: bytes = b""


class Leases:
    """The leases of one node. seconds: for how long the kernel lends, None = for ever."""

    def __init__(self, seconds: int | None) -> None:
        self.seconds = seconds
        self._confirmed: dict[Standing, Clocks] = {}  # when the kernel was asked for what it has granted
        self._refused_until: dict[Standing, float] = {}  # since then; monotonic, when to ask again

    def begun(self, standing: Standing, asked: Clocks) -> None:
        """The kernel was asked for the address, and has granted it."""
        if self.seconds is not None:
            self._confirm(standing, asked)

    def _confirm(self, standing: Standing, asked: Clocks) -> None:
        self._confirmed[standing] = asked
        self._refused_until.pop(standing, None)

    def ended(self, standing: Standing) -> None:
        """The address is not to be renewed any more."""
        self._confirmed.pop(standing, None)
        self._refused_until.pop(standing, None)

    def next_deadline(self) -> float | None:
        """When the next renewal is due, in monotonic seconds."""
        if self.seconds is None or not self._confirmed:
            return None
        pause = self.seconds / RENEWALS
        return min(
            max(asked.monotonic + pause, self._refused_until.get(standing, 0.0))
            for standing, asked in self._confirmed.items()
        )

    def due(self, now: Clocks) -> list[Standing]:
        """What is to be renewed now; may_renew has the last word about each."""
        if self.seconds is None:
            return []
        pause = self.seconds / RENEWALS
        return [
            standing
            for standing, asked in self._confirmed.items()
            if (now.monotonic >= asked.monotonic + pause or now.boottime >= asked.boottime + pause)
            and now.monotonic >= self._refused_until.get(standing, 0.0)
        ]

    def may_renew(self, standing: Standing, now: Clocks) -> bool:
        """Whether the kernel may be asked again. now: read right before."""
        asked = self._confirmed.get(standing)
        return asked is not None and self.seconds is not None and now.since(asked) <= self.seconds / 2

    def renewed(self, standing: Standing, asked: Clocks, now: Clocks) -> bool:
        """The kernel has confirmed a renewal. False when this process slept between asking and now: the address may
        have been gone, and was put back by the question. It has to be removed."""
        in_time = self.may_renew(standing, now)
        if in_time:
            self._confirm(standing, asked)
        return in_time

    def refused(self, standing: Standing, now: Clocks) -> bool:
        """The kernel did not renew it; True when it is the first time in this lease."""
        first = standing not in self._refused_until
        if standing in self._confirmed and self.seconds is not None:
            self._refused_until[standing] = now.monotonic + self.seconds / ATTEMPTS
        return first

    def lost(self, now: Clocks) -> list[Standing]:
        """What counts as lost, because half a lease has passed. It is renewed no more."""
        gone = [standing for standing in self._confirmed if not self.may_renew(standing, now)]
        for standing in gone:
            self.ended(standing)
        return gone
