"""ldirectord.cf text -> DirectorConfig, or ConfigError with every problem of the file.

Two passes. The first, here, reads each line by its row of the directive table and notes problems with their place.
The second (build.py) makes the virtuals, because globals may stand behind the blocks they apply to and the port of
`virtual=` is looked up for a protocol that is named further down. Nothing is returned unless the whole file is good.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from ldirector.config import grammar, values
from ldirector.config.build import VirtualBuilder
from ldirector.config.directives import DEFAULTS, DIRECTIVES, Directive, Scope
from ldirector.config.director_config import DirectorConfig
from ldirector.config.errors import BadValue, Findings
from ldirector.config.expand import LARGEST_RANGE, Names, Place, fallback_place, virtual_place
from ldirector.config.lenient import straightened
from ldirector.config.read_otherwise import place_of
from ldirector.config.real_line import read_real
from ldirector.config.remarks import remarks
from ldirector.config.settings import RawVirtual, Settings

__all__ = ["DirectorConfig", "parse"]

_SUPERVISED_ALONE = re.compile(r"supervised\s*(?:#|\Z)", re.ASCII)


def parse(
    text: str, file: str, names: Names, strict: bool = False, missing_extra: Callable[[str], str] = lambda service: ""
) -> DirectorConfig:
    """The configuration that the text describes. file: its name for messages. Raises ConfigError.

    strict: refuse also what only ldirectord refuses, such as a remark behind a global yes or no. missing_extra: tells
    which optional libraries a service's check lacks on this machine, "" when all are there.
    """
    reader = _Reader(file, names, strict, missing_extra)
    for item in grammar.read(text):
        if isinstance(item, grammar.Block):
            reader.block(item)
        else:
            reader.global_line(item)
    return reader.result()


class _Reader:
    """First pass: lines -> settings of the global context and of each block."""

    def __init__(self, file: str, names: Names, strict: bool, missing_extra: Callable[[str], str]) -> None:
        self._names = names
        self._strict = strict
        self._missing_extra = missing_extra
        self._findings = Findings(file)
        self._globals = Settings()
        self._execute: list[str] = []
        self._blocks: list[RawVirtual] = []
        self._range_left = LARGEST_RANGE

    def result(self) -> DirectorConfig:
        builder = VirtualBuilder(self._globals, self._names, self._findings, self._missing_extra)
        virtuals = builder.build(self._blocks)
        settings = self._globals
        return DirectorConfig(
            file=self._findings.file,
            virtuals=virtuals,
            warnings=self._findings.warnings(),
            logfile=settings.get("logfile") or str(DEFAULTS["logfile"]),
            autoreload=settings.get("autoreload"),
            callback=settings.get("callback"),
            execute=tuple(self._execute),
            supervised=settings.get("supervised"),
            maintenancedir=settings.get("maintenancedir"),
            emailalertfrom=settings.get("emailalertfrom"),
        )

    def global_line(self, line: grammar.Line) -> None:
        if self._too_long(line):
            return
        if _SUPERVISED_ALONE.match(line.text) and (not self._strict or line.text.strip() == "supervised"):
            self._findings.warn(line.number, "supervised stands without a value and means yes", "write supervised=yes")
            line = grammar.Line(line.number, "supervised=yes")
        setting = line.setting()
        row = DIRECTIVES.get(setting[0]) if setting else None
        if row is None or setting is None or row.obsolete or not row.scope.in_global:
            self._unknown(line, row, "before or between the virtuals")
            return
        try:
            text = self._straightened(row, setting[1], line.number, is_global=True)
            value = self._global_value(row, text)
        except BadValue as bad:
            self._findings.error(line.number, f"{row.name}: {bad.what}", bad.cure)
            return
        self._globals.put(row.name, value, line.number)
        if row.name == "execute" and value:
            self._execute.append(str(value))
        self._remark(row, text, value, line.number)

    def _global_value(self, row: Directive, text: str) -> object:
        if row.name in ("fallback", "fallback6"):
            return fallback_place(text, _family(row.name), self._names, ("tcp", "udp"))
        reader = row.read_global or row.read
        return reader(text) if reader else None

    def _straightened(self, row: Directive, text: str, line: int, is_global: bool) -> str:
        """The value as ldirectord wants it, with a warning where it is written otherwise."""
        if self._strict:
            return text
        value, wrong = straightened(row, text, is_global)
        if wrong:
            self._findings.warn(
                line,
                f"{row.name}: {wrong}; ldirectord would not read it like this",
                f"write {row.name}={value.rstrip()}",
            )
        return value

    def block(self, block: grammar.Block) -> None:
        setting = block.opener.setting()
        name, text = setting if setting else ("virtual", "")
        raw = RawVirtual(block.opener.number, block.end, _family(name), self._place(name, text, block.opener))
        if not block.has_body:
            self._findings.error(
                block.opener.number,
                f"the file ends right after {name}=, which ldirectord reads as the virtual being there twice",
                "add its real= lines, or remove the virtual",
            )
        for line in block.body:
            self._block_line(raw, line)
        self._blocks.append(raw)

    def _place(self, name: str, text: str, line: grammar.Line) -> Place | None:
        if self._too_long(line):
            return None
        try:
            place = virtual_place(text, _family(name), self._names)
        except BadValue as bad:
            self._findings.error(line.number, f"{name}: {bad.what}", bad.cure)
            return None
        if otherwise := place_of(name, text):
            self._findings.warn(line.number, f"{name}: {otherwise[0]}", otherwise[1])
        return place

    def _too_long(self, line: grammar.Line) -> bool:
        if (length := len(line.text)) <= grammar.LONGEST_LINE:
            return False
        self._findings.error(
            line.number, f"the line has {length} characters", f"write at most {grammar.LONGEST_LINE} of them"
        )
        return True

    def _block_line(self, raw: RawVirtual, line: grammar.Line) -> None:
        if self._too_long(line):
            return
        setting = line.setting()
        row = DIRECTIVES.get(setting[0]) if setting else None
        if row is None or setting is None or row.obsolete or not row.scope.in_virtual:
            self._unknown(line, row, "inside a virtual")
            return
        name, text = row.name, self._straightened(row, setting[1], line.number, is_global=False)
        try:
            if name in ("real", "real6"):
                self._check_family(name, raw)
                real = read_real(text, raw.family, self._names, self._range_left)
                if len(real.addresses) > 1:
                    self._range_left -= len(real.addresses)
                raw.reals.append((line.number, real))
            else:
                value = self._block_value(row, text, raw)
                raw.settings.put(name, value, line.number)
                self._remark(row, text, value, line.number)
        except BadValue as bad:
            self._findings.error(line.number, f"{name}: {bad.what}", bad.cure)

    def _block_value(self, row: Directive, text: str, raw: RawVirtual) -> object:
        """The value of a directive inside a block; three of them depend on what kind of block it is."""
        if row.name in ("fallback", "fallback6"):
            self._check_family(row.name, raw)
            return fallback_place(text, raw.family, self._names, ("",))
        if row.name == "netmask":
            return values.netmask(text, raw.family)
        if row.name == "protocol":
            return _protocol(text, raw.place)
        return row.read(text) if row.read else None

    def _check_family(self, name: str, raw: RawVirtual) -> None:
        if _family(name) != raw.family:
            right = name.removesuffix("6") + ("6" if raw.family == 6 else "")
            raise BadValue(f"this is a block of IPv{raw.family}", f"write {right}=, or change virtual=")

    def _unknown(self, line: grammar.Line, row: Directive | None, where: str) -> None:
        text = values.shown(line.text.strip())
        if row and row.obsolete:
            what, cure = f"{row.name}= is no longer a directive", row.obsolete
        elif row:
            what, cure = f"{row.name}= cannot stand {where}", f"move it: it stands {row.scope.value}"
            if row.scope is Scope.VIRTUAL:
                cure = "put a tab in front of it if it belongs to the virtual above, and no empty line between"
        elif not line.text.strip():
            what, cure = f"a line of blanks {where}", "make it empty, which ends the virtual, or remove it"
        elif line.text[:1].isspace():
            what = f"{text} is indented but belongs to no virtual"
            cure = "remove the empty line above it, or the blanks in front of it"
        else:
            what = f"unknown directive {text} {where}"
            cure = "write it as name=value in lower case, or remove the line"
        self._findings.error(line.number, what, cure)

    def _remark(self, row: Directive, text: str, value: object, line: int) -> None:
        """What everybody should know who uses this directive, or uses it like this."""
        if row.remark:
            self._findings.warn_once(
                row.name, line, f"{row.name}: {row.remark}", "leave the line as it is, or remove it"
            )
        for what, cure in remarks(row, text, value):
            self._findings.warn(line, f"{row.name}: {what}", cure)


def _family(name: str) -> int:
    return 6 if name.endswith("6") else 4


def _protocol(text: str, place: Place | None) -> str:
    name = values.word(text)
    allowed = ("fwm",) if place and place.mark else ("tcp", "udp")
    if name not in allowed and place:
        kind = "a firewall mark" if place.mark else "an address and port"
        raise BadValue(f"{values.shown(name)} does not go with {kind}", f"write protocol={' or '.join(allowed)}")
    return name
