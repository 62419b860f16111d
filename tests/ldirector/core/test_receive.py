from __future__ import annotations

import hashlib
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ldirector.core.events import CheckSpec
from ldirector.core.model import HttpRules
from ldirector.core.receive import PatternError, compiled, judge_body, judge_http
from ldirector.core.verdict import Outcome, Reason


@pytest.mark.parametrize(
    ("pattern", "body", "found"),
    [
        ("", b"", True),
        ("ok", b"it is ok here", True),
        ("^ok", b"not\nok", False),
        ("ok$", b"ok\n", True),
        ("ok$", b"ok\nmore", False),
        ("a.b", b"a\nb", False),
        ("se[ck]ure", b"secure page", True),
        ("(?i)OK", b"ok", True),
        (r"^192\.0\.2\.", b"192.0.2.10", True),
        ("gr\u00fcn", "grün".encode(), True),
        (r"\d++x", b"123x", True),
    ],
)
def test_pattern_is_searched_in_the_bytes_of_the_whole_body(pattern: str, body: bytes, found: bool) -> None:
    assert (judge_body(pattern, body).outcome is Outcome.PASS) == found


def test_mismatch_shows_how_the_body_starts() -> None:
    verdict = judge_body("ok", b"x" * 100)
    assert verdict.reason is Reason.RECEIVE_MISMATCH
    assert verdict.detail == f"body starts {b'x' * 40!r}"
    assert judge_body("ok", b"").detail == "empty body"


def test_pattern_that_explodes_is_given_up() -> None:
    verdict = judge_body("^(a+)+(b+)+$", b"a" * 4000 + b"!", seconds=0.02)
    assert (verdict.reason, verdict.detail) == (Reason.PATTERN_TIMEOUT, "over 20 ms")


NESTED = [
    r"(a+)+$",
    r"^(a+)+(b+)+$",
    r"(a*)*b",
    r"(a|aa)+$",
    r"(a|a?)+$",
    r"((a+)+)+c",
    r"(x+x+)+y",
    r"(?:(?:a*)*)*z",
    r"^(([a-z])+.)+[A-Z]([a-z])+$",
    r"(\w+\s?)*$x",
    r"(\d+,?)+;",
    r"(\S+\s*)+:$",
    r"(.*a){20}b",
    r"(a?){50}a{50}",
    r"(?i)(ok|o|k)*!",
]
BODIES = [b"a" * 4000 + b"!", b"a" * 262_144, b"ab " * 87_381, b"1," * 131_072, b"x" * 262_144, b"ok" * 131_072]


@pytest.mark.parametrize("pattern", NESTED)
def test_nested_quantifiers_are_given_up_within_50_ms_whatever_the_body(pattern: str) -> None:
    """Processor time, the least of three, because other processes share the machine."""
    compiled(pattern)
    for body in BODIES:
        spent = []
        for _ in range(3):
            before = time.process_time()
            judge_body(pattern, body)
            spent.append(time.process_time() - before)
        assert min(spent) < 0.05, body[:3]


def test_pattern_of_alternatives_has_time_for_a_page_of_the_usual_limit() -> None:
    page = b"<div><p>Lorem ipsum dolor sit amet, consectetur 12345</p></div>\n" * 4000 + b"status: running\n"
    assert judge_body("(?i)(running|up|healthy)", page).outcome is Outcome.PASS


@pytest.mark.parametrize("pattern", ["(?:a(?!.*z))+b", "(?:a(?=a*z))+", "(?s)(?:.(?=.*z))+"])
def test_lookahead_over_the_longest_body_is_given_up_within_50_ms(pattern: str) -> None:
    body = b"a" * 262143 + b"!"
    compiled(pattern)
    spent = []
    for _ in range(3):
        before = time.process_time()
        assert judge_body(pattern, body).reason is Reason.PATTERN_TIMEOUT
        spent.append(time.process_time() - before)
    assert min(spent) < 0.05


def test_pattern_that_begins_with_a_class_takes_the_longest_body_once() -> None:
    """In the processor time of a search that cannot do with less; in turn, because other work slows both."""
    page = b"abcdefgh " * 29_126 + b"service OK"
    assert len(page) == 262144
    patterns: dict[str, list[float]] = {"[a-z]+ OK": [], r"\w+: ok|OK$": []}
    for _ in range(5):
        for pattern, spent in patterns.items():
            before = time.process_time()
            assert judge_body(pattern, page, seconds=5).outcome is Outcome.PASS
            spent.append(time.process_time() - before)
    once, alternatives = (min(spent) for spent in patterns.values())
    assert alternatives < 3 * once


@pytest.mark.parametrize("pattern", ["ok(", "[", "*a", "(?P<x>", "a{2,1}"])
def test_pattern_that_does_not_compile_is_an_error(pattern: str) -> None:
    with pytest.raises(PatternError):
        compiled(pattern)


@given(st.text())
def test_any_pattern_compiles_or_is_refused(pattern: str) -> None:
    try:
        compiled(pattern)
    except PatternError:
        return
    judge_body(pattern, b"some body\n")


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (200, b"all ok\n", Reason.OK),
        (204, b"ok", Reason.OK),
        (503, b"ok", Reason.WRONG_STATUS),
        (302, b"ok", Reason.WRONG_STATUS),
        (200, b"sorry", Reason.RECEIVE_MISMATCH),
    ],
)
def test_http_answer_needs_2xx_and_the_pattern(status: int, body: bytes, reason: Reason) -> None:
    verdict = judge_http(CheckSpec("negotiate", "192.168.2.1", 80, 5.0, service="http", receive="ok"), status, body)
    assert verdict.reason is reason
    assert (verdict.outcome is Outcome.PASS) == (reason is Reason.OK)


def test_good_answer_is_told_by_its_status() -> None:
    spec = CheckSpec("negotiate", "192.168.2.1", 80, 5.0, service="http")
    assert judge_http(spec, 200, b"").detail == "200 OK"
    assert judge_http(spec, 299, b"").detail == "299"


def test_accepted_statuses_and_the_digest_of_the_body_decide_where_they_are_given() -> None:
    rules = HttpRules(statuses=((301, 302),), digest=hashlib.sha256(b"ok").hexdigest())
    spec = CheckSpec("negotiate", "192.168.2.1", 80, 5.0, service="http", http=rules)
    assert judge_http(spec, 302, b"ok").outcome is Outcome.PASS
    assert judge_http(spec, 200, b"ok").reason is Reason.WRONG_STATUS
    assert judge_http(spec, 301, b"ok\n").reason is Reason.WRONG_DIGEST
