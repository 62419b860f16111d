"""Words of ha.cf to values. Each function raises ValueError whose text completes "NAME WORD is ..."."""

from __future__ import annotations

import re

_TIME = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ms|us|usec|)", re.ASCII)
_SECONDS_PER_UNIT = {"": 1.0, "ms": 1e-3, "us": 1e-6, "usec": 1e-6}
_TRUE = ("true", "on", "yes", "y", "1")
_FALSE = ("false", "off", "no", "n", "0")
_LONGEST_TIME = 2**31 / 1000
"""Seconds; more milliseconds than fit the wire's and the original's numbers."""


def parse_time(word: str) -> float:
    """Seconds from `1`, `1.5`, `500ms`, `2000us`. As in the original, `2s` is not a time."""
    match = _TIME.fullmatch(word)
    if match is None:
        raise ValueError("not a time; write seconds (2 or 0.5) or milliseconds (500ms)")
    seconds = float(match[1]) * _SECONDS_PER_UNIT[match[2]]
    if seconds > _LONGEST_TIME:
        raise ValueError("too long a time; write fewer seconds")
    return seconds


def parse_boolean(word: str) -> bool:
    if word.lower() in _TRUE:
        return True
    if word.lower() in _FALSE:
        return False
    raise ValueError("neither yes nor no; write on or off")


def parse_integer(word: str, low: int, high: int) -> int:
    if not re.fullmatch(r"\d{1,10}", word, re.ASCII) or not low <= int(word) <= high:
        raise ValueError(f"not a whole number from {low} to {high}; write one")
    return int(word)


def parse_choice(word: str, choices: tuple[str, ...]) -> str:
    if word not in choices:
        raise ValueError(f"not known; write one of {', '.join(choices)}")
    return word


def milliseconds(seconds: float) -> str:
    """A worked-out time as the original shows it: `12000ms`."""
    return f"{round(seconds * 1000)}ms"
