"""ldirector.yaml: what ldirectord.cf cannot say. Everything in it is optional.

    reconcile: on                # compare the kernel's table with ours every interval
    checks_in_flight: 4000
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

The settings stand in settings_table.py. An unknown key is an error with its line and the key that may have been meant.
A setting that does nothing for the virtual it is written for is a warning, and so is one under defaults that does
nothing for any. A virtual that the configuration does not have is a warning only: several instances share this file.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ldirector.config.director_config import DirectorConfig
from ldirector.config.errors import BadValue, Findings
from ldirector.config.settings_effect import Doubt, checks_of
from ldirector.config.settings_table import GLOBAL_SETTINGS, HTTP_SETTINGS, POLICY_SETTINGS, TLS_SETTINGS, Setting
from ldirector.config.tree import Item
from ldirector.config.values import shown
from ldirector.core.events import CheckSpec
from ldirector.core.model import Policy, TlsRules, Virtual, VirtualKey, virtual_name

SUGGESTED = 3
"""So many strange names get a suggestion each."""


@dataclass(frozen=True, slots=True)
class FileFault:
    """What is wrong with a file that a setting under tls names. fatal: it cannot be used at all."""

    setting: str
    what: str
    cure: str
    fatal: bool = True


def no_faults(rules: TlsRules) -> Sequence[FileFault]:
    return ()


def overlay(
    config: DirectorConfig,
    tree: Item,
    file: str,
    tls_faults: Callable[[TlsRules], Sequence[FileFault]] = no_faults,
) -> DirectorConfig:
    """The configuration with what ldirector.yaml says of it. Raises ConfigError.

    tls_faults: tells what is wrong on this machine with the files that TLS rules name.
    """
    findings = Findings(file)
    reader = _Reader(findings)
    top = reader.mapping(tree, "ldirector.yaml") if tree.value is not None else {}
    values = reader.values(top, GLOBAL_SETTINGS, ("defaults", "virtuals"))
    usual = reader.section(top["defaults"], Policy()) if "defaults" in top else _Section(Policy())
    named = reader.mapping(top["virtuals"], "virtuals") if "virtuals" in top else {}
    sections = _sections_of(config, named, usual, reader, findings)
    virtuals = tuple(replace(each, policy=sections.get(each.key, usual).policy) for each in config.virtuals)
    _Judgement(findings, usual, sections, tls_faults).of(virtuals)
    return replace(config, virtuals=virtuals, warnings=(*config.warnings, *findings.warnings()), **values)


def names_of(virtual: Virtual) -> tuple[str, ...]:
    """How a virtual may be called here: 10.1.1.10:80, tcp 10.1.1.10:80, mark 7, mark6 7."""
    name = virtual_name(virtual.key)
    if virtual.key.mark:
        return (f"mark {name}",) if virtual.key.family == 4 else (f"mark6 {name}",)
    return (name, f"{virtual.key.protocol} {name}")


@dataclass(slots=True)
class _Section:
    """What stands under defaults, or under the name of a virtual, with the defaults filled in.

    settings: those that are written here, by their path (`tls: key`), with their lines.
    """

    policy: Policy
    line: int = 0
    settings: dict[str, tuple[Setting, int]] = field(default_factory=dict)


def _sections_of(
    config: DirectorConfig, named: Mapping[str, Item], usual: _Section, reader: _Reader, findings: Findings
) -> dict[VirtualKey, _Section]:
    """The section of each virtual that has one."""
    by_name: dict[str, list[VirtualKey]] = {}
    for virtual in config.virtuals:
        for name in names_of(virtual):
            by_name.setdefault(name, []).append(virtual.key)
    strange = [name for name in named if name not in by_name]
    sections: dict[VirtualKey, _Section] = {}
    for name, item in named.items():
        section = reader.section(item, usual.policy)
        for key in by_name.get(name, ()):
            if key in sections:
                what = f"{shown(name)}: this virtual has settings in line {sections[key].line} already"
                findings.error(item.line, what, "write them in one place")
            sections[key] = section
        if name not in by_name:
            # To look for what was meant takes long, and many strange names are those of another instance.
            cure = _suggestion(name, list(by_name)) if len(strange) <= SUGGESTED else "leave it, or remove it"
            findings.warn(item.line, f"no virtual of {config.file} is called {shown(name)}", cure)
    return sections


class _Judgement:
    """Looks for settings that do not do what they seem to; what it finds goes to findings, each once."""

    def __init__(
        self,
        findings: Findings,
        usual: _Section,
        sections: Mapping[VirtualKey, _Section],
        tls_faults: Callable[[TlsRules], Sequence[FileFault]],
    ) -> None:
        self._findings = findings
        self._usual = usual
        self._sections = sections
        self._tls_faults = tls_faults

    def of(self, virtuals: Iterable[Virtual]) -> None:
        """Judge all settings for these virtuals."""
        if self._usual.settings or self._sections:
            judged = [(virtual, checks_of(virtual)) for virtual in virtuals if virtual.reals]
            self._look(self._usual, judged, "any virtual")
            for section in {id(section): section for section in self._sections.values()}.values():
                meant = [(virtual, checks) for virtual, checks in judged if self._sections.get(virtual.key) is section]
                self._look(section, meant, virtual_name(meant[0][0].key) if meant else "")
            self._look_at_files([virtual for virtual, _ in judged])

    def _look(self, section: _Section, judged: Sequence[tuple[Virtual, Sequence[CheckSpec]]], whom: str) -> None:
        for path, (setting, line) in section.settings.items():
            idle = [setting.idle(virtual, checks) for virtual, checks in judged]
            if idle and all(idle):
                self._warn(line, f"{path}: it does nothing for {whom}", idle[0])
            else:
                risks = (setting.risk(virtual, checks) for virtual, checks in judged)
                self._warn(line, path, next(filter(None, risks), None))

    def _warn(self, line: int, what: str, doubt: Doubt) -> None:
        if doubt:
            why, cure = doubt
            self._findings.warn(line, f"{what}: {why}", cure)

    def _look_at_files(self, virtuals: Iterable[Virtual]) -> None:
        said = set()
        faults: dict[TlsRules, Sequence[FileFault]] = {}
        for virtual in virtuals:
            rules = virtual.policy.tls
            if rules not in faults:
                faults[rules] = self._tls_faults(rules)
            for fault in faults[rules]:
                path = f"tls: {fault.setting}"
                section = self._sections.get(virtual.key, self._usual)
                _, line = section.settings.get(path) or self._usual.settings[path]
                if (line, fault) not in said:
                    said.add((line, fault))
                    note = self._findings.error if fault.fatal else self._findings.warn
                    note(line, f"{path}: {fault.what}", fault.cure)


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

    def section(self, item: Item, usual: Policy) -> _Section:
        """The settings of all virtuals or of one, over those that are usual."""
        items = self.mapping(item, "a virtual's settings")
        found = _Section(usual, item.line)
        values = self._written(found, items, POLICY_SETTINGS, "", ("http", "tls"))
        http, tls = usual.http, usual.tls
        if "http" in items:
            http = replace(http, **self._written(found, self.mapping(items["http"], "http"), HTTP_SETTINGS, "http: "))
        if "tls" in items:
            tls = replace(tls, **self._written(found, self.mapping(items["tls"], "tls"), TLS_SETTINGS, "tls: "))
            if tls.key and not tls.certificate:
                self._findings.error(items["tls"].line, "tls: a key without its certificate", "write certificate: too")
        found.policy = replace(usual, http=http, tls=tls, **values)
        return found

    def _written(
        self,
        section: _Section,
        items: Mapping[str, Item],
        rows: tuple[Setting, ...],
        path: str,
        parts: tuple[str, ...] = (),
    ) -> dict[str, Any]:
        """As values(); the section notes which there are."""
        found = self.values(items, rows, parts)
        section.settings |= {path + row.name: (row, items[row.name].line) for row in rows if row.attribute in found}
        return found


def _suggestion(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, 1)
    return f"perhaps {close[0]} was meant" if close else f"choose from {', '.join(sorted(set(known))[:12])}"
