"""ldirector.yaml over an ldirectord.cf: what it sets, and what is said about what it cannot set."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ldirector.adapters.yaml_file import read_tree
from ldirector.config.director_config import DirectorConfig
from ldirector.config.errors import ConfigError, Severity
from ldirector.config.ldirectord_cf import parse
from ldirector.config.settings_file import FileFault, overlay
from ldirector.config.settings_table import (
    GLOBAL_SETTINGS,
    HTTP_SETTINGS,
    POLICY_SETTINGS,
    TLS_SETTINGS,
)
from ldirector.config.tree import Item
from ldirector.core.model import HttpRules, Policy, TlsRules
from tests.ldirector.world import FakeNames

CF = "".join(
    f"virtual={name}\n\treal=192.168.2.1:80 masq\n\tchecktype=connect\n\tprotocol={protocol}\n\n"
    for name, protocol in (("10.1.1.10:80", "tcp"), ("10.1.1.10:80", "udp"), ("10.1.1.10:81", "tcp"), ("7", "fwm"))
)


def settled(text: str) -> DirectorConfig:
    return overlay(parse(CF, "ldirectord.cf", FakeNames()), read_tree(text, "ldirector.yaml"), "ldirector.yaml")


def policies(text: str) -> list[Policy]:
    return [virtual.policy for virtual in settled(text).virtuals]


def test_without_the_file_everything_is_as_usual() -> None:
    config = settled("")
    assert {virtual.policy for virtual in config.virtuals} == {Policy()}
    assert (config.reconcile, config.checks_in_flight, config.commands_in_flight) == (True, 4000, 32)


def test_defaults_are_for_all_and_a_virtual_wins_setting_by_setting() -> None:
    found = policies(
        "defaults: {rise: 2, http: {status: 200}}\nvirtuals: {10.1.1.10:81: {fall: 4, http: {body_limit: 9}}}"
    )
    usual = Policy(rise=2, http=HttpRules(statuses=((200, 200),)))
    assert found == [usual, usual, Policy(rise=2, fall=4, http=HttpRules(((200, 200),), body_limit=9)), usual]


@pytest.mark.parametrize(
    ("name", "meant"),
    [("10.1.1.10:80", [0, 1]), ("tcp 10.1.1.10:80", [0]), ("udp 10.1.1.10:80", [1]), ("mark 7", [3]), ("mark6 7", [])],
)
def test_virtual_is_named_as_in_the_log_with_its_protocol_where_that_matters(name: str, meant: list[int]) -> None:
    found = policies(f"virtuals:\n  {name}: {{sentinel: on}}")
    assert [index for index, policy in enumerate(found) if policy.sentinel] == meant


def test_every_setting_reaches_its_place() -> None:
    digest = "a" * 64
    text = f"""
reconcile: off
checks_in_flight: 7
commands_in_flight: 8
defaults:
  rise: 2
  fall: 3
  fast_interval: 0.5
  sentinel: on
  http: {{status: [200-204, 301], body_limit: 100, digest: 'sha256:{digest}'}}
  tls: {{verify: on, authorities: /ca, minimum_days: 14, certificate: /c, key: /k}}
