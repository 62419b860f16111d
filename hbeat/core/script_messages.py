"""Messages that scripts write to the FIFO, in the classic form (reference sections 1.4 and 11.1).

    >>>
    t=ask_resources
    rsc_hold=all
    info=me
    <<<

A writer may die in the middle, write nonsense or write without end; two may write at once. Whatever comes is either a
whole message or one problem, what is kept is bounded, and the next `>>>` begins afresh.
"""

from __future__ import annotations

import re

MESSAGE_LIMIT = 16 * 1024
MAX_FIELDS = 128

_FIELD = re.compile(rb"(\(\d\))?([A-Za-z_][\w.-]{0,63})=(.*)", re.DOTALL)

Fields = tuple[tuple[str, str], ...]


class ScriptMessages:
    """Takes the bytes as they come."""

    def __init__(self) -> None:
        self._rest = b""
        self._fields: list[tuple[str, str]] | None = None  # of the message under way
        self._size = 0
        self._skipping = False

    def feed(self, data: bytes) -> list[Fields | str]:
        """The messages that are complete now, `t` among their fields, and in between what was wrong, in words."""
        found: list[Fields | str] = []
        *lines, self._rest = (self._rest + data.replace(b"\0", b"")).split(b"\n")
        for line in lines:
            self._line(line, found)
        if len(self._rest) > MESSAGE_LIMIT:
            self._rest = b""
            self._spoil("a line has no end", found)
        return found

    def _line(self, line: bytes, found: list[Fields | str]) -> None:
        if line == b">>>":
            if self._fields is not None:
                found.append("a message was not finished")
            self._fields, self._size, self._skipping = [], 0, False
        elif self._skipping:
            self._skipping = line != b"<<<"
        elif self._fields is None:
            if line.strip():
                self._spoil("text outside of >>> and <<<", found)
        elif line == b"<<<":
            fields, self._fields = tuple(self._fields), None
            types = [value for name, value in fields if name == "t"]
            problem = "a message has two fields t" if len(types) > 1 else "a message has no field t"
            found.append(fields if len(types) == 1 and types[0] else problem)
        else:
            self._field(line, self._fields, found)

    def _field(self, line: bytes, fields: list[tuple[str, str]], found: list[Fields | str]) -> None:
        match = _FIELD.fullmatch(line)
        self._size += len(line)
        if match is None:
            self._spoil("a line is not NAME=VALUE", found)
        elif self._size > MESSAGE_LIMIT or len(fields) >= MAX_FIELDS:
            self._spoil(f"a message has more than {MESSAGE_LIMIT} bytes or {MAX_FIELDS} fields", found)
        elif match[1] in (None, b"(0)"):  # the others are not for scripts to say: uuids and nested messages
            fields.append((match[2].decode(), match[3].decode("utf-8", "replace")))

    def _spoil(self, problem: str, found: list[Fields | str]) -> None:
        """What is under way is dropped, up to its end or to the next beginning."""
        found.append(problem)
        self._fields, self._skipping = None, True
