"""The measure of a pattern: what it says of sane ones, and that nothing gets by it that the library cannot take."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ldirector.config.pattern_size import LARGEST, elements


@pytest.mark.parametrize(
    ("pattern", "count"),
    [
        ("", 0),
        ("^ok$", 4),
        (r"\d{3}\.\d{3}", 7),
        ("[0-9a-f]{64}", 64),
        ("[]a(]{3}", 3),
        ("a{2,}b{0,9}", 3),
        ("(a{3}b){4}", 20),
        ("(?:(?:x){100}){100}", 40300),
        ("a{2}{3}", 6),
        ("a{x}", 4),
        ("a{ 3 }", 3),
        (r"\o{101}", 3),
    ],
)
def test_braces_are_written_out(pattern: str, count: int) -> None:
    assert elements(pattern) == count


@pytest.mark.parametrize(
    "pattern",
    [
        "(?:" * 9 + "a" + "){1000}" * 9,
        "a{999999999999}",
        "(" * 5000,
        "a" * 5000,
        "(?#[)(a{1000}){1000}(?#])",
        r"\c[(a{1000}){1000}]",
        "(?:a{ 1000 }){ 1000 }",
    ],
)
def test_pattern_that_takes_all_memory_is_too_large(pattern: str) -> None:
    assert elements(pattern) > LARGEST


@pytest.mark.parametrize("piece", ["[", "{1}", "(", "\\", "[^]", "{"])
def test_measuring_takes_time_in_proportion_to_the_length(piece: str) -> None:
    """Squares would make it 256 times as long."""
    short, long = (min(seconds_for(piece * count) for _ in range(5)) for count in (1000, 16_000))
    assert long < 64 * short


def seconds_for(pattern: str) -> float:
    started = time.thread_time()
    elements(pattern)
    return time.thread_time() - started


@given(st.text(alphabet="a(){}[]\\|*+?,019^", max_size=60))
def test_any_text_has_a_measure(pattern: str) -> None:
    assert elements(pattern) >= 0
