"""Directives as they were read, before the virtuals are built from them: each value with the line it stood on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ldirector.config.directives import DEFAULTS
from ldirector.config.expand import Place
from ldirector.config.real_line import RealLine


class Settings:
    """One context's directives: the globals, or those of one block. A repeated directive replaces the former."""

    def __init__(self) -> None:
        self._values: dict[str, Any] = {}
        self._lines: dict[str, int] = {}

    def put(self, name: str, value: object, line: int) -> None:
        self._values[name] = value
        self._lines[name] = line

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def get(self, name: str) -> Any:
        """The value, or the directive's default."""
        return self._values.get(name, DEFAULTS[name])

    def line(self, name: str, otherwise: int) -> int:
        return self._lines.get(name, otherwise)


@dataclass(slots=True)
class RawVirtual:
    """One block. place is None when the value of its opening line could not be read. end: see grammar.Block."""

    line: int
    end: int
    family: int
    place: Place | None
    settings: Settings = field(default_factory=Settings)
    reals: list[tuple[int, RealLine]] = field(default_factory=list)


def first_set(name: str, *contexts: Settings) -> Any:
    """The value in the first context that has the directive, else its default."""
    for context in contexts:
        if name in context:
            return context.get(name)
    return DEFAULTS[name]
