"""Whole files: the 155 odd ones judged by the original, the captured cases, files found in the wild, and any text."""

from __future__ import annotations

import re
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ldirector.config.errors import ConfigError, Severity
from ldirector.config.ldirectord_cf import DirectorConfig, parse
from tests.ldirector.world import VECTORS, FakeNames

CORPUS = Path(__file__).parents[4] / "shared" / "corpus"

ODD: list[dict[str, Any]] = yaml.safe_load((VECTORS / "bad_configs.yaml").read_text())

REFUSED_HERE = {
    "bad_virtual_addr": (1, "virtual=10.1.1.10 would be firewall mark 10: the port was forgotten (g-16)"),
    "virtual_fwm_0": (1, "the kernel cannot have mark 0"),
    "real_weight_70000": (2, "the original starts and the server is silently missing from the table"),
    "real_double_colon": (2, "the original checks and balances to host 0.0.0.80"),
    "receive_bad_regex": (3, "the original dies at its first check (g-4)"),
    "netmask_bad_v4": (4, "the original starts and the virtual is silently missing from the table"),
}
"""Accepted by the original, refused here: line and reason."""

ACCEPTED_HERE = {
    "logfile_unwritable": "a log that cannot be written must not keep the service from running; it is the daemon that "
    "opens it and complains",
    "monitorfile_unwritable": "nor must a monitorfile",
}
"""Refused by the original, accepted here."""


WARNED_ABOUT_LATER = {"maintenancedir_missing"}
"""The parser looks at no folder; the start does."""


def errors_of(text: str, names: Any = None, strict: bool = True) -> list[tuple[int, str]]:
    """Line and text of each error; empty when the file is accepted."""
    try:
        parse(text, "f", names or FakeNames(), strict)
    except ConfigError as error:
        return [(p.line, str(p)) for p in error.problems if p.severity is Severity.ERROR]
    return []


def test_all_odd_files_are_here() -> None:
    assert len(ODD) == 155
    assert {*REFUSED_HERE, *ACCEPTED_HERE} <= {odd["id"] for odd in ODD}


@pytest.mark.parametrize("odd", ODD, ids=lambda odd: odd["id"])
def test_odd_file_gets_the_verdict_and_line_of_the_original(odd: dict[str, Any]) -> None:
    errors = errors_of(odd["config"])
    if odd["id"] in REFUSED_HERE:
        assert odd["exit_code"] == 3
        assert [line for line, _ in errors] == [REFUSED_HERE[odd["id"]][0]]
    elif odd["id"] in ACCEPTED_HERE:
        assert odd["exit_code"] == 2
        assert errors == []
    elif odd["exit_code"] == 2:
        assert errors
        assert errors[0][0] == odd["line"], errors
    else:
        assert errors == []


@pytest.mark.parametrize("odd", ODD, ids=lambda odd: odd["id"])
def test_odd_file_is_accepted_without_strict_where_it_can_mean_one_thing_only(odd: dict[str, Any]) -> None:
    strictly, leniently = errors_of(odd["config"]), errors_of(odd["config"], strict=False)
    assert len(leniently) <= len(strictly)
    if strictly and not leniently:
        warnings = parse(odd["config"], "f", FakeNames()).warnings
        assert "ldirectord would not read it like this" in str(warnings)


@pytest.mark.parametrize(
    "odd",
    [odd for odd in ODD if odd["result"] == "warning" and odd["id"] not in WARNED_ABOUT_LATER],
    ids=lambda odd: odd["id"],
)
def test_file_the_original_warns_about_has_a_warning_here(odd: dict[str, Any]) -> None:
    warnings = parse(odd["config"], "f", FakeNames()).warnings
    assert warnings
    if "line" in odd:
        assert warnings[0].line == odd["line"]


@pytest.mark.parametrize("odd", ODD, ids=lambda odd: odd["id"])
def test_every_message_names_file_line_and_cure(odd: dict[str, Any]) -> None:
    for _, message in errors_of(odd["config"]):
        assert re.match(r"f:\d+: \S.*; \S", message)


CAPTURED = sorted(VECTORS.glob("*/ldirectord*.cf"))


