"""A settings file as values with their lines, whatever syntax it has: what hbeat.yaml is read from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

Scalar = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Item:
    """One value and the line it stands on, counted from 1. Keys of a mapping are text, with the lines of their own."""

    value: Scalar | Sequence[Item] | Mapping[str, Item]
    line: int

    @property
    def mapping(self) -> Mapping[str, Item] | None:
        """The value if it is a mapping."""
        return self.value if isinstance(self.value, Mapping) else None

    @property
    def sequence(self) -> Sequence[Item] | None:
        """The value if it is a list."""
        return self.value if isinstance(self.value, Sequence) and not isinstance(self.value, str) else None


NOTHING = Item(None, 0)
