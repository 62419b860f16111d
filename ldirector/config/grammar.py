"""ldirectord.cf text -> lines and blocks, each with its line number (reference section a, "Lines").

There are two contexts. A line at column 0 is a *global* directive; `virtual=` or `virtual6=` opens a *block*, and
the lines after it belong to the block as long as they are indented by four blanks, a tab counting as four. Any other
line, also an empty one, ends the block and is read again as a global line. Comments differ between the two: inside
a block everything from `#` on is cut, even inside quotes; a global line keeps it.

White space is the ASCII kind only: a byte order mark or a no-break space is part of the text, and so is the carriage
return of a DOS file.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_COMMENT = re.compile(r"\s*#", re.ASCII)
_BLANK = re.compile(r"\s*\Z", re.ASCII)
_OPENER = re.compile(r"virtual6?\s*=", re.ASCII)
_INDENTED = re.compile(r" {4,}(.+)", re.DOTALL)
_SETTING = re.compile(r"([A-Za-z0-9_-]+)\s*=\s*(.*)\Z", re.ASCII | re.DOTALL)


LONGEST_LINE = 8192
"""Characters. A longer line is no configuration, and what is read of it would not go into a message."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line that says something; number counts from 1."""

    number: int
    text: str

    def setting(self) -> tuple[str, str] | None:
        """The directive's name and the raw value after `=`, or None when the line has no such shape."""
        match = _SETTING.match(self.text)
        return (match[1], match[2]) if match else None


@dataclass(frozen=True, slots=True)
class Block:
    """A virtual with its lines.

    end: number of the line that ended the block, or of the file's last line. has_body: False when the opening line
    is the very last one of the file.
    """

    opener: Line
    body: tuple[Line, ...]
    end: int
    has_body: bool


def read(text: str) -> list[Line | Block]:
    """Global lines and blocks in the order of the file; empty lines and comments are gone."""
    lines = text.split("\n")
    if lines[-1] == "":
        lines.pop()
    items: list[Line | Block] = []
    index = 0
    while index < len(lines):
        line = Line(index + 1, lines[index])
        index += 1
        if _OPENER.match(line.text):
            body, after = _read_body(lines, index)
            end = min(after + 1, len(lines))
            items.append(Block(line, body, end, has_body=index < len(lines)))
            index = after
        elif not (_BLANK.match(line.text) or _COMMENT.match(line.text)):
            items.append(line)
    return items


def _read_body(lines: list[str], index: int) -> tuple[tuple[Line, ...], int]:
    """The lines of the block that starts at lines[index], and the index of the line that ended it."""
    body = []
    while index < len(lines):
        if not _COMMENT.match(lines[index]):
            text = lines[index].split("#", 1)[0].replace("\t", "    ")
            indented = _INDENTED.match(text)
            if not indented:
                break
            body.append(Line(index + 1, indented[1]))
        index += 1
    return tuple(body), index
