r"""A Perl regular expression in the words of the `regex` library.

The two differ where it hurts: `ok{e}` is five literal characters in Perl and "anything similar to ok" in the library,
which would take a sick server for a good one. So a pattern is read once from left to right. What both
understand alike stays, what is written differently is rewritten, and what is left of either language is refused.
The bytes and escapes are those of perlre and perlrecharclass (Perl 5.36), for a pattern that comes from a variable.

Refused although Perl has them: recursion as (?R), for which the library takes all memory; (?n), (?u), (?l); names of
characters; comments behind # (a pattern is one line); \b{..}. \p{L} knows the letters of ASCII only.
"""

from __future__ import annotations

import re
from functools import lru_cache

from ldirector.core.pattern_error import PatternError, more_than_a_byte, unsupported

_QUANTIFIER = re.compile(r"\{[ \t]*([0-9]+)?[ \t]*(?:(,)[ \t]*([0-9]+)?[ \t]*)?\}")
_ESCAPE = re.compile(
    r"\\(?:x\{[ \t]*(?P<hex>[0-9A-Fa-f]+)[ \t]*\}|x(?P<hh>[0-9A-Fa-f]{0,2})(?!\{)|o\{[ \t]*(?P<oct>[0-7]+)[ \t]*\}"
    r"|(?P<zero>0[0-7]{0,2})|N\{U\+(?P<u>[0-9A-Fa-f]+)\}|c(?P<control>[?-_a-z])|(?P<digits>[1-9][0-9]*)"
    r"|g(?:\{[ \t]*(?P<group>-?[0-9]+|[A-Za-z_]\w*)[ \t]*\}|(?P<bare>-?[0-9]+))"
    r"|k(?:<(?P<k1>[A-Za-z_]\w*)>|'(?P<k2>[A-Za-z_]\w*)'|\{[ \t]*(?P<k3>[A-Za-z_]\w*)[ \t]*\})"
    r"|(?P<property>[pP](?:[A-Za-z]|\{[\^A-Za-z_0-9 =:]+\}))|(?P<one>.))",
    re.DOTALL | re.ASCII,
)
_GROUP = re.compile(
    r"\((?:\?(?:(?P<plain>:|=|!|<=|<!|>|\||\((?:[0-9]+|<[A-Za-z_]\w*>)\))|(?P<comment>\#[^)]*\))|P=(?P<back>[A-Za-z_]\w*)\)"
    r"|(?:P?<(?P<name>[A-Za-z_]\w*)>|'(?P<quoted>[A-Za-z_]\w*)')"
    r"|(?P<reset>\^)?(?P<on>[imsxadp]*)(?:-(?P<off>[imsx]*))?(?P<end>[:)]))|(?P<verb>\*(?:PRUNE|SKIP|FAIL|F)\))|(?![?*]))",
    re.ASCII,
)
_POSIX = re.compile(r"\[:\^?(?:alpha|digit|alnum|lower|upper|punct|space|blank|cntrl|graph|print|word|xdigit|ascii):\]")
_NO_POSIX = re.compile(r"\[([:.=])\^?\w*\1\]")
_CLASS = re.compile(r"\[(\^?)(\]?)")
_SETS = {"v": r"\n-\r\x85", "V": r"\x00-\t\x0e-\x84\x86-\xff", "h": r"\t \xa0", "H": r"\x00-\x08\n-\x1f!-\x9f\xa1-\xff"}
_SETS |= {letter: "\\" + letter for letter in "dDwWsS"}
_OUTSIDE = {"Z": r"(?=\n?\Z)", "z": r"\Z", "N": r"[^\n]", "R": r"(?>\r\n|[\n-\r\x85])", "X": r"(?>\r\n|[\x00-\xff])"}
_OUTSIDE |= {letter: "\\" + letter for letter in "bBAGK"}
_CHARACTERS = {"a": r"\x07", "e": r"\x1b", "t": r"\t", "n": r"\n", "r": r"\r", "f": r"\f"}


@lru_cache(maxsize=16)  # it is measured, then compiled
def translated(pattern: str) -> str:
    """What the library must be given to match as Perl matches `pattern`. Raises PatternError for what it cannot."""
    return _Translation(pattern).whole()