@pytest.mark.parametrize("path", CAPTURED, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_captured_configuration_is_read(path: Path) -> None:
    errors = errors_of(path.read_text())
    assert [line for line, _ in errors] == ([6] if path.name == "ldirectord.bad.cf" else [])


VERDICTS: dict[str, dict[str, Any]] = yaml.safe_load((VECTORS / "corpus_verdicts.yaml").read_text())
from_the_wild = pytest.mark.skipif(not CORPUS.exists(), reason=f"no files from the wild at {CORPUS}")


def test_strict_refuses_what_the_original_refuses_and_begins_with_its_line() -> None:
    for name, verdict in VERDICTS.items():
        original = verdict["original"]
        assert original["exit_code"] == (2 if verdict["strict"] else 3), name
        assert verdict["strict"][:1] == ([original["line"]] if verdict["strict"] else []), name
        assert set(verdict["lenient"]) <= set(verdict["strict"]), name


@pytest.mark.corpus
@from_the_wild
def test_every_file_from_the_wild_has_its_verdict() -> None:
    assert {str(path.relative_to(CORPUS)) for path in CORPUS.glob("ldirectord/**/*.cf")} == set(VERDICTS)


@pytest.mark.corpus
@from_the_wild
@pytest.mark.parametrize("name", VERDICTS)
def test_file_from_the_wild_gets_the_recorded_verdict(name: str) -> None:
    text, verdict = (CORPUS / name).read_text(), VERDICTS[name]
    strictly, leniently = errors_of(text), errors_of(text, strict=False)
    assert [line for line, _ in strictly] == verdict["strict"]
    assert [line for line, _ in leniently] == verdict["lenient"]
    for line, message in strictly + leniently:
        assert re.match(rf"f:{line}: \S.*; \S", message)
    if not leniently:
        assert [warning.line for warning in parse(text, "f", FakeNames()).warnings] == verdict.get("warnings", [])


LENIENT = [
    ("netmask=255.255.255.0x", "netmask=255.255.255.0"),
    ("netmask=255.255.255.0 ", "netmask=255.255.255.0"),
    ('netmask="255.255.255.0"', "netmask=255.255.255.0"),
    ('real=192.168.2.2:80 masq 1 "a" , "b"', 'real=192.168.2.2:80 masq 1 "a", "b"'),
    ('real=192.168.2.2:80 masq 1 "a" ,"b"', 'real=192.168.2.2:80 masq 1 "a", "b"'),
    ("emailalertstatus=running stopping", "emailalertstatus=running, stopping"),
]


@pytest.mark.parametrize(("line", "straight"), LENIENT)
def test_line_that_only_ldirectord_refuses_is_taken_with_a_warning_that_shows_it_straight(
    line: str, straight: str
) -> None:
    text = "virtual=10.1.1.10:80\n\treal=192.168.2.1:80 masq\n\tpersistent=5\n\t{}\n"
    assert [number for number, _ in errors_of(text.format(line))] == [4]
    config, wanted = (parse(text.format(each), "f", FakeNames()) for each in (line, straight))
    assert config.virtuals == wanted.virtuals
    assert wanted.warnings == ()
    (warning,) = config.warnings
    assert (warning.line, warning.cure) == (4, f"write {straight}")


def test_remark_behind_a_bare_supervised_is_taken_but_not_by_strict() -> None:
    text = "supervised   # remark\nvirtual=10.1.1.10:80\n\treal=192.168.2.1:80 masq\n"
    assert parse(text, "f", FakeNames()).supervised
    assert [line for line, _ in errors_of(text)] == [1]


@pytest.mark.parametrize(("name", "cure"), [("timeout", "checktimeout= and"), ("connecttimeout", "negotiatetimeout=")])
def test_obsolete_directive_is_called_so_wherever_it_stands(name: str, cure: str) -> None:
    block = "virtual=10.1.1.10:80\n\treal=192.168.2.1:80 masq\n"
    for text, place in ((f"{name}=5\n{block}", 1), (f"{block}\t{name}=5\n", 3)):
        ((line, said),) = errors_of(text)
        assert line == place
        assert f"{name}= is no longer a directive; write {cure}" in said


# Meaning


def one(text: str) -> Any:
    """The only virtual of a file with these lines in its block."""
    lines = "".join(f"\t{line}\n" for line in text.splitlines())
    (virtual,) = parse(f"virtual=10.1.1.10:80\n\treal=192.168.2.1:80 masq\n{lines}", "f", FakeNames()).virtuals
    return virtual


def test_seed_configuration_means_what_its_author_wrote() -> None:
    config = parse((VECTORS / "01_seed004" / "ldirectord.cf").read_text(), "f", FakeNames())
    (virtual,) = config.virtuals
    assert (config.autoreload, config.logfile, config.warnings) == (True, "local0", ())
    assert (virtual.checktimeout, virtual.negotiatetimeout, virtual.checkinterval) == (10.0, 10.0, 5.0)
    assert (virtual.service, virtual.request, virtual.receive, virtual.quiescent) == ("http", "index.html", "ok", True)
    assert [real.key.address for real in virtual.reals] == ["192.168.2.236", "192.168.2.237", "192.168.2.238"]


def test_defaults_are_those_of_the_program_and_not_of_its_manual() -> None:
    virtual = one("")
    assert (virtual.quiescent, virtual.cleanstop, virtual.failurecount, virtual.readdquiescent) == (
        False,
        True,
        1,
        False,
    )
    assert (virtual.checktimeout, virtual.negotiatetimeout, virtual.checkinterval) == (5.0, 30.0, 10.0)
    assert (virtual.state.scheduler, virtual.service, virtual.request, virtual.httpmethod) == (
        "wrr",
        "http",
        "/",
        "GET",
    )


@pytest.mark.parametrize(
    ("globals_", "block", "wanted"),
    [
        ("", "", (5, 30)),
        ("checktimeout=3", "", (3, 3)),
        ("negotiatetimeout=4", "", (4, 4)),
        ("checktimeout=3\nnegotiatetimeout=4", "", (3, 4)),
        ("checktimeout=3\nnegotiatetimeout=4", "checktimeout=7", (7, 7)),
        ("checktimeout=3\nnegotiatetimeout=4", "negotiatetimeout=8", (8, 8)),
        ("checktimeout=3\nnegotiatetimeout=4", "checktimeout=7\n\tnegotiatetimeout=8", (7, 8)),
    ],
)
def test_one_timeout_alone_sets_both_and_the_block_wins(globals_: str, block: str, wanted: tuple[int, int]) -> None:
    text = f"{globals_}\nvirtual=10.1.1.10:80\n\treal=192.168.2.1:80 masq\n\t{block or 'ops=no'}\n"
    (virtual,) = parse(text, "f", FakeNames()).virtuals
    assert (virtual.checktimeout, virtual.negotiatetimeout) == wanted


def test_global_behind_a_block_applies_to_it_and_the_last_one_wins() -> None:
    text = "failurecount=2\nvirtual=10.1.1.10:80\n\treal=192.168.2.1:80 masq\nfailurecount=3\n"
    assert parse(text, "f", FakeNames()).virtuals[0].failurecount == 3


def test_own_interval_of_a_virtual_counts_with_fork_only() -> None:
    block = "virtual=10.1.1.10:80\n\treal=192.168.2.1:80 masq\n\tcheckinterval=3\n"
    assert parse("fork=yes\n" + block, "f", FakeNames()).virtuals[0].checkinterval == 3.0
    assert parse("checkinterval=7\n" + block, "f", FakeNames()).virtuals[0].checkinterval == 7.0


def test_port_53_is_udp_unless_said_otherwise() -> None:
    text = "virtual=10.1.1.10:{}\n\treal=192.168.2.1 masq\n\tchecktype=on\n"
    for port in ("53", "domain"):
        assert parse(text.format(port), "f", FakeNames()).virtuals[0].key.protocol == "udp"
    tcp = text.format("domain") + "\tprotocol=tcp\n"
    assert parse(tcp, "f", FakeNames()).virtuals[0].key.protocol == "tcp"


def test_every_problem_is_reported_in_one_go() -> None:
    text = "quiescent=maybe\nvirtual=10.1.1.10\n\treal=192.168.2.1:80\n\tservice=telnet\nnonsense=1\n"
    assert [line for line, _ in errors_of(text)] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        (f"autoreload=yes{' ' * 9000}#\n", 1, "the line has 9015 characters"),
        (f"virtual=10.1.1.10:80{' ' * 9000}\n\treal=192.168.2.1:80 masq\n", 1, "the line has 9020 characters"),
        (f"virtual=10.1.1.10:80\n\treal=192.168.2.1:80 masq\n\tcomment={'x' * 9000}\n", 3, "the line has 9008"),
        (
            'virtual=10.1.1.10:80\n\treal=192.168.2.1:80 masq\n\treceive="(?:(?:ok){500}){500}"\n',
            3,
            "receive: the pattern comes to more than 2000 characters",
        ),
        (
            'virtual=10.1.1.10:80\n\treal=192.168.2.1:80 masq "x", "(?:(?:(?:(?:ok){999}){999}){999}){999}"\n',
            2,
            "receive: the pattern comes to more than 2000 characters",
        ),
        (
            "virtual=10.1.1.10:80\n" + "\treal=10.0.0.0->10.0.15.255:80 masq\n" * 3,
            4,
            "0 are left after the ranges above",
        ),
    ],
)
def test_what_would_cost_the_daemon_its_time_or_memory_is_refused(text: str, line: int, words: str) -> None:
    ((number, message),) = errors_of(text, strict=False)
    assert number == line
    assert words in message


