"""The manual page: it is made from the tables, and man can read it."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from ldirector.config.directives import DIRECTIVES
from ldirector.config.settings_table import GLOBAL_SETTINGS, HTTP_SETTINGS, POLICY_SETTINGS, TLS_SETTINGS
from ldirector.core.services import SERVICES
from ldirector.manual import CHECKS, DIFFERENCES, VERBS, manual

FILE = Path(__file__).parents[2] / "man" / "ldirectord.8"
PAGE = "\n".join(manual()).replace("\\-", "-").replace("\\(dq", '"').replace("\\e", "\\")


@pytest.mark.parametrize("row", [row for row in DIRECTIVES.values() if not row.obsolete], ids=lambda row: row.name)
def test_every_directive_is_there_with_its_form_its_default_and_its_meaning(row) -> None:  # type: ignore[no-untyped-def]
    (entry,) = re.findall(rf"^\.B {re.escape(row.name)} = (.*)\n(.*)$", PAGE, re.MULTILINE)
    assert entry[0].startswith(row.form)
    assert row.meaning in entry[1]
    assert (f"Default: {row.shown}." in entry[1]) == bool(row.shown)


def test_every_setting_service_check_and_verb_is_there() -> None:
    for setting in (*GLOBAL_SETTINGS, *POLICY_SETTINGS, *HTTP_SETTINGS, *TLS_SETTINGS):
        assert f".B {setting.name}: {setting.form}\n{setting.meaning}" in PAGE
    for service in SERVICES.values():
        assert service.meaning.endswith("."), service.name
        assert service.meaning in PAGE
    for name, meaning in (*CHECKS, *VERBS):
        assert f".B {name}\n{meaning}" in PAGE


def test_every_known_defect_of_the_old_program_has_its_difference() -> None:
    numbers = [reference for reference, _ in DIFFERENCES if reference]
    assert numbers == [f"g-{number}" for number in range(1, 20)]


def test_page_that_is_installed_is_the_one_that_the_tables_give() -> None:
    assert FILE.read_text() == "\n".join(manual()) + "\n", "write it again: make man"


@pytest.mark.skipif(not shutil.which("groff"), reason="not installed: groff")
def test_man_reads_it_without_a_complaint() -> None:
    made = subprocess.run(
        ["groff", "-man", "-Tutf8", "-ww", "-z"],
        input="\n".join(manual()) + "\n",
        capture_output=True,
        text=True,
        check=True,
    )
    assert made.stderr == ""
