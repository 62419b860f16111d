"""Tables in the form in which the vectors have `ipvsadm -Ln`: sorted as text, blanks single, headings left out."""

from __future__ import annotations

from ldirector.core.ipvsadm_list import HEADINGS, as_listed
from ldirector.core.model import RealKey, RealState, Table, real_name
from ldirector.core.render import saved


def listed(table: Table) -> list[str]:
    """The lines of `ipvsadm -Ln`."""
    lines: list[str] = []
    for key in sorted(table, key=lambda key: saved({key: table[key]})[0].split(" -s ")[0]):
        service, *reals = [" ".join(line.split()) for line in as_listed({key: table[key]})[len(HEADINGS) :]]
        lines += [service, *sorted(f"  {real}" for real in reals)]
    return lines


def thresholds(table: Table) -> list[str]:
    """The lines of `ipvsadm -Ln --thresholds`: upper and lower threshold of each real."""
    lines: list[str] = []
    for key in sorted(table, key=lambda key: saved({key: table[key]})[0].split(" -s ")[0]):
        service = table[key]
        lines.append(listed({key: service})[0])
        lines += sorted(_limits(real, state) for real, state in service.reals.items())
    return lines


def _limits(real: RealKey, state: RealState) -> str:
    return f"  -> {real_name(real)} {state.upper} {state.lower} 0 0"
