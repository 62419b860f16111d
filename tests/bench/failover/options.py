"""What the benchmarks of fail-over take on their command lines."""

from __future__ import annotations

import argparse
from collections.abc import Callable


def at_least_one(text: str) -> int:
    """A number of repetitions. Raises ArgumentTypeError."""
    if not (text.isascii() and text.isdigit()) or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of repetitions; at least 1")
    return int(text)


def chosen(known: list[str]) -> Callable[[str], list[str]]:
    """Reads A,B of what is known."""

    def choose(text: str) -> list[str]:
        names = text.split(",")
        if unknown := [name for name in names if name not in known]:
            raise argparse.ArgumentTypeError(f"no {unknown[0]!r}; there are {', '.join(known)}")
        return names

    return choose
