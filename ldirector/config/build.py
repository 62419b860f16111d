"""Second pass over ldirectord.cf: settings of a block and the globals -> one Virtual with every value resolved."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ldirector.config.check_findings import CheckFindings
from ldirector.config.errors import BadValue, Findings
from ldirector.config.expand import FallbackPlace, Names, Place, port
from ldirector.config.real_line import RealLine
from ldirector.config.settings import RawVirtual, Settings, first_set
from ldirector.core.model import (
    Fallback,
    Forwarding,
    Protocol,
    Real,
    RealKey,
    Virtual,
    VirtualKey,
    VirtualState,
    real_name,
    virtual_name,
)
from ldirector.core.services import default_service

SCHEDULERS = ("rr", "wrr", "lc", "wlc", "lblc", "lblcr", "dh", "sh", "mh", "sed", "nq", "fo", "ovf", "twos")

LONGEST_PERSISTENCE = (2**32 - 1) // 1000
"""Seconds: the kernel counts ticks in 32 bits, up to 1,000 of them in a second, and wraps around without a word."""

_FLAG_NAMES = {
    "sh": {"flag-1": "sh-fallback", "flag-2": "sh-port"},
    "mh": {"flag-1": "mh-fallback", "flag-2": "mh-port"},
}
"""What ipvsadm calls the numbered flags of two schedulers; the others keep the numbers."""


class VirtualBuilder:
    """Builds the virtuals of one file. Problems go to findings; a virtual with an error is left out."""

    def __init__(
        self, settings: Settings, names: Names, findings: Findings, missing_extra: Callable[[str], str]
    ) -> None:
        self._globals = settings
        self._checks = CheckFindings(findings, missing_extra)
        self._names = names
        self._findings = findings

    def build(self, blocks: Iterable[RawVirtual]) -> tuple[Virtual, ...]:
        virtuals: dict[VirtualKey, Virtual] = {}
        for raw in blocks:
            virtual = self._virtual(raw)
            if virtual is None:
                continue
            if virtual.key in virtuals:
                self._findings.error(
                    raw.end,
                    f"virtual {virtual_name(virtual.key)} ({virtual.key.protocol}) is defined twice",
                    "put its reals into one block",
                )
            virtuals.setdefault(virtual.key, virtual)
        return tuple(virtuals.values())

    def _virtual(self, raw: RawVirtual) -> Virtual | None:
        if raw.place is None:
            return None
        settings = raw.settings
        try:
            key = self._key(raw.place, settings)
        except BadValue as bad:
            self._findings.error(raw.line, f"virtual: {bad.what}", bad.cure)
            return None
        checktype, connects = settings.get("checktype")
        virtual = Virtual(
            key=key,
            state=self._state(raw, key),
            reals=self._reals(raw, key),
            fallback=self._fallback(key, settings),
            checktype=checktype,
            connects=connects,
            service=settings.get("service") or default_service(key.port),
            checkport=settings.get("checkport"),
            checktimeout=float(self._timeout(settings, "checktimeout", "negotiatetimeout")),
            negotiatetimeout=float(self._timeout(settings, "negotiatetimeout", "checktimeout")),
            checkinterval=float(self._interval(settings)),
            failurecount=self._either(settings, "failurecount"),
            quiescent=self._either(settings, "quiescent"),
            readdquiescent=self._globals.get("readdquiescent"),
            cleanstop=self._either(settings, "cleanstop"),
            request=settings.get("request"),
            receive=settings.get("receive"),
            httpmethod=settings.get("httpmethod"),
            virtualhost=settings.get("virtualhost"),
            checkcommand=settings.get("checkcommand"),
            servicename=settings.get("servicename"),
            comment=settings.get("comment"),
            checkcount=self._either(settings, "checkcount"),
            login=settings.get("login"),
            passwd=settings.get("passwd"),
            database=settings.get("database"),
            secret=settings.get("secret"),
            monitorfile=settings.get("monitorfile"),
            fallbackcommand=self._either(settings, "fallbackcommand"),
            emailalert=self._either(settings, "emailalert"),
            emailalertfreq=self._either(settings, "emailalertfreq"),
            emailalertstatus=self._either(settings, "emailalertstatus"),
            smtp=self._either(settings, "smtp"),
        )
        self._checks.examine(virtual, raw)
        return virtual

    def _either(self, settings: Settings, name: str) -> Any:
        """The block's value, else the global one, else the default."""
        return first_set(name, settings, self._globals)

    def _key(self, place: Place, settings: Settings) -> VirtualKey:
        if place.mark:
            return VirtualKey(Protocol.FWM.value, place.family, "", 0, place.mark)
        protocol = settings.get("protocol") or ("udp" if place.port in ("53", "domain") else "tcp")
        return VirtualKey(protocol, place.family, place.address, port(place.port, protocol, self._names))

    def _timeout(self, settings: Settings, name: str, other: str) -> int:
        """First set wins: the block's own, the block's other, the global own, the global other, the default."""
        for context in (settings, self._globals):
            for candidate in (name, other):
                if candidate in context:
                    return int(context.get(candidate))
        return int(self._globals.get(name))

    def _interval(self, settings: Settings) -> int:
        """A block's own interval counts with fork=yes only, as in the original."""
        if "checkinterval" in settings and not self._globals.get("fork"):
            self._findings.warn(
                settings.line("checkinterval", 0),
                "checkinterval: the value of a virtual counts only with fork=yes, the global one is used",
                "write fork=yes, or remove the line",
            )
            return int(self._globals.get("checkinterval"))
        return int(self._either(settings, "checkinterval"))

    def _state(self, raw: RawVirtual, key: VirtualKey) -> VirtualState:
        settings = raw.settings
        scheduler, persistent, mask = (settings.get(name) for name in ("scheduler", "persistent", "netmask"))
        if scheduler not in SCHEDULERS:
            self._findings.warn(
                settings.line("scheduler", raw.line),
                f"scheduler: the kernel may not know {scheduler!r}, and then the virtual cannot be made",
                f"choose from {', '.join(SCHEDULERS)}",
            )
        if persistent > LONGEST_PERSISTENCE:
            self._findings.error(
                settings.line("persistent", raw.line),
                f"persistent: the kernel cannot count {persistent} seconds",
                f"write at most {LONGEST_PERSISTENCE}",
            )
        if mask and not persistent:
            self._findings.warn(
                settings.line("netmask", 0), "netmask: it has no effect without persistent=", "write persistent= too"
            )
        ops = settings.get("ops") and key.protocol == Protocol.UDP.value
        if settings.get("ops") and not ops:
            self._findings.warn(
                settings.line("ops", 0), "ops: it has no effect, it works with protocol=udp only", "remove the line"
            )
        return VirtualState(
            scheduler=scheduler,
            persistent=persistent,
            netmask=mask if mask and persistent else "",
            ops=ops,
            schedflags=self._schedflags(settings, scheduler),
        )

    def _schedflags(self, settings: Settings, scheduler: str) -> tuple[str, ...]:
        aliases = _FLAG_NAMES.get(scheduler, {})
        known = {*aliases.values(), "flag-1", "flag-2", "flag-3"}
        names = {aliases.get(name, name) for name in settings.get("schedflags")}
        for name in sorted(names - known):
            self._findings.error(
                settings.line("schedflags", 0),
                f"schedflags: {name!r} is not a flag of scheduler {scheduler}",
                f"choose from {', '.join(sorted(known))}",
            )
        return tuple(sorted(names))

    def _reals(self, raw: RawVirtual, key: VirtualKey) -> tuple[Real, ...]:
        """The reals in the order of the file. The same server twice is one table entry; the last line counts."""
        reals: dict[RealKey, Real] = {}
        for line, written in raw.reals:
            lower, upper = self._thresholds(line, written)
            kernel_port = _kernel_port(written.port, written.forwarding, key)
            keys = [RealKey(address, kernel_port) for address in written.addresses]
            if again := [real_key for real_key in keys if real_key in reals]:
                more = f" and {len(again) - 1} more" if len(again) > 1 else ""
                self._findings.warn(
                    line,
                    f"real: {real_name(again[0])}{more}: in this virtual already, and the last line counts",
                    "remove one of the lines",
                )
            for real_key in keys:
                reals[real_key] = Real(
                    key=real_key,
                    port=written.port,
                    forwarding=written.forwarding,
                    weight=written.weight,
                    lower=lower,
                    upper=upper,
                    request=written.request,
                    receive=written.receive,
                )
        if not reals:
            self._findings.warn(raw.line, "virtual: it has no real servers", "write real= lines below it")
        return tuple(reals.values())

    def _thresholds(self, line: int, written: RealLine) -> tuple[int, int]:
        """The kernel refuses a server whose lower threshold is above its upper one (0 = none)."""
        if written.lower > written.upper:
            self._findings.warn(
                line,
                f"real: the kernel refuses the lower threshold {written.lower} with the upper one "
                f"{written.upper or 'missing'}, so it is left out",
                "write a u: that is at least l:",
            )
            return 0, written.upper
        return written.lower, written.upper

    def _fallback(self, key: VirtualKey, settings: Settings) -> Fallback | None:
        """The block's fallback, else the global one of the family; the port of the virtual when it names none."""
        name = "fallback6" if key.family == 6 else "fallback"
        place: FallbackPlace | None = self._either(settings, name)
        if place is None:
            return None
        wanted = key.port if place.port is None else place.port
        return Fallback(RealKey(place.address, _kernel_port(wanted, place.forwarding, key)), place.forwarding)


def _kernel_port(written: int, way: Forwarding, key: VirtualKey) -> int:
    """gate and ipip cannot change the port of a packet, so the entry has the virtual's; a mark has none to force."""
    if way is Forwarding.MASQ or key.protocol == Protocol.FWM.value:
        return written
    return key.port