"""
    config = settled(text)
    assert (config.reconcile, config.checks_in_flight, config.commands_in_flight) == (False, 7, 8)
    assert config.virtuals[0].policy == Policy(
        2, 3, 0.5, True, HttpRules(((200, 204), (301, 301)), 100, digest), TlsRules(True, "/ca", 14, "/c", "/k")
    )


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("risen: 2", 1, "there is no such setting; choose from"),
        ("defaults:\n  rises: 2", 2, "perhaps rise was meant"),
        ("\nvirtuals: [a]", 2, "settings are expected here"),
        ("defaults: 5", 1, "settings are expected here"),
        ("- a", 1, "settings are expected here"),
        ("defaults: {rise: 0}", 1, "no whole number from 1"),
        ("defaults: {rise: yes}", 1, "no whole number from 1"),
        ("defaults: {sentinel: maybe}", 1, "neither on nor off"),
        ("defaults: {fast_interval: 0}", 1, "no time in seconds"),
        ("defaults: {fast_interval: .nan}", 1, "no time in seconds"),
        ("defaults: {http: {status: 100}}", 1, "no final status code"),
        ("defaults: {http: {status: [299-200]}}", 1, "no final status code"),
        ("defaults: {http: {status: []}}", 1, "no final status code"),
        ("defaults: {http: {digest: md5}}", 1, "no SHA-256 digest"),
        ("defaults: {tls: {key: /k}}", 1, "a key without its certificate"),
        ("defaults: {tls: {authorities: ca.pem}}", 1, "no absolute path"),
        ('defaults: {tls: {authorities: "/a\\0b"}}', 1, "no absolute path"),
        ("virtuals:\n  10.1.1.10:80:\n    fal: 1", 3, "perhaps fall was meant"),
        (
            "virtuals:\n  10.1.1.10:80: {rise: 2}\n  tcp 10.1.1.10:80: {fall: 2}",
            3,
            "this virtual has settings in line 2 already; write them in one place",
        ),
    ],
)
def test_what_cannot_be_set_is_an_error_with_line_and_cure(text: str, line: int, words: str) -> None:
    with pytest.raises(ConfigError) as refused:
        settled(text)
    (problem,) = [each for each in refused.value.problems if each.severity is Severity.ERROR]
    assert (problem.file, problem.line) == ("ldirector.yaml", line)
    assert words in str(problem)


def test_virtual_that_is_not_there_is_a_warning_with_a_suggestion() -> None:
    (warning,) = settled("virtuals:\n  10.1.1.1O:81: {rise: 2}").warnings
    assert str(warning).startswith("ldirector.yaml:2: no virtual of ldirectord.cf is called '10.1.1.1O:81'")
    assert "perhaps 10.1.1.10:81 was meant" in warning.cure


@pytest.mark.parametrize("rows", [GLOBAL_SETTINGS, POLICY_SETTINGS, HTTP_SETTINGS, TLS_SETTINGS])
def test_default_that_the_manual_shows_is_the_one_in_force(rows: Any) -> None:
    config = settled("")
    places = {id(GLOBAL_SETTINGS): config, id(POLICY_SETTINGS): Policy(), id(HTTP_SETTINGS): HttpRules()}
    for row in rows:
        assert row.form
        assert row.meaning.endswith(".")
        if row.shown and row.shown not in ("failurecount", "checkinterval"):
            tree = read_tree(f"x: {row.shown}", "f").mapping
            assert tree is not None
            assert row.read(tree["x"]) == getattr(places.get(id(rows), TlsRules()), row.attribute), row.name


# Settings that do nothing


def warnings(block: str, settings: str) -> list[str]:
    """What is said of the settings of one virtual, in line 3; the same line under defaults gets the same."""
    cf = f"virtual=10.1.1.10:80\n\treal=192.168.2.1:80 masq\n{block}"

    def said(text: str) -> list[str]:
        config = overlay(parse(cf, "cf", FakeNames()), read_tree(text, "y"), "y")
        return [str(each) for each in config.warnings if each.file == "y"]

    found = said(f"virtuals:\n  10.1.1.10:80:\n    {settings}\n")
    usual = said(f"defaults:\n  {settings}\n")
    assert [each.replace("y:2:", "y:3:").replace("for any virtual", "for 10.1.1.10:80") for each in usual] == found
    return found


ON, UDP, HTTP = "\tchecktype=on\n", "\tprotocol=udp\n\tservice=sip\n", "\tservice=http\n"
CONNECT, PING, COMMAND = (f"\tchecktype={name}\n" for name in ("connect", "ping", "external"))


@pytest.mark.parametrize(
    ("block", "settings", "words"),
    [
        (ON, "rise: 2", "rise: it does nothing for 10.1.1.10:80: its reals are not checked; remove it"),
        ("\tchecktype=off\n", "fall: 2", "fall: it does nothing for 10.1.1.10:80: its reals are not checked"),
        ("\tservice=none\n", "fast_interval: 1", "fast_interval: it does nothing for 10.1.1.10:80: its reals are not"),
        (
            HTTP,
            "fast_interval: 1",
            "fast_interval: it does nothing for 10.1.1.10:80: with rise and fall of 1 no server",
        ),
        (UDP, "sentinel: on", "sentinel: it does nothing for 10.1.1.10:80: no TCP port of its reals is checked"),
        (PING, "sentinel: on", "sentinel: it does nothing for 10.1.1.10:80: no TCP port"),
        (COMMAND, "sentinel: on", "sentinel: it does nothing for 10.1.1.10:80: no TCP port"),
        (ON, "sentinel: on", "sentinel: it does nothing for 10.1.1.10:80: no TCP port"),
        (
            CONNECT,
            "http: {status: 200}",
            "http: status: it does nothing for 10.1.1.10:80: what is checked is none of http,",
        ),
        (
            UDP,
            "http: {body_limit: 9}",
            "http: body_limit: it does nothing for 10.1.1.10:80: what is checked is none of",
        ),
        (
            COMMAND,
            f"http: {{digest: {'a' * 64}}}",
            "http: digest: it does nothing for 10.1.1.10:80: what is checked is none",
        ),
        (
            HTTP + "\thttpmethod=HEAD\n",
            f"http: {{digest: {'a' * 64}}}",
            "http: digest: it does nothing for 10.1.1.10:80: the answer to HEAD has no body; remove it, or write",
        ),
        (
            UDP,
            "tls: {verify: on}",
            "tls: verify: it does nothing for 10.1.1.10:80: what is checked is none of https, pops",
        ),
        (
            HTTP,
            "tls: {minimum_days: 9}",
            "tls: minimum_days: it does nothing for 10.1.1.10:80: what is checked is none of",
        ),
        (
            CONNECT,
            "tls: {certificate: /c}",
            "tls: certificate: it does nothing for 10.1.1.10:80: what is checked is none of",
        ),
        (
            "\tservice=https\n",
            "tls: {authorities: /ca}",
            "tls: authorities: it does nothing for 10.1.1.10:80: nothing is verified; write verify: on too",
        ),
    ],
)
def test_setting_that_does_nothing_for_its_virtual_is_a_warning_with_its_line(
    block: str, settings: str, words: str
) -> None:
    (said,) = warnings(block, settings)
    assert said.startswith(f"y:3: {words}")


@pytest.mark.parametrize(
    ("block", "settings"),
    [
        (HTTP, "rise: 2"),
        (HTTP + "\tfailurecount=2\n", "fast_interval: 1"),
        (HTTP, "{fall: 2, fast_interval: 1}"),
        (CONNECT, "sentinel: on"),
        (ON, "sentinel: off"),
        ("\tchecktype=3\n\tservice=http\n", "http: {status: 200}"),
        ('\tservice=http_proxy\n\trequest="http://a/"\n', "http: {status: 200, body_limit: 9}"),
        ("\tservice=imaps\n", "tls: {verify: on, authorities: /ca, minimum_days: 3}"),
    ],
)
def test_setting_that_does_something_gets_no_warning(block: str, settings: str) -> None:
    assert warnings(block, settings) == []


def test_interval_that_is_no_faster_does_nothing() -> None:
    (said,) = warnings(HTTP + "\tfailurecount=2\n", "fast_interval: 10")
    assert "checks come every 10 s anyway; write less than checkinterval" in said


def test_default_does_its_work_as_soon_as_it_does_something_for_one_virtual() -> None:
    cf = "virtual=10.1.1.10:53\n\treal=192.168.2.1:53 masq\n\tchecktype=ping\n\n" + CF
    config = overlay(parse(cf, "cf", FakeNames()), read_tree("defaults: {sentinel: on}", "y"), "y")
    assert [each for each in config.warnings if each.file == "y"] == []


def test_body_limit_that_is_too_large_for_a_pattern_is_warned_about() -> None:
    (said,) = warnings(HTTP + '\treceive="ok"\n', "http: {body_limit: 262145}")
    assert said.startswith("y:3: http: body_limit: in a body of more than 262144 bytes receive can hold up all other")
    assert warnings(HTTP + '\treceive="ok"\n', "http: {body_limit: 262144}") == []
    assert warnings(HTTP, "http: {body_limit: 1000000}") == []


# Files that settings name


def test_fault_of_a_file_is_said_at_the_line_that_names_it() -> None:
    """Those of defaults once for all virtuals that take them."""
    faults = [FileFault("certificate", "no", "mend"), FileFault("authorities", "old", "renew", fatal=False)]
    text = """
