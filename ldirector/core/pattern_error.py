r"""A `receive` pattern that cannot be taken: what stands in it, and what to write instead.

Perl has constructs for which nothing in the `regex` library stands. Whoever meets one has a file that worked for years,
so each is called by its name, with what does the same.
"""

from __future__ import annotations

import re

LITERALLY = "put a backslash in front of special characters that are meant literally"
_THEMSELVES = "write the characters themselves"
_WRITTEN_OUT = "write the repeated part out, as often as it can occur"


class PatternError(ValueError):
    """The pattern does not compile; str() says why and where. cure: what to write instead."""

    def __init__(self, what: str, cure: str = LITERALLY) -> None:
        super().__init__(what)
        self.cure = cure


_Construct = tuple[str, str, str]  # what it looks like, its name, the cure

_GROUPS: tuple[_Construct, ...] = (
    (r"\(\?(?:R|[+-]?\d+|&\w*|P>\w*)\)?", "recursion", _WRITTEN_OUT),
    (r"\(\?\((?:R\d*|R&\w*|DEFINE)\)", "a condition on recursion", _WRITTEN_OUT),
    (r"\(\?\(\?", "a condition on what follows", "write both cases as alternatives: (?:(?=a)b|(?!a)c)"),
    (r"\(\?\??\{", "Perl code", "leave it out, or judge the answer in a script with checktype=external"),
    (r"\(\?[\^a-z-]*n[a-z]*[:)]?", "the flag n", "leave it out, and write (?:...) where nothing is captured"),
    (r"\(\?[\^a-z-]*[lu][a-z]*[:)]?", "a flag for another character set", "leave it out: patterns are made of bytes"),
    (r"\(\?P?<[^=!]|\(\?'", "a group whose name is none", "write (?<name>...) with letters, digits and _"),
    (
        r"\(\*[a-z_]+:",
        "an assertion by name",
        "write (?=...), (?!...), (?<=...), (?<!...) or (?>...)",
    ),
    (r"\(\*[A-Z]*(?::\w*)?\)?", "a control verb", "leave it out"),
    (r"\(\?[^)\s]{0,3}\)?", "no group of Perl", "leave it out, or write \\(\\? for the characters"),
    (r"\[([:.=])\^?\w*\1\]", "a class that is not known", "write one such as [:alpha:], [:digit:] or [:space:]"),
)
_ESCAPES: tuple[_Construct, ...] = (
    (r"\\N\{[^}]*\}?", "a character by its name", r"write the character, or its code as in \x{e9}"),
    (r"\\[bB]\{[^}]*\}?", "a boundary of a certain kind", r"write \b"),
    (r"\\C", "a single byte", "write (?s:.), which is one byte here"),
    (r"\\c", "no control character", r"write its code as in \x03"),
    (r"\\g", "no reference to a group", r"write \1 or \g{1}"),
    (r"\\k", "no reference to a group", r"write \k<name>"),
    (r"\\o", "no octal code", r"write it as in \o{101}"),
    (r"\\x", "no hex code", r"write it as in \x41"),
    (r"\\[pP](?:\{[^}]*\}?)?", "no property", r"write one such as \p{Alpha}, or a class such as [A-Za-z]"),
)
_IN_CLASSES: tuple[_Construct, ...] = (
    (r"\\[NRXBAGKZz]", "no character, and stands in [ ]", _THEMSELVES),
    (r"\\(?:[gk](?:\{[^}]*\}|<\w*>|'\w*')?|\d+)", "a reference to a group, and stands in [ ]", _THEMSELVES),
)

_LIBRARY = (
    ("missing )", r"add the ), or write \( for the character"),
    ("nothing to repeat", r"write \* \+ or \? for the characters"),
    (
        "multiple repeat",
        r"put the part with the first repetition into (?:...), or write \* \+ or \? for the characters",
    ),
    ("min repeat greater", "write the smaller number first"),
    ("bad character range", r"write the smaller character first, or \- for the character"),
    ("unknown property", r"write one such as \p{Alpha}, or a class such as [A-Za-z]"),
    ("group", "refer to a group that is there, and ends before"),
)
"""Words of the library's messages, and the cures."""


def unsupported(text: str, at: int, in_class: bool) -> PatternError:
    """What stands at this place is none of what both languages have."""
    for look, name, cure in (*(_IN_CLASSES if in_class else ()), *_GROUPS, *_ESCAPES):
        if match := re.compile(look, re.ASCII).match(text, at):
            return PatternError(f"{_shown(match[0])} at position {at} is {name}", cure)
    return PatternError(f"{_shown(text[at : at + 4])} at position {at} is not supported")


def more_than_a_byte(written: str, at: int, code: int) -> PatternError:
    """Patterns are matched against bytes."""
    cure = "write the bytes of the character"
    if code <= 0x10FFFF and not 0xD800 <= code <= 0xDFFF:
        encoded = "".join(f"\\x{byte:02x}" for byte in chr(code).encode())
        cure = f"write {encoded}, its bytes in UTF-8"
    return PatternError(f"{_shown(written)} at position {at} is more than a byte", cure)


def from_library(error: Exception, rewritten: bool) -> PatternError:
    """What the regex library says of a pattern. rewritten: its positions are not those of what the file says."""
    said = str(error)
    if rewritten:
        said = said.partition(" at position ")[0]
    return PatternError(said, next((cure for words, cure in _LIBRARY if words in said), LITERALLY))


def _shown(text: str) -> str:
    return text if len(text) <= 24 else text[:21] + "..."
