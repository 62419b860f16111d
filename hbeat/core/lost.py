"""Addresses that stood here and are gone: put back once nobody answers for them.

A lease was not renewed in time, somebody removed the address, its interface lost the carrier, this node has slept: the
other node may have it by now. The network is asked (`guard`), and what belongs to one group comes back together, once a
second at most. What a changed haresources brings is put where it belongs in the same way.
"""

from __future__ import annotations

from collections.abc import Iterable

from hbeat.core.builtin import ADDRESSES
from hbeat.core.cut_off import CutOff
from hbeat.core.events import Effect, Level, Note
from hbeat.core.guard import Guard
from hbeat.core.legacy import LegacyOwnership
from hbeat.core.model import Resource
from hbeat.core.ownership import Ownership

RESTORE_PAUSE = 1.0


class Lost:
    """addresses: those that are gone now. Times are monotonic seconds."""

    def __init__(self, ownership: Ownership | LegacyOwnership, guard: Guard, cut_off: CutOff) -> None:
        self.addresses: set[Resource] = set()
        self._ownership, self._guard, self._cut_off = ownership, guard, cut_off
        self._restore_at = float("-inf")

    def lose(self, resources: Iterable[Resource], why: str) -> list[Effect]:
        """These stood here, if they are ours, and are gone."""
        held = [r for r in resources if any(r in group.resources for group in self._ownership.mine())]
        self.addresses |= set(held)
        names = ", ".join(r.text for r in held)
        return [Note(Level.ERROR, f"{names} is gone: {why}; putting it back unless another has it")] if held else []

    def came(self, before: Iterable[Resource]) -> None:
        """A changed haresources has brought addresses which another node may have, whose files still say so. before:
        what was ours until then."""
        known = frozenset(before)
        mine = (r for group in self._ownership.mine() for r in group.resources if r.script in ADDRESSES)
        self.addresses |= {r for r in mine if r not in known} if self._ownership.stable else set()

    def next_deadline(self, now: float) -> float | None:
        """When `restore` has something to do that does not follow from an answer."""
        if self._restore_at > now:
            return self._restore_at if self.addresses else None
        return now if not self._guard.enabled and self.addresses - self._cut_off.severed else None

    def restore(self, now: float) -> list[Effect]:
        """Starts again what nobody else has."""
        back = self._free_again(now) if now >= self._restore_at else set()
        if not back:
            return []
        self._restore_at = now + RESTORE_PAUSE
        self.addresses -= back
        return self._ownership.restore(back, now)

    def _free_again(self, now: float) -> set[Resource]:
        """Those of each group for none of whose lost ones anybody answers, and those that are not ours any more."""
        back = self.addresses - self._cut_off.severed
        parts = [back.intersection(group.resources) for group in self._ownership.mine()]
        answered = {address for part in parts if part and not self._guard.is_free(part, now) for address in part}
        return back - answered
