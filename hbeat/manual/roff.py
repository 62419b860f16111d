"""Text to the man macros of roff."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

MADE = ".\\\" Made by hbeat/manual from the program's own tables: change them, not this file."


def title(name: str, section: int, meaning: str) -> Iterator[str]:
    yield from (MADE, f'.TH {name.upper()} {section} "" "hbeat" "Heartbeat clusters"', ".SH NAME")
    yield f"{name} \\- {escaped(meaning)}"


def heading(text: str) -> str:
    return f".SH {escaped(text)}"


def entry(head: str, text: str) -> Iterable[str]:
    """A term and what it means."""
    return (".TP", ".B " + escaped(head), escaped(text))


def paragraph(text: str) -> Iterable[str]:
    return (".PP", escaped(text))


def item(text: str) -> Iterable[str]:
    return (".IP \\(bu 2", escaped(text))


def example(lines: Iterable[str]) -> Iterator[str]:
    """Lines as they are typed."""
    yield from (".PP", ".nf", ".RS")
    yield from map(escaped, lines)
    yield from (".RE", ".fi")


def escaped(text: str) -> str:
    """Text as roff takes it: nothing in it is a command."""
    text = text.replace("\\", "\\e").replace("-", "\\-").replace('"', "\\(dq")
    return re.sub(r"^([.'])", r"\\&\1", text)
