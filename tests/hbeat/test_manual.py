"""The manual pages: made from the tables, those that are installed, and man can read them."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from hbeat.cl_status import COMMANDS
from hbeat.cli import VERBS, parser
from hbeat.config.authkeys import parse_authkeys
from hbeat.config.directive import Support
from hbeat.config.directives import DIRECTIVES
from hbeat.config.ha_cf import parse_ha_cf
from hbeat.config.hbeat_yaml import SETTINGS
from hbeat.core.builtin import BUILTIN
from hbeat.core.lateness import Lateness
from hbeat.load import Configuration
from hbeat.manual import cl_status, ha_cf
from hbeat.manual.files import BUILT_IN_FORMS
from hbeat.manual.hbeat import STATUS
from hbeat.manual.pages import PAGES
from hbeat.view import view
from tests.hbeat.world import World

ROOT = Path(__file__).parents[2]


def text(name: str) -> str:
    """A page as a reader sees it, nearly."""
    return "\n".join(PAGES[name]()).replace("\\-", "-").replace("\\(dq", '"').replace("\\e", "\\")


@pytest.mark.parametrize("row", DIRECTIVES.values(), ids=lambda row: row.name)
def test_every_directive_of_ha_cf_is_there_once_in_its_section_with_reason_and_default(row):
    page = text("ha.cf.5")
    (entry,) = re.findall(rf"^\.B {row.name} {re.escape(row.form)}\n(.*)$", page, re.MULTILINE)
    assert entry == ha_cf.meaning(row).replace("\\&", "")
    assert entry.endswith(".")
    section = page[: page.index(entry)].rpartition(".SH ")[2].splitlines()[0]
    assert section == f"DIRECTIVES: {row.support.value}".upper()
    if row.support is Support.IMPLEMENTED and row.default and not row.shown:
        assert f"Default: {row.default}." in entry
    assert (row.cure in entry) is (row.support is Support.REFUSED or not row.cure)


def test_every_built_in_resource_is_there():
    assert set(BUILT_IN_FORMS) == BUILTIN
    assert all(
        f".B {name}::{form}\n{meaning}" in text("haresources.5") for name, (form, meaning) in BUILT_IN_FORMS.items()
    )


def test_every_sub_command_of_cl_status_is_there():
    assert {form.split()[0] for form, _, _ in cl_status.SUB_COMMANDS} == {*COMMANDS, "hbstatus"}


def test_every_option_and_verb_of_hbeat_is_there():
    page = text("hbeat.8")
    options = set(re.findall(r"(?<![\w-])--?\w+", parser().format_usage()))
    assert len(options) > 5
    assert [option for option in options if not re.search(rf"{option}\b", page)] == []
    assert all(re.search(rf"^\.B {verb}\b", page, re.MULTILINE) for verb in VERBS)


@pytest.mark.parametrize("name", PAGES)
def test_page_that_is_installed_is_the_one_that_the_tables_give(name):
    assert (ROOT / "man" / name).read_text() == "\n".join(PAGES[name]()) + "\n", "write it again: make man"


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.skipif(not shutil.which("groff"), reason="not installed: groff")
def test_man_reads_it_without_a_complaint(name):
    page = "\n".join(PAGES[name]()) + "\n"
    made = subprocess.run(
        ["groff", "-man", "-Tutf8", "-ww", "-z"], input=page, capture_output=True, text=True, check=True
    )
    assert made.stderr == ""


def test_every_key_of_the_status_is_explained():
    ha = parse_ha_cf("ucast eth0 10.1.1.3\nnode a b\nauto_failback on\nping 10.1.1.1\n", "ha.cf", own_name="a")
    config = Configuration("a", ha, parse_authkeys("auth 1\n1 crc\n", "authkeys", 0o600), ())
    shown = view(World().both_up().node("a"), config, 0, None, Lateness(), 0.0)
    nodes, resources = shown["nodes"], shown["resources"]
    assert isinstance(nodes, dict)
    assert isinstance(resources, dict)
    explained = " ".join(f"{keys} {meaning}" for keys, meaning in STATUS)
    keys = {*shown, *resources, *(key for node in nodes.values() for key in node)}
    assert [key for key in keys if not re.search(rf"\b{key}\b", explained)] == []


@pytest.mark.parametrize("row", SETTINGS.values(), ids=lambda row: row.name)
def test_every_setting_of_hbeat_yaml_is_there(row):
    assert f".B {row.name}: {row.form}\n{row.meaning} Default: {row.default}." in text("hbeat.8")
