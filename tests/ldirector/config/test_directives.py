from __future__ import annotations

import pytest

from ldirector.config.directives import DIRECTIVES, Scope
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

EXAMPLE = {
    "checkcount": "3",
    "callback": '"/bin/true"',
    "fallbackcommand": "/bin/true",
    "emailalert": "a@example.test",
    "emailalertfrom": "b@example.test",
    "emailalertfreq": "60",
    "emailalertstatus": "all",
    "smtp": "mail.example.test",
    "execute": "other.cf",
    "supervised": "yes",
    "maintenancedir": "/etc/ha.d/maintenance",
    "login": '"x"',
    "passwd": '"x"',
    "database": '"x"',
    "secret": '"x"',
    "load": '"x"',
    "monitorfile": "/var/log/x",
}


def test_every_directive_of_the_reference_is_known_with_its_scope() -> None:
    scopes = {name: row.scope for name, row in DIRECTIVES.items() if not row.obsolete}
    wanted = dict.fromkeys(GLOBAL_ONLY.split(), Scope.GLOBAL)
    wanted |= dict.fromkeys(VIRTUAL_ONLY.split(), Scope.VIRTUAL)
    wanted |= dict.fromkeys(BOTH.split(), Scope.BOTH)
    assert scopes == wanted
    assert {name for name, row in DIRECTIVES.items() if row.obsolete} == set(OBSOLETE.split())


def test_every_directive_without_effect_has_an_example_here() -> None:
    assert {name for name, row in DIRECTIVES.items() if row.missing} == set(EXAMPLE)


@pytest.mark.parametrize("name", EXAMPLE)
def test_directive_without_effect_gives_exactly_one_warning_that_names_it(name: str) -> None:
    row = DIRECTIVES[name]
    text = ""
    if row.scope.in_global:
        text += f"{name}={EXAMPLE[name]}\n"
    for port in (80, 81):
        text += f"virtual=10.1.1.10:{port}\n\treal=192.168.2.1:80 masq\n\tchecktype=connect\n"
        if row.scope.in_virtual:
            text += f"\t{name}={EXAMPLE[name]}\n"
    warnings = parse(text, "f", FakeNames()).warnings
    assert [warning.what.split("=")[0] for warning in warnings] == [name]
    assert row.missing in warnings[0].what
