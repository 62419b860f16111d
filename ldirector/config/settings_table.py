"""Every setting of ldirector.yaml: what its value looks like, what it means, and for which virtuals it does something.

The tables drive the reader (settings_file.py), its messages and the manual page.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ldirector.config.errors import BadValue
from ldirector.config.settings_effect import (
    Judge,
    long_bodies,
    unless_a_body,
    unless_between_states,
    unless_checked,
    unless_http,
    unless_tcp,
    unless_tls,
    unless_verified,
    works,
)
from ldirector.config.tree import Item
from ldirector.config.values import shown


@dataclass(frozen=True, slots=True)
class Setting:
    """One row. attribute: where the value goes. form, shown and meaning: for the manual, as in directives.py.

    idle: why the setting does nothing for a virtual. risk: what else is to be known of it. Each gives None when there
    is nothing to say.
    """

    name: str
    attribute: str
    read: Callable[[Item], Any]
    form: str
    shown: str
    meaning: str
    idle: Judge = works
    risk: Judge = works


def switch(item: Item) -> bool:
    """on or off."""
    if isinstance(item.value, bool):
        return item.value
    raise BadValue(f"{_text(item)} is neither on nor off", "write on or off")


def whole(least: int, most: int) -> Callable[[Item], int]:
    """A whole number within bounds."""

    def read(item: Item) -> int:
        if isinstance(item.value, int) and not isinstance(item.value, bool) and least <= item.value <= most:
            return item.value
        raise BadValue(f"{_text(item)} is no whole number from {least} to {most}", f"write {least} to {most}")

    return read


def word(*words: str) -> Callable[[Item], str]:
    """One of these; off may be written as a switch."""

    def read(item: Item) -> str:
        value = "off" if item.value is False else item.value
        if isinstance(value, str) and value in words:
            return value
        raise BadValue(f"{_text(item)} is none of {', '.join(words)}", f"write {' or '.join(words)}")

    return read


def seconds(item: Item) -> float:
    """A time of at least a hundredth of a second."""
    value = item.value
    if isinstance(value, int | float) and not isinstance(value, bool) and 0.01 <= value <= 86400:
        return float(value)
    raise BadValue(f"{_text(item)} is no time in seconds", "write 0.01 to 86400")


def path(item: Item) -> str:
    """An absolute path."""
    if isinstance(item.value, str) and item.value.startswith("/") and "\0" not in item.value:
        return item.value
    raise BadValue(f"{_text(item)} is no absolute path", "write it with the leading /")


def digest(item: Item) -> str:
    """A SHA-256 digest in hex, with or without its name in front."""
    text = str(item.value).removeprefix("sha256:").lower()
    if re.fullmatch(r"[0-9a-f]{64}", text):
        return text
    raise BadValue(f"{_text(item)} is no SHA-256 digest", "write sha256: and 64 hex digits, as sha256sum prints them")


def statuses(item: Item) -> tuple[tuple[int, int], ...]:
    """One status code or range, or a list of them."""
    return tuple(_status_range(each) for each in item.sequence or (item,))


def _status_range(item: Item) -> tuple[int, int]:
    match = re.fullmatch(r"([1-9][0-9]{2})(?:\s*-\s*([1-9][0-9]{2}))?", str(item.value))
    if match and (first := int(match[1])) <= (last := int(match[2] or match[1])) and first >= 200:
        return first, last
    raise BadValue(f"{_text(item)} is no final status code or range", "write them as in [200-299, 401]")


HTTP_SETTINGS = (
    Setting(
        "status",
        "statuses",
        statuses,
        "[code | first-last, ...]",
        "[200-299]",
        "Status codes that are good.",
        idle=unless_http,
    ),
    Setting(
        "body_limit",
        "body_limit",
        whole(1, 1 << 26),
        "bytes",
        "262144",
        "A longer body is a failed check, not memory. Above the default a receive pattern can hold up all other "
        "checks for more than 50 ms, in a line as long as the body: measured were 60 ms with 512 KiB, 250 with 4 MiB.",
        idle=unless_a_body,
        risk=long_bodies,
    ),
    Setting(
        "digest", "digest", digest, "sha256:hex", "", "What the body must be, to the last byte.", idle=unless_a_body
    ),
)
TLS_SETTINGS = (
    Setting(
        "verify",
        "verify",
        switch,
        "on | off",
        "off",
        "The chain of the real's certificate must lead to a known authority, and its name must be virtualhost or, "
        "without one, the real's address.",
        idle=unless_tls,
    ),
    Setting(
        "authorities",
        "authorities",
        path,
        "file",
        "",
        "PEM file of the authorities; without it the system's.",
        idle=unless_verified,
    ),
    Setting(
        "minimum_days",
        "minimum_days",
        whole(0, 3650),
        "days",
        "0",
        "The certificate must be valid for so much longer.",
        idle=unless_tls,
    ),
    Setting(
        "certificate",
        "certificate",
        path,
        "file",
        "",
        "PEM file that we show to servers that ask for it.",
        idle=unless_tls,
    ),
    Setting("key", "key", path, "file", "", "Its private key, when it is not in the same file.", idle=unless_tls),
)
POLICY_SETTINGS = (
    Setting(
        "rise",
        "rise",
        whole(1, 1000),
        "number",
        "1",
        "Good checks in a row that bring back a server which was down. A server that has not been checked yet comes up "
        "with its first one.",
        idle=unless_checked,
    ),
    Setting(
        "fall",
        "fall",
        whole(1, 1000),
        "number",
        "failurecount",
        "Failed checks in a row that take it down.",
        idle=unless_checked,
    ),
    Setting(
        "fast_interval",
        "fast_interval",
        seconds,
        "seconds",
        "checkinterval",
        "Between checks while a server is falling or rising: some checks in a row speak against its state.",
        idle=unless_between_states,
    ),
    Setting(
        "sentinel",
        "sentinel",
        switch,
        "on | off",
        "off",
        "Keep an idle TCP connection to each real that is up; when it ends, a check is made at once. "
        "A server that serves one connection at a time cannot answer beside it; it gets none after two failures.",
        idle=unless_tcp,
    ),
)
GLOBAL_SETTINGS = (
    Setting(
        "reconcile",
        "reconcile",
        switch,
        "on | off",
        "on",
        "Compare the kernel's table with ours every interval: what somebody deleted, added or changed is put right, a "
        "weight that somebody set is reported and left until that server's state changes.",
    ),
    Setting(
        "sysctl",
        "sysctl",
        word("check", "manage", "off"),
        "check | manage | off",
        "check",
        "Kernel settings that decide whether clients hang, listed under KERNEL SETTINGS: tell which should be "
        "otherwise, set them, or do not look.",
    ),
    Setting(
        "checks_in_flight", "checks_in_flight", whole(1, 100000), "number", "4000", "Connections at the same time."
    ),
    Setting(
        "commands_in_flight", "commands_in_flight", whole(1, 1000), "number", "32", "External checks at the same time."
    ),
)


def _text(item: Item) -> str:
    return shown("a list or mapping" if item.mapping or item.sequence else str(item.value))
