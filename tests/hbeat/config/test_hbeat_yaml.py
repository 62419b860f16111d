from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hbeat.adapters.yaml_file import read_entries
from hbeat.config.errors import ConfigError
from hbeat.config.hbeat_yaml import SETTINGS, parse_settings
from hbeat.core.model import Safety, Sessions, SyncPlan, SysctlRule

FILE = "hbeat.yaml"


def parsed(text: str) -> Safety:
    return parse_settings(read_entries(text, FILE), FILE).safety


def sessions(text: str) -> Sessions:
    return parse_settings(read_entries(text, FILE), FILE).sessions


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n"])
def test_empty_file_is_the_defaults(text: str) -> None:
    assert parsed(text) == Safety(1, True, True, None, True)


def test_sample_says_what_holds_without_it() -> None:
    sample = Path(__file__).parents[3] / "etc" / "ha.d" / "hbeat.yaml"
    assert parsed(sample.read_text()) == Safety()
    assert sessions(sample.read_text()) == Sessions()


def test_every_setting_is_read() -> None:
    text = "vip_lease: 2s\nkeeper: off\narp_guard: no\narp_guard_limit: 500ms\nstall_rule: false\nlink_hold_down: 3\n"
    assert parsed(text) == Safety(2, False, False, 0.5, False, 3.0)
    assert parsed("vip_lease: off").vip_lease is None
    assert parsed("link_hold_down: off").link_hold_down is None
    text = "connection_sync: eth1/5\nfailback_limit: 40s\nsysctl: manage\n"
    assert sessions(text) == Sessions(SyncPlan("eth1", 5), 40.0, SysctlRule.MANAGE)
    assert sessions("connection_sync: bond0.7").connection_sync == SyncPlan("bond0.7", 0)
    assert sessions("connection_sync: off\nsysctl: off") == Sessions(sysctl=SysctlRule.OFF)
    assert sessions("arp_repeat: 3\narp_interval: 20ms\n") == Sessions(arp_repeat=3, arp_interval=0.02)
    assert sessions("warm_standby: off") == Sessions(warm_standby=False)
    assert set(SETTINGS) == {field.name for field in (*fields(Safety), *fields(Sessions))}


@pytest.mark.parametrize("text", ["3", "3s", "3.0", "3000ms"])
def test_lease_is_a_time_in_any_notation(text: str) -> None:
    assert parsed(f"vip_lease: {text}").vip_lease == 3


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("\nconnection_sync: eth1/256\n", 2, "syncid 256 is not 0 to 255; write an interface and a syncid"),
        ("connection_sync: eth1/\n", 1, "syncid (empty) is not 0 to 255"),
        ("connection_sync: on\n", 1, "write eth1, or eth1/5"),
        ("connection_sync: an interface\n", 1, "connection_sync: "),
        ("failback_limit: off\n", 1, "failback_limit: "),
        ("sysctl: perhaps\n", 1, "neither tell, manage nor off"),
        ("arp_repeat: 0\n", 1, "arp_repeat: not 1 to 1000"),
        ("arp_repeat: often\n", 1, "not 1 to 1000; write how often"),
        ("arp_interval: 1ms\n", 1, "shorter than 10ms"),
        ("\nvip_leas: 1s\n", 2, "did you mean vip_lease?"),
        ("colour: blue\n", 1, "there are vip_lease, keeper"),
        ("vip_lease: 1500ms\n", 1, "whole seconds"),
        ("vip_lease: on\n", 1, "write 1s"),
        ("vip_lease: 0\n", 1, "no time at all"),
        ("vip_lease: soon\n", 1, "not a time"),
        ("vip_lease: [1]\n", 1, "vip_lease: a plain value is expected"),
        ("vip_lease: {a: 1}\n", 1, "a plain value is expected"),
        ("keeper: &on on\narp_guard: *on\n", 2, "arp_guard: a plain value is expected"),
        ("keeper: on\nkeeper: off\n", 2, "'keeper' is there twice"),
        ("keeper: on\n---\nkeeper: off\n", 3, "a plain value is expected"),
        ("just words\n", 1, "name: value"),
        ("keeper: 'on\n", 2, "this is no YAML"),
        ("keeper:\n", 1, "write on or off"),
        ("keeper: \0\n", 1, "control character 0x00"),
        ("keeper: \udcff\n", 0, "this is no YAML"),
        ("[" * 5000, 1, "a plain value is expected"),
        ("link_hold_down: on\n", 1, "write 10s"),
        ("keeper: maybe\n", 1, "write on or off"),
        ("- keeper\n", 1, "name: value"),
        ("arp_guard: on\narp_guard_limit: -1\n", 2, "not a time"),
    ],
)
def test_wrong_setting_is_refused_with_line_and_cure(text: str, line: int, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parsed(text)
    (problem,) = caught.value.problems
    assert problem.line == line
    assert words in str(problem)


SYNTAX = ("on", "1s", ": ", "&a ", "*a", "!!int ", "---", *"\n -[]{}|'\"#\t\udc80")
PIECES = st.sampled_from((*SETTINGS, *SYNTAX))


@given(st.lists(PIECES | st.characters(), max_size=30).map("".join))
def test_any_text_is_settings_or_refused_with_its_line(text: str) -> None:
    try:
        assert isinstance(parsed(text), Safety)
    except ConfigError as error:
        assert all(problem.line >= 0 and problem.cure for problem in error.problems)  # noqa: PT017
