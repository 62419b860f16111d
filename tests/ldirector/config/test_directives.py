from __future__ import annotations

import pytest

from ldirector.config import values
from ldirector.config.directives import DIRECTIVES, Directive, Scope
from ldirector.config.ldirectord_cf import parse
from tests.ldirector.world import FakeNames

GLOBAL_ONLY = (
    "virtual virtual6 autoreload callback emailalertfrom execute fork logfile maintenancedir readdquiescent supervised"
)
VIRTUAL_ONLY = (
    "real real6 checktype service checkcommand checkport request receive httpmethod virtualhost login passwd database "
    "secret load scheduler schedflags persistent netmask protocol ops monitorfile servicename comment"
)
BOTH = (
    "checktimeout negotiatetimeout checkinterval checkcount failurecount fallback fallback6 fallbackcommand emailalert "
    "emailalertfreq emailalertstatus smtp quiescent cleanstop"
)
OBSOLETE = "timeout connecttimeout"


def test_every_directive_of_the_reference_is_known_with_its_scope() -> None:
    scopes = {name: row.scope for name, row in DIRECTIVES.items() if not row.obsolete}
    wanted = dict.fromkeys(GLOBAL_ONLY.split(), Scope.GLOBAL)
    wanted |= dict.fromkeys(VIRTUAL_ONLY.split(), Scope.VIRTUAL)
    wanted |= dict.fromkeys(BOTH.split(), Scope.BOTH)
    assert scopes == wanted
    assert {name for name, row in DIRECTIVES.items() if row.obsolete} == set(OBSOLETE.split())


@pytest.mark.parametrize("row", [row for row in DIRECTIVES.values() if not row.obsolete], ids=lambda row: row.name)
def test_every_directive_is_explained_and_its_default_is_the_one_in_force(row: Directive) -> None:
    assert row.form
    assert row.meaning.endswith((".", ")"))
    if row.shown and row.read:
        quoted = f'"{row.shown}"' if row.read in (values.quoted, values.quoted_or_nothing) else row.shown
        assert row.read(quoted) == row.default


@pytest.mark.parametrize(("name", "example"), [("checkcount", "3"), ("load", '"x"')])
def test_directive_that_does_little_gives_exactly_one_warning_that_names_it(name: str, example: str) -> None:
    text = "virtual=10.1.1.10:{}\n\treal=192.168.2.1:80 masq\n\tchecktype=connect\n" + f"\t{name}={example}\n"
    if DIRECTIVES[name].scope.in_global:
        text = f"{name}={example}\n" + text
    warnings = parse("".join(text.format(port) for port in (80, 81)), "f", FakeNames()).warnings
    assert [warning.what.split(":")[0] for warning in warnings] == [name]
    assert DIRECTIVES[name].remark in warnings[0].what
