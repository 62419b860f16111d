"""authkeys text -> the keys that sign and verify (reference section 9).

A key's text appears in no message and no repr.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from hbeat.config.errors import Problem, Problems
from hbeat.config.lines import numbered_lines
from hbeat.core.auth import Key, Method

METHODS = {method.value: method for method in Method}
HIGHEST_KEY_NUMBER = 15
READABLE_BY_OTHERS = 0o044


@dataclass(frozen=True, slots=True)
class AuthKeys:
    """The keys by number, and the number to sign with."""

    active: int
    keys: Mapping[int, Key]
    warnings: tuple[Problem, ...]


def parse_authkeys(text: str, file: str, mode: int) -> AuthKeys:
    """Read the text of authkeys. `mode` holds the file's permission bits; `file` is how messages name it.

    Raises ConfigError. As in the original, `auth N` must stand before the line of key N.
    """
    problems = Problems(file)
    if mode & READABLE_BY_OTHERS:
        problems.error(0, f"bad permissions {mode & 0o7777:04o} on keyfile: others can read it", f"chmod 600 {file}")
    reader = _Reader(problems)
    for number, line in numbered_lines(text, problems):
        words = line.split()
        if words and not words[0].startswith("#"):
            reader.take(number, words)
    active = reader.active_number()
    problems.raise_errors()
    return AuthKeys(active, MappingProxyType(reader.keys), problems.warnings)


class _Reader:
    def __init__(self, problems: Problems) -> None:
        self._problems = problems
        self.keys: dict[int, Key] = {}
        self._line_of: dict[int, int] = {}
        self._active: int | None = None
        self._auth_line = 0

    def take(self, line: int, words: list[str]) -> None:
        if words[0] == "auth":
            self._take_auth(line, words)
        else:
            self._take_key(line, words)

    def _take_auth(self, line: int, words: list[str]) -> None:
        number = _key_number(words[1]) if len(words) > 1 else None
        if number is None:
            self._problems.error(
                line, "invalid auth line", f"write auth N with the number of a key, 0 to {HIGHEST_KEY_NUMBER}"
            )
            return
        self._active, self._auth_line = number, line

    def _take_key(self, line: int, words: list[str]) -> None:
        # Words are not quoted in messages: in a mistyped line any of them may be the key.
        number = _key_number(words[0])
        if number is None:
            self._problems.error(
                line, "invalid authnum", f"a line is auth N, or begins with a key number, 0 to {HIGHEST_KEY_NUMBER}"
            )
            return
        method, key = words[1] if len(words) > 1 else "", words[2] if len(words) > 2 else ""
        if method not in METHODS:
            self._problems.error(
                line, f"invalid authtype of key {number}", f"write {number} METHOD KEY, METHOD one of sha1, md5, crc"
            )
        elif method == "crc" and key:
            self._problems.error(line, f"key {number}: crc takes no key", "write sha1 for a key that protects")
        elif method != "crc" and not key:
            self._problems.error(line, f"auth method {method} requires a key", f"write {number} {method} KEY")
        else:
            self.keys[number] = Key(number, METHODS[method], key.encode("utf-8", "surrogateescape"))
            self._line_of[number] = line
            if method == "crc":
                self._problems.warn(
                    line,
                    f"key {number} is crc: whoever reaches the network can forge heartbeats",
                    f"write {number} sha1 KEY on both nodes",
                )

    def active_number(self) -> int:
        """The number to sign with; 0 beside an error."""
        if self._active is None:
            self._problems.error(0, "missing auth directive in keyfile", "add auth N as the first line")
        elif self._active not in self.keys:
            self._problems.error(
                self._auth_line, f"auth key {self._active} not found in keyfile", f"add a line {self._active} sha1 KEY"
            )
        elif self._line_of[self._active] < self._auth_line:
            self._problems.error(
                self._auth_line, f"auth {self._active} stands below the key's own line", "move it to the top"
            )
        return self._active or 0


def _key_number(word: str) -> int | None:
    if re.fullmatch(r"\d{1,2}", word, re.ASCII) and int(word) <= HIGHEST_KEY_NUMBER:
        return int(word)
    return None
