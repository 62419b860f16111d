"""Words of ha.cf to values. Each function raises ValueError whose text completes "NAME WORD is ..."."""

from __future__ import annotations

import ipaddress
import re

from hbeat.core.model import Failback

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
    """A switch of ha.cf, in any of its spellings. Raises ValueError."""
    if word.lower() in _TRUE:
        return True
    if word.lower() in _FALSE:
        return False
    raise ValueError("neither yes nor no; write on or off")


def parse_integer(word: str, low: int, high: int) -> int:
    """Raises ValueError outside low..high, which are both allowed."""
    if not re.fullmatch(r"\d{1,10}", word, re.ASCII) or not low <= int(word) <= high:
        raise ValueError(f"not a whole number from {low} to {high}; write one")
    return int(word)


def parse_choice(word: str, choices: tuple[str, ...]) -> str:
    """The word. Raises ValueError when it is none of these."""
    if word not in choices:
        raise ValueError(f"not known; write one of {', '.join(choices)}")
    return word


def parse_failback(word: str) -> Failback:
    """auto_failback: a boolean or legacy."""
    if word.lower() == "legacy":
        return Failback.LEGACY
    try:
        return Failback.ON if parse_boolean(word) else Failback.OFF
    except ValueError:
        raise ValueError("neither on, off nor legacy; write on or off") from None


def check_not_refused(name: str, word: str, refusal: str) -> None:
    """crm, pacemaker and autojoin: only the words that leave haresources in charge pass; nothing else does."""
    if name == "autojoin" and word == "none":
        return
    if name in ("crm", "pacemaker"):
        try:
            if not parse_boolean(word):
                return
        except ValueError:  # respawn, manual and others: all of them mean Pacemaker
            pass
    raise ValueError(refusal)


def is_interface(word: str) -> bool:
    return bool(re.fullmatch(r"[A-Za-z0-9_.:@-]{1,15}", word, re.ASCII))


def is_host(word: str) -> bool:
    """An IPv4 address or a host name."""
    try:
        ipaddress.IPv4Address(word)
        return True
    except ValueError:
        label = r"[A-Za-z0-9]([A-Za-z0-9_-]*[A-Za-z0-9])?"
        return bool(re.fullmatch(rf"{label}(\.{label})*", word, re.ASCII)) and not re.fullmatch(r"[0-9.]+", word)


def milliseconds(seconds: float) -> str:
    """A worked-out time as the original shows it: `12000ms`."""
    return f"{round(seconds * 1000)}ms"