@pytest.mark.parametrize("piece", ["[a-z]", "a?", "x"])
def test_many_long_patterns_are_refused_and_cost_no_time(piece: str) -> None:
    long = piece * (7500 // len(piece) if len(piece) > 1 else 1900)
    block = 'virtual=10.1.{0}.{1}:80\n\treal=192.168.2.1:80 masq\n\tservice=http\n\treceive="{0} {1} {2}"\n\n'
    text = "".join(block.format(number // 100, number % 100 + 1, long) for number in range(300))
    started = time.process_time()
    refused = errors_of(text, strict=False)
    assert time.process_time() - started < 1.0  # 4 to 8 s when each was compiled
    assert {number % 5 for number, _ in refused} == {4}
    assert "receive: the patterns of more than 200 characters come to more than 16384 together" in refused[-1][1]


def test_many_short_patterns_and_one_long_one_for_many_servers_are_taken() -> None:
    block = (
        'virtual=10.1.{0}.{1}:80\n\treal=192.168.2.1:80 masq "/", "{2}"\n\tservice=http\n\treceive="site {0} {1}"\n\n'
    )
    text = "".join(block.format(number // 100, number % 100 + 1, "long " * 200) for number in range(300))
    assert errors_of(text) == []


def test_pattern_that_is_wrong_in_two_places_is_refused_in_both() -> None:
    text = 'virtual=10.1.1.10:80\n\treal=192.168.2.1:80 masq "/", "a)"\n\treal=192.168.2.2:80 masq "/", "a)"\n'
    assert [line for line, _ in errors_of(text)] == [2, 3]


def test_same_range_twice_is_one_warning() -> None:
    text = "virtual=10.1.1.10:80\n\tchecktype=on\n" + "\treal=10.0.0.1->10.0.3.232:80 masq\n" * 2
    (warning,) = parse(text, "f", FakeNames()).warnings
    assert warning.line == 4
    assert warning.what == "real: 10.0.0.1:80 and 999 more: in this virtual already, and the last line counts"


def test_blanks_before_a_remark_cost_no_time() -> None:
    text = f"autoreload=yes{' ' * 8000}x\n" * 20
    started = time.process_time()
    assert len(errors_of(text, strict=False)) == 20
    assert time.process_time() - started < 0.2  # 1.1 s when every blank was a new beginning


@given(st.text())
def test_any_text_gives_a_configuration_or_configerror(text: str) -> None:
    with suppress(ConfigError):
        assert isinstance(parse(text, "f", FakeNames()), DirectorConfig)


PIECES = st.sampled_from([line for odd in ODD for line in odd["config"].split("\n")])


@given(st.lists(st.one_of(PIECES, st.text(alphabet='\t =:"#a1.[]->\r', max_size=20)), max_size=12))
def test_any_mixture_of_lines_gives_a_configuration_or_configerror(lines: list[str]) -> None:
    try:
        parse("\n".join(lines), "f", FakeNames())
    except ConfigError as error:
        for problem in error.problems:
            assert 0 <= problem.line <= len(lines)
