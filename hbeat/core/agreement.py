"""Do both nodes have the same files? Between nodes of ours every status says what is in them, as digests.

A haresources that differs is two owners at the next takeover, and nobody sees it before. So a difference is told on
both nodes with the next status, once for each change, and once when it is over.
"""

from __future__ import annotations

from hbeat.core.events import Level, Note
from hbeat.core.hello import Files
from hbeat.core.model import NodeName

KEY_NUMBERS = "authkeys"
"""Said in full, not as a digest: the numbers of the keys, never a key."""

HARESOURCES = "haresources"
"""Its name among the files."""


class Agreement:
    """Our files and the peer's."""

    def __init__(self, ours: Files) -> None:
        self.ours = ours
        self._theirs: Files | None = None
        self._told: dict[str, tuple[str | None, str | None]] = {}

    @property
    def differing(self) -> tuple[str, ...]:
        """The files that differ between the nodes, by name."""
        return tuple(self._differing())

    def _differing(self) -> dict[str, tuple[str | None, str | None]]:
        if self._theirs is None:
            return {}
        ours, theirs = dict(self.ours), dict(self._theirs)
        pairs = {name: (ours.get(name), theirs.get(name)) for name in sorted(ours | theirs)}
        return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}

    def forget(self) -> None:
        """The peer is gone, or is an original: nothing can be compared."""
        self._theirs = None
        self._told.clear()

    def compare(self, peer: NodeName, theirs: Files) -> list[Note]:
        """What the peer says of its files; the news in it. Also to be called after `ours` has changed."""
        self._theirs = theirs
        differing = self._differing()
        notes = [
            Note(Level.WARNING, _difference(name, pair, peer))
            for name, pair in differing.items()
            if self._told.get(name) != pair
        ]
        over = sorted(self._told.keys() - differing.keys())
        notes += [Note(Level.INFO, f"{name} is the same on {peer} and here again") for name in over]
        self._told = differing
        return notes


def _difference(name: str, pair: tuple[str | None, str | None], peer: NodeName) -> str:
    here, there = pair
    if name == KEY_NUMBERS:
        return f"authkeys has other keys on {peer}: numbers {there or 'unknown'}; here: {here}"
    if here is None:
        return f"{name} is used on {peer} and not here: make haresources the same on both"
    if there is None:
        return f"{name} is used here and not on {peer}: make haresources the same on both"
    return f"{name} is not the same on {peer} and here: copy the right one to the other node and reload"
