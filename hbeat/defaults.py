"""`hbeat -D`, `-W` and `-v`: the directives with their defaults, and the values of this machine's ha.cf."""

from __future__ import annotations

import sys

from hbeat.config.directive import Directive, Support
from hbeat.config.directives import DIRECTIVES
from hbeat.config.errors import ConfigError
from hbeat.load import load

OK, NOT_CONFIGURED = 0, 6


def print_defaults(*, wiki: bool) -> int:
    """Each directive that has one, its default, and what it is for; wiki: as a table of wikis."""
    rows = [(row.name, row.default, _brief(row)) for row in DIRECTIVES.values() if row.default is not None]
    if wiki:
        print("||'''Directive'''||'''Default'''||'''Description'''||")
        for cells in rows:
            print(f"||{'||'.join(cells)}||")
        return OK
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    print(f"{'Directive':{widths[0]}}  {'Default':{widths[1]}}  Description\n{'-' * 80}")
    for name, default, brief in rows:
        print(f"{name:{widths[0]}}  {default:{widths[1]}}  {brief}")
    return OK


def _brief(row: Directive) -> str:
    if row.support is Support.IMPLEMENTED:
        return row.meaning.partition(". ")[0].rstrip(".")
    return f"{row.support.value}: {row.meaning}"


def print_configuration() -> int:
    """The values of ha.cf in force, defaults included; what is wrong with the files instead, if anything is."""
    try:
        config = load()
    except ConfigError as error:
        print(error, file=sys.stderr)
        return NOT_CONFIGURED
    for name, value in sorted(config.ha.parameters):
        print(f"{name}\t{value}")
    return OK
