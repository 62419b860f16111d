"""What is wrong with a virtual's checks: patterns, libraries, texts that no protocol can carry, unused directives."""

from __future__ import annotations

from collections.abc import Callable

from ldirector.config.errors import Findings
from ldirector.config.pattern_size import LARGEST, SHORT, TOGETHER, elements
from ldirector.config.settings import RawVirtual
from ldirector.config.values import shown
from ldirector.core.model import CheckType, Virtual, virtual_name
from ldirector.core.negotiate import choose, kinds, unused_directives
from ldirector.core.receive import PatternError, compiled
from ldirector.core.server_name import server_name
from ldirector.core.services import RADIUS_LIMITS, SERVICES, TLS_SERVICES


class CheckFindings:
    """Problems go to findings. missing_extra: see ldirectord_cf.parse."""

    def __init__(self, findings: Findings, missing_extra: Callable[[str], str]) -> None:
        self._findings = findings
        self._missing_extra = missing_extra
        self._patterns: dict[str, tuple[str, str] | None] = {}  # what is wrong with each, if anything
        self._long_left = TOGETHER

    def examine(self, virtual: Virtual, raw: RawVirtual) -> None:
        """Everything that can be said of this virtual's checks before one is made."""
        self._check_receive(virtual, raw)
        self._warn_about_checks(virtual, raw)
        self._check_extra(virtual, raw)
        self._check_texts(virtual, raw)

    def _check_receive(self, virtual: Virtual, raw: RawVirtual) -> None:
        """A pattern that does not compile ended the original at its first check; here the file is refused."""
        patterns = [(raw.settings.line("receive", raw.line), virtual.receive)]
        patterns += [(line, real.receive or "") for line, real in raw.reals]
        for line, pattern in patterns:
            if pattern not in self._patterns:
                self._patterns[pattern] = self._fault_of(pattern)
            if fault := self._patterns[pattern]:
                self._findings.error(line, f"receive: {fault[0]}", fault[1])
        if virtual.httpmethod == "HEAD" and any(pattern for _, pattern in patterns):
            self._findings.warn(
                raw.settings.line("httpmethod", 0),
                "httpmethod: the answer to HEAD has no body, so receive never matches",
                "remove receive, or write httpmethod=GET",
            )

    def _fault_of(self, pattern: str) -> tuple[str, str] | None:
        """What and cure. It is measured before it is compiled, and weighed before that: each step takes time."""
        if len(pattern) > SHORT:
            self._long_left -= len(pattern)
            if self._long_left < 0:
                what = f"the patterns of more than {SHORT} characters come to more than {TOGETHER} together"
                return what, "write shorter ones, or the same one for several servers"
        if elements(pattern) > LARGEST:
            what = f"the pattern comes to more than {LARGEST} characters, with {{n}} written out"
            return what, "write a shorter one, with smaller numbers in braces"
        try:
            compiled(pattern)
        except PatternError as error:
            return f"the pattern does not compile ({error})", error.cure
        return None

    def _check_extra(self, virtual: Virtual, raw: RawVirtual) -> None:
        """A check whose library is not there could never succeed: better said now than by an empty table."""
        if not virtual.checktype.negotiates:
            return
        if extra := self._missing_extra(virtual.service):
            self._findings.error(
                raw.settings.line("service", raw.line),
                f"service={virtual.service} needs a library that is not installed",
                f"pip install 'ultramonkey-successor[{extra}]'",
            )

    def _check_texts(self, virtual: Virtual, raw: RawVirtual) -> None:
        """A control character in what is sent to a server could end its line and begin another command."""
        for name in ("login", "passwd", "secret", "database", "virtualhost"):
            if any(ord(character) < 32 or character == "\x7f" for character in getattr(virtual, name)):
                line = raw.settings.line(name, raw.line)
                self._findings.error(line, f"{name}: it has a control character in it", "remove that character")
        over_tls = virtual.checktype.negotiates and virtual.service in TLS_SERVICES
        if over_tls and virtual.virtualhost and not server_name(virtual.virtualhost):
            self._findings.warn(
                raw.settings.line("virtualhost", 0),
                f"virtualhost: TLS cannot carry {shown(virtual.virtualhost)}, so no server name is asked for",
                "write a host name whose parts between the dots have 1 to 63 characters",
            )
        for name, most in RADIUS_LIMITS.items() if virtual.service == "radius" else ():
            if len(getattr(virtual, name).encode("utf-8", "surrogateescape")) > most:
                line = raw.settings.line(name, raw.line)
                self._findings.error(line, f"{name}: radius carries at most {most} bytes of it", "shorten it")

    def _warn_about_checks(self, virtual: Virtual, raw: RawVirtual) -> None:
        """One warning for each way in which this virtual is checked otherwise than its lines say."""
        name = "service" if virtual.checktype is CheckType.NEGOTIATE else "checktype"
        line = raw.settings.line(name, raw.settings.line("checktype", raw.line))
        for unused in unused_directives(virtual, raw.settings.__contains__):
            self._findings.warn(
                raw.settings.line(unused, 0),
                f"{unused}: the {_check_name(virtual)} check does not look at it",
                "leave the line as it is, or remove it",
            )
        if virtual.checktype.negotiates:
            for name in SERVICES[virtual.service].expects:
                if not getattr(virtual, name):
                    self._findings.warn(
                        line,
                        f"service={virtual.service} without {name}: no server is known to accept it",
                        f"write {name}=",
                    )
        said = set()
        for real in kinds(virtual):
            try:
                choice = choose(virtual, real)
            except ValueError as error:
                self._findings.error(line, f"request: {error}", "write http://host:port/path")
                return
            if choice.what and choice.what not in said:
                said.add(choice.what)
                self._findings.warn(line, f"virtual {virtual_name(virtual.key)}: {choice.what}", choice.cure)


def _check_name(virtual: Virtual) -> str:
    """In words: negotiate (http), connect, ..."""
    if virtual.checktype is CheckType.NEGOTIATE:
        return f"negotiate ({virtual.service})"
    return f"combined ({virtual.service})" if virtual.checktype is CheckType.COMBINED else virtual.checktype.value