class _Translation:
    def __init__(self, pattern: str) -> None:
        self._text = pattern
        self._at = 0
        self._groups = 0
        self._begins = True  # nothing stands here that a quantifier could repeat
        self._comments = False  # (?x) was seen
        self._flags: list[list[str]] = [[]]  # of each open group: the (?i: written for the (?i) in it

    def whole(self) -> str:
        written = []
        while self._at < len(self._text):
            written.append(self._next())
        return "".join(written) + ")" * len(self._flags[0])

    def _next(self) -> str:
        character = self._text[self._at]
        begins, self._begins = self._begins, character in "(|"
        if character == "\\":
            return self._escape(inside=False)
        if character == "[":
            return self._class()
        if character == "(":
            return self._group()
        if (
            character == "{"
            and not begins
            and (match := _QUANTIFIER.match(self._text, self._at))
            and (match[1] or match[3])
        ):
            self._at = match.end()
            return "{" + (match[1] or "0") + (match[2] or "") + (match[3] or "") + "}"
        if character == "#" and self._comments:
            what = f"# at position {self._at} stands after (?x)"
            raise PatternError(what, "write a comment as (?#...), the character as [#]")
        if character == ")" and len(self._flags) == 1:
            raise PatternError(f") without ( at position {self._at}", r"add the (, or write \) for the character")
        self._at += 1
        if character == "|":  # an (?i) holds in the alternatives after it, too
            return ")" * len(self._flags[-1]) + "|" + "".join(self._flags[-1])
        if character == ")":
            return ")" * len(self._flags.pop()) + ")"
        return r"\{" if character == "{" else character

    def _group(self) -> str:
        match = _GROUP.match(self._text, self._at)
        if not match:
            raise unsupported(self._text, self._at, in_class=False)
        self._at = match.end()
        if match["comment"]:
            return "(?:)" if self._text[self._at : self._at + 1] not in ("*", "+", "?", "{") else ""
        if match["back"] or match["verb"]:
            return match[0]
        if match["end"]:
            return self._flag_group(match)
        self._flags.append([])
        if match["plain"]:
            return match[0]
        self._groups += 1
        name = match["name"] or match["quoted"]
        return f"(?P<{name}>" if name else "("

    def _flag_group(self, match: re.Match[str]) -> str:
        on = "".join(flag for flag in "imsx" if flag in match["on"])  # a, d and p change nothing for bytes
        off = {flag for flag in "imsx" if flag in (match["off"] or "") or (match["reset"] and flag not in on)}
        on = "".join(flag for flag in on if flag not in off)
        self._comments |= "x" in on
        opened = f"(?{on}{'-' if off else ''}{''.join(sorted(off))}:"
        if match["end"] == ":":
            self._flags.append([])
        else:
            self._flags[-1].append(opened)
        return opened

    def _class(self) -> str:
        start = self._at
        match = _CLASS.match(self._text, start)
        assert match
        self._at = match.end()
        written = ["[", match[1], r"\]" if match[2] else ""]
        after_set = False
        while (character := self._text[self._at : self._at + 1]) != "]":
            if not character:
                raise PatternError(f"[ without ] at position {start}", r"add the ], or write \[ for the character")
            posix = _POSIX.match(self._text, self._at)
            before, is_set = self._at, bool(posix) or self._text[self._at + 1 : self._at + 2] in ("p", "P", *_SETS)
            if posix:
                self._at = posix.end()
                written.append(
                    {"[:upper:]": "A-Z", "[:lower:]": "a-z"}.get(posix[0], posix[0])
                )  # heeds (?i), as in Perl
            elif _NO_POSIX.match(self._text, self._at):
                raise unsupported(self._text, self._at, in_class=True)
            elif character == "\\":
                written.append(self._escape(inside=True))
            else:
                self._at += 1
                literal = character in "[{&|~" or (character == "-" and (after_set or self._set_follows()))
                written.append("\\" + character if literal else character)
            after_set = is_set and (bool(posix) or self._text[before] == "\\")
        self._at += 1
        return "".join(written) + "]"

    def _set_follows(self) -> bool:
        here = self._text[self._at : self._at + 2]
        return (here[:1] == "\\" and here[1:] in ("p", "P", *_SETS)) or bool(_POSIX.match(self._text, self._at))

    def _escape(self, inside: bool) -> str:
        match = _ESCAPE.match(self._text, self._at)
        if not match:
            raise PatternError(f"\\ at the end, position {self._at}", r"write \\ for the character")
        if (code := _code(match, inside, self._groups)) is not None:
            if code > 0xFF:
                raise more_than_a_byte(match[0], self._at, code)
            self._at = match.end()
            return f"\\x{code:02x}"
        if inside and match["digits"]:
            octal = re.match("[0-7]{0,3}", match["digits"])
            length = len(octal[0]) if octal else 0
            self._at += 1 + (length or 1)
            return f"\\x{int(match['digits'][:length], 8) & 0xFF:02x}" if length else match["digits"][0]
        reference = match["k1"] or match["k2"] or match["k3"] or match["group"] or match["bare"] or match["digits"]
        one = match["one"]
        following = self._text[match.end() : match.end() + 1]
        quantified = _QUANTIFIER.match(self._text, match.end())
        refused = (reference and inside) or (one and one in "CcgkopPx") or (inside and one and one in "NRXBAGKZz")
        if refused or (one and one in "bBN" and following == "{" and not quantified and not inside):
            raise unsupported(self._text, self._at, inside)
        self._at = match.end()
        if reference:
            number = self._groups + 1 + int(reference) if reference[0] == "-" else reference
            return f"(?P={number})" if reference[0].isalpha() or reference[0] == "_" else f"(?:\\g<{number}>)"
        if match["property"]:
            return match[0]
        if one in _SETS:
            return _SETS[one] if inside or one in "dDwWsS" else f"[{_SETS[one]}]"
        if inside and one == "b":
            return r"\x08"
        if one in _CHARACTERS or (one in _OUTSIDE and not inside):
            return (_CHARACTERS | _OUTSIDE)[one]
        return one if one.isalnum() or not one.isascii() else "\\" + one  # Perl passes an unknown \j through as j


def _code(match: re.Match[str], inside: bool, groups: int) -> int | None:
    """The character an escape names by number, None for any other; \\10 is a group where there are ten, else octal."""
    if (digits := match["hex"] or match["u"]) or (digits := match["hh"]) is not None:
        return int(digits[-9:] or "0", 16) if not digits.strip("0")[9:] else 0x100
    if match["oct"] or match["zero"]:
        return int((match["oct"] or match["zero"])[:400], 8)
    if match["control"]:
        return ord(match["control"].upper()) ^ 0x40
    octal = re.match("[0-7]{1,3}", match["digits"] or "")
    if octal and not inside and octal[0] == match["digits"] and len(octal[0]) > 1 and int(octal[0]) > groups:
        return int(octal[0], 8)
    return None
