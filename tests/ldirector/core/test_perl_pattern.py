"""What Perl 5.36 says of a pattern and a body, and that no text gets to the library as anything else."""

from __future__ import annotations

import pytest
import regex
from hypothesis import example, given
from hypothesis import strategies as st

from ldirector.core.pattern_error import PatternError
from ldirector.core.perl_pattern import translated
from ldirector.core.receive import compiled


@pytest.mark.parametrize(
    ("pattern", "body", "found"),
    [
        ("ok{e}", b"totally wrong", False),
        ("ok{e}", b"it is ok{e}", True),
        ("a+{e<2}", b"b", False),
        ("(?:ok){i<=1}", b"o k", False),
        ("[\\]{e}]b", b"xx", False),
        ("(?#[)ok{e}(?#])", b"xx", False),
        ('{"status":"up"}', b'{"status":"up"}', True),
        ("{2}", b"{2}", True),
        ("^a{ 1, 2 }$", b"aa", True),
        ("^a{,2}$", b"aaa", False),
        (r"OK\Z", b"OK\n", True),
        (r"OK\Z", b"OK\nx", False),
        (r"OK\z", b"OK\n", False),
        (r"^\v$", b"\x0b", True),
        (r"^\v$", b"v", False),
        (r"^[\v\h]$", b"\x85", True),
        (r"^[\h]$", b"h", False),
        (r"^\H$", b"\xa0", False),
        (r"^\N{2}$", b"NN", True),
        (r"^a\Nb", b"a\nb", False),
        (r"^(a|b)\g1$", b"bb", True),
        (r"^(a|b)\g{1}1$", b"bb1", True),
        (r"^(a)(b)\g{-2}$", b"aba", True),
        (r"^(?<n>a|b)\k<n>$", b"bb", True),
        (r"^(?'n'a|b)\k{n}$", b"ba", False),
        (r"^\x{41}\o{101}\101\x41$", b"AAAA", True),
        (r"^\e\cA\c[$", b"\x1b\x01\x1b", True),
        (r"^[\x{41}][\e][\cA][\o{101}]$", b"A\x1b\x01A", True),
        (r"^[\18]+$", b"\x018", True),
        ("^[[a]$", b"[", True),
        ("^[[:alpha:]]$", b"a", True),
        ("^[[:alpha:]]$", b":", False),
        ("(?i)^[[:upper:]]$", b"a", True),
        (r"^[\w-.]+$", b"a-.", True),
        ("^[a&&b]+$", b"&", True),
        (r"^\L<n>$", b"L<n>", True),
        (r"\Qa\E", b"QaE", True),
        ("a(?i)b", b"AB", False),
        ("a(?i)b|c", b"C", True),
        ("(?:a(?i)b)c", b"aBC", False),
        ("(?i)(?^:a)", b"A", False),
    ],
)
def test_pattern_matches_as_in_perl(pattern: str, body: bytes, found: bool) -> None:
    assert bool(compiled(pattern).search(body)) == found


@pytest.mark.parametrize(
    "pattern",
    [
        "(?e)ok",
        "(?b)ok",
        "(?p",
        "(?r)ok",
        "(?V1)ok",
        "(?R)?a",
        "(?{ 1 })",
        r"\x{100}",
        r"\N{DIGIT ONE}",
        r"\b{wb}",
        r"\C",
        r"\g",
        r"\k",
        r"\p{}",
        "[a",
        "a)",
        "(?i)a)(?:b",
        "[[:foo:]]",
        "(?x)ok # [",
        r"[\N]",
        "ok\\",
    ],
)
def test_what_is_not_perl_or_cannot_be_matched_is_refused(pattern: str) -> None:
    with pytest.raises(PatternError):
        compiled(pattern)


def test_refusal_names_the_place() -> None:
    with pytest.raises(PatternError, match=r"^\(\?e\) at position 2 is no group of Perl$"):
        translated("ok(?e)")


PIECES = [
    "\\",
    "{",
    "}",
    "[",
    "]",
    "(",
    ")",
    "(?",
    "(?i)",
    "(?#",
    "[:alpha:]",
    "^",
    "|",
    "{e}",
    "{2}",
    "\\x{",
    "\\N",
    "\\c",
]


@example("ok{e}")
@example("(?b)some")
@given(st.text() | st.lists(st.sampled_from(PIECES) | st.characters(max_codepoint=126)).map("".join))
def test_any_text_compiles_without_fuzziness_or_is_refused(pattern: str) -> None:
    try:
        pieces = compiled(pattern)
    except PatternError:
        return
    found = pieces.search(b"some body\n", timeout=1)
    assert found is None or found.fuzzy_counts == (0, 0, 0)
    assert pieces.flags & (regex.BESTMATCH | regex.ENHANCEMATCH | regex.POSIX | regex.REVERSE | regex.VERSION1) == 0
