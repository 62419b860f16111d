from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ldirector.core.receive import PatternError, compiled, judge_body
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
    assert verdict.reason is Reason.PATTERN_TIMEOUT


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
