"""Commands of ldirectord.cf as values: fallbackcommand, callback, execute.

None of them ever reaches a shell. The original hands fallbackcommand to one; here its text is taken apart into words
as a shell would, and the first word is the program. What only a shell could do (pipes, variables, redirections) is
found by `needs_shell`, so that the parser can say it.
"""

from __future__ import annotations

import re
import shlex

from ldirector.core.events import Command

PROGRAM = "ldirectord"

_SPECIAL = frozenset("|&;<>()$`*?[\n")
_SPECIAL_IN_QUOTES = frozenset("$`")
_SPECIAL_AT_START = frozenset("#~")  # of a word: a remark, a home directory
_BUILTINS = frozenset(
    {".", ":", "!", "{", "alias", "case", "cd", "eval", "exec", "exit", "export", "for", "if", "set", "shift", "source"}
    | {"trap", "ulimit", "umask", "unset", "until", "while"}
)
_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=")


def callback(program: str, config: str) -> Command:
    """What runs after the file changed on disk (reference section b, callback): the program with the file's path."""
    return Command((program, config), "callback", "callback")


def instance(name: str, verb: str, program: str = PROGRAM) -> Command:
    """`ldirectord NAME VERB`: another instance follows this one (reference section b, execute)."""
    return Command((program, "--alone", name, verb), f"execute={name}: {verb}", f"execute {name}")


def words(text: str) -> tuple[str, ...]:
    """The text's words, quotes and backslashes taken off as a shell does. Raises ValueError when that cannot be."""
    found = tuple(shlex.split(text))
    if not found:
        raise ValueError("no program is named")
    return found


def needs_shell(text: str) -> bool:
    """Whether a shell would do more with the text than take it apart; without one it does something else."""
    quote = ""
    start_of_word, escaped = True, False
    for character in text:
        if quote == '"' and character in _SPECIAL_IN_QUOTES:
            return True
        if escaped:
            escaped = False
        elif character == "\\" and quote != "'":
            escaped = True
        elif quote:
            quote = "" if character == quote else quote
        elif character in _SPECIAL or (start_of_word and character in _SPECIAL_AT_START):
            return True
        elif character in "'\"":
            quote = character
        start_of_word = character in " \t" and not quote and not escaped
    first = text.split(maxsplit=1)[0] if text.split() else ""
    return first in _BUILTINS or _ASSIGNMENT.match(first) is not None