defaults:
  tls: {certificate: /c}
virtuals:
  10.1.1.10:81:
    tls:
      authorities: /ca
  mark 7: {rise: 2}
"""
    with pytest.raises(ConfigError) as refused:
        overlay(
            parse(CF, "cf", FakeNames()),
            read_tree(text, "y"),
            "y",
            lambda rules: faults[: 1 + bool(rules.authorities)],
        )
    said = [str(each) for each in refused.value.problems if "nothing" not in each.what]
    assert said == ["y:3: tls: certificate: no; mend", "y:7: tls: authorities: old; renew"]


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
KEYS = st.sampled_from(["defaults", "virtuals", "http", "tls", "rise", "status", "10.1.1.10:80", "x"])
TREES = st.recursive(
    SCALARS.map(lambda value: Item(value, 1)),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda found: Item(found, 1))
        | st.dictionaries(KEYS, inner, max_size=4).map(lambda found: Item(found, 1))
    ),
    max_leaves=12,
)


@given(TREES)
def test_any_tree_is_taken_or_refused(tree: Item) -> None:
    with suppress(ConfigError):
        assert len(overlay(parse(CF, "f", FakeNames()), tree, "g").virtuals) == 4


def test_settings_of_another_instance_cost_no_time() -> None:
    text = "virtuals:\n" + "".join(f"  10.9.{n // 200}.{n % 200}:80: {{rise: 2}}\n" for n in range(2000))
    started = time.process_time()
    config = settled(text)
    assert time.process_time() - started < 2.0
    assert len(config.warnings) == 2000
    assert "leave it, or remove it" in str(config.warnings[0])
