"""ldirector.yaml: what ldirectord.cf cannot say. Everything in it is optional.

    reconcile: on                # compare the kernel's table with ours every interval
    checks_in_flight: 1000
    commands_in_flight: 32
    defaults:                    # for all virtuals
      rise: 2
      sentinel: on
    virtuals:                    # for one, named as in the log; wins over defaults
      10.1.1.10:80:
        fall: 3
        fast_interval: 0.5
        http: {status: [200-299, 401], body_limit: 65536, digest: sha256:...}
      udp 10.1.1.10:53: {rise: 3}
      mark 7: {tls: {verify: on, authorities: /etc/ssl/ca.pem, minimum_days: 14}}

The tables below drive the reader, its messages and the manual page. An unknown key is an error with its line and the
key that may have been meant. A virtual that the configuration does not have is a warning only: several instances share
this file.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ldirector.config.director_config import DirectorConfig
from ldirector.config.errors import BadValue, Findings
from ldirector.config.tree import Item
from ldirector.config.values import shown
from ldirector.core.model import Policy, Virtual, virtual_name


@dataclass(frozen=True, slots=True)
class Setting:
    """One row. attribute: where the value goes. form, shown and meaning: for the manual, as in directives.py."""

    name: str
    attribute: str
    read: Callable[[Item], Any]
    form: str
    shown: str
    meaning: str


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


def seconds(item: Item) -> float:
    """A time of at least a hundredth of a second."""
    value = item.value
    if isinstance(value, int | float) and not isinstance(value, bool) and 0.01 <= value <= 86400:
        return float(value)
    raise BadValue(f"{_text(item)} is no time in seconds", "write 0.01 to 86400")


def path(item: Item) -> str:
    """An absolute path."""
    if isinstance(item.value, str) and item.value.startswith("/"):
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
    Setting("status", "statuses", statuses, "[code | first-last, ...]", "[200-299]", "Status codes that are good."),
    Setting(
        "body_limit", "body_limit", whole(1, 1 << 26), "bytes", "262144", "A longer body is a failed check, not memory."
    ),
    Setting("digest", "digest", digest, "sha256:hex", "", "What the body must be, to the last byte."),
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
    ),
    Setting("authorities", "authorities", path, "file", "", "PEM file of the authorities; without it the system's."),
    Setting(
        "minimum_days", "minimum_days", whole(0, 3650), "days", "0", "The certificate must be valid for so much longer."
    ),
    Setting("certificate", "certificate", path, "file", "", "PEM file that we show to servers that ask for it."),
    Setting("key", "key", path, "file", "", "Its private key, when it is not in the same file."),
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
    ),
    Setting("fall", "fall", whole(1, 1000), "number", "failurecount", "Failed checks in a row that take it down."),
    Setting(
        "fast_interval",
        "fast_interval",
        seconds,
        "seconds",
        "checkinterval",
        "Between checks while a server is falling or rising: some checks in a row speak against its state.",
    ),
    Setting(
        "sentinel",
        "sentinel",
        switch,
        "on | off",
        "off",
        "Keep an idle TCP connection to each real that is up; when it ends, a check is made at once.",
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
        "checks_in_flight", "checks_in_flight", whole(1, 100000), "number", "1000", "Connections at the same time."
    ),
    Setting(
        "commands_in_flight", "commands_in_flight", whole(1, 1000), "number", "32", "External checks at the same time."
    ),
)


SUGGESTED = 3
"""So many strange names get a suggestion each."""


def overlay(config: DirectorConfig, tree: Item, file: str) -> DirectorConfig:
    """The configuration with what ldirector.yaml says of it. Raises ConfigError."""
    findings = Findings(file)
    reader = _Reader(findings)
    top = reader.mapping(tree, "ldirector.yaml") if tree.value is not None else {}
    parts = ("defaults", "virtuals")
    values = reader.values(top, GLOBAL_SETTINGS, parts)
    usual = reader.policy(top["defaults"], Policy()) if "defaults" in top else Policy()
    named = reader.mapping(top["virtuals"], "virtuals") if "virtuals" in top else {}
    by_name: dict[str, list[Virtual]] = {}
    for virtual in config.virtuals:
        for name in names_of(virtual):
            by_name.setdefault(name, []).append(virtual)
    policies = {virtual.key: usual for virtual in config.virtuals}
    strange = [name for name in named if name not in by_name]
    for name, item in named.items():
        policy = reader.policy(item, usual)
        policies |= {virtual.key: policy for virtual in by_name.get(name, ())}
        if name not in by_name:
            # To look for what was meant takes long, and many strange names are those of another instance.
            cure = _suggestion(name, list(by_name)) if len(strange) <= SUGGESTED else "leave it, or remove it"
            findings.warn(item.line, f"no virtual of {config.file} is called {shown(name)}", cure)
    virtuals = tuple(replace(virtual, policy=policies[virtual.key]) for virtual in config.virtuals)
    return replace(config, virtuals=virtuals, warnings=(*config.warnings, *findings.warnings()), **values)


def names_of(virtual: Virtual) -> tuple[str, ...]:
    """How a virtual may be called here: 10.1.1.10:80, tcp 10.1.1.10:80, mark 7, mark6 7."""
    name = virtual_name(virtual.key)
    if virtual.key.mark:
        return (f"mark {name}",) if virtual.key.family == 4 else (f"mark6 {name}",)
    return (name, f"{virtual.key.protocol} {name}")


class _Reader:
    """Turns items into values; problems go to findings and the value is left out."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings

    def mapping(self, item: Item, what: str) -> Mapping[str, Item]:
        found = item.mapping
        if found is None:
            self._findings.error(item.line, f"{what}: settings are expected here", "write them as name: value")
            return {}
        return found

    def values(self, items: Mapping[str, Item], rows: tuple[Setting, ...], parts: tuple[str, ...]) -> dict[str, Any]:
        """Attribute -> value of the settings that are written. parts: names that the caller reads himself."""
        table = {row.name: row for row in rows}
        found: dict[str, Any] = {}
        for name, item in items.items():
            row = table.get(name)
            try:
                if row:
                    found[row.attribute] = row.read(item)
                elif name not in parts:
                    raise BadValue("there is no such setting", _suggestion(name, [*table, *parts]))
            except BadValue as bad:
                self._findings.error(item.line, f"{shown(name)}: {bad.what}", bad.cure)
        return found

    def policy(self, item: Item, usual: Policy) -> Policy:
        items = self.mapping(item, "a virtual's settings")
        values = self.values(items, POLICY_SETTINGS, ("http", "tls"))
        http, tls = usual.http, usual.tls
        if "http" in items:
            http = replace(http, **self.values(self.mapping(items["http"], "http"), HTTP_SETTINGS, ()))
        if "tls" in items:
            tls = replace(tls, **self.values(self.mapping(items["tls"], "tls"), TLS_SETTINGS, ()))
            if tls.key and not tls.certificate:
                self._findings.error(items["tls"].line, "tls: a key without its certificate", "write certificate: too")
        return replace(usual, http=http, tls=tls, **values)


def _suggestion(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, 1)
    return f"perhaps {close[0]} was meant" if close else f"choose from {', '.join(sorted(set(known))[:12])}"


def _text(item: Item) -> str:
    return shown("a list or mapping" if item.mapping or item.sequence else str(item.value))
