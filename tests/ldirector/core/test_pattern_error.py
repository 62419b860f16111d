"""A refused pattern: the construct by its name, and what to write instead. What is written instead is taken."""

from __future__ import annotations

import pytest

from ldirector.core.pattern_error import LITERALLY, PatternError
from ldirector.core.receive import compiled


def refusal(pattern: str) -> tuple[str, str]:
    with pytest.raises(PatternError) as refused:
        compiled(pattern)
    return str(refused.value), refused.value.cure


@pytest.mark.parametrize(
    ("pattern", "what", "cure"),
    [
        ("x(?R)?", "(?R) at position 1 is recursion", "write the repeated part out"),
        ("(a(?1)?)", "(?1) at position 2 is recursion", "write the repeated part out"),
        ("(?&name)", "(?&name) at position 0 is recursion", "write the repeated part out"),
        ("(?(DEFINE)a)", "(?(DEFINE) at position 0 is a condition on recursion", "write the repeated part out"),
        ("(?(?=a)b|c)", "(?(? at position 0 is a condition on what follows", "write both cases as alternatives"),
        ("ok(?{ 1 })", "(?{ at position 2 is Perl code", "checktype=external"),
        ("(??{ 1 })", "(??{ at position 0 is Perl code", "checktype=external"),
        ("(?n)a", "(?n) at position 0 is the flag n", "write (?:...) where nothing is captured"),
        ("(?u)a", "(?u) at position 0 is a flag for another character set", "leave it out: patterns are made of bytes"),
        ("(?e)ok", "(?e) at position 0 is no group of Perl", r"write \(\? for the characters"),
        ("(*COMMIT)a", "(*COMMIT) at position 0 is a control verb", "leave it out"),
        ("(*pla:a)", "(*pla: at position 0 is an assertion by name", "write (?=...)"),
        ("(?<1a>b)", "(?<1 at position 0 is a group whose name is none", "write (?<name>...)"),
        ("[[:foo:]]", "[:foo:] at position 1 is a class that is not known", "write one such as [:alpha:]"),
        (r"\N{DIGIT ONE}", r"\N{DIGIT ONE} at position 0 is a character by its name", r"\x{e9}"),
        (r"\b{wb}", r"\b{wb} at position 0 is a boundary of a certain kind", r"write \b"),
        (r"\C", r"\C at position 0 is a single byte", "write (?s:.)"),
        (r"\p{}", r"\p{} at position 0 is no property", r"\p{Alpha}"),
        (r"\x{20ac}", r"\x{20ac} at position 0 is more than a byte", r"write \xe2\x82\xac, its bytes in UTF-8"),
        (r"\x{d800}", r"\x{d800} at position 0 is more than a byte", "write the bytes of the character"),
        (r"[\R]", r"\R at position 1 is no character, and stands in [ ]", "write the characters themselves"),
        (r"[\k<a>]", r"\k<a> at position 1 is a reference to a group, and stands in [ ]", "write the characters"),
        ("[a", "[ without ] at position 0", r"write \[ for the character"),
        ("a)", ") without ( at position 1", r"write \) for the character"),
        ("ok\\", "\\ at the end, position 2", "write \\\\ for the character"),
        ("(?x)ok # x", "# at position 7 stands after (?x)", "write a comment as (?#...), the character as [#]"),
        ("ok(", "missing ) at position 3", r"write \( for the character"),
        ("*a", "nothing to repeat at position 0", r"write \* \+ or \? for the characters"),
        ("a**", "multiple repeat at position 2", "put the part with the first repetition into (?:...)"),
        ("a{3,1}", "min repeat greater than max repeat at position 2", "write the smaller number first"),
        ("(a)[z-b]", "bad character range", r"write the smaller character first, or \- for the character"),
        (r"(a)\2", "invalid group reference", "refer to a group that is there"),
    ],
)
def test_construct_is_called_by_its_name_with_what_to_write_instead(pattern: str, what: str, cure: str) -> None:
    said, offered = refusal(pattern)
    assert said.startswith(what)
    assert cure in offered
    assert offered != LITERALLY


@pytest.mark.parametrize(
    ("pattern", "body"),
    [
        ("(?:(?=a)ab|(?!a)c)", b"c"),
        ("(?s:.)", b"\n"),
        ("[[:alpha:][:digit:][:space:]]", b"a"),
        (r"\xe2\x82\xac", "€".encode()),
        (r"\x{e9}\x03\o{101}\x41", b"\xe9\x03AA"),
        (r"\p{Alpha}", b"a"),
        (r"(?<name>a)\k<name>\1\g{1}", b"aaaa"),
        (r"(?>a)(?<=a)(?<!b)(?#a comment)[#]\(\*\+\?\[\)\\", b"a#(*+?[)\\"),
        (r"(?:a*)*", b""),
    ],
)
def test_what_is_offered_instead_is_taken(pattern: str, body: bytes) -> None:
    assert compiled(pattern).search(body)
