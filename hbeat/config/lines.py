"""The numbered lines of a file."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hbeat.config.errors import Problems

LONGEST_LINE = 5_120
"""Characters, as the original's buffer has (reference section 8); a longer one is damage, and has its error."""
_CONTROL = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f]")  # not tab, form feed and the \r of foreign editors: blanks


def numbered_lines(text: str, problems: Problems) -> Iterator[tuple[int, str]]:
    """(number, line), without those that are too long, or hold a control character: it cannot be seen, and no file
    name, argument or variable can have a NUL byte."""
    for number, line in enumerate(text.split("\n"), 1):
        if len(line) > LONGEST_LINE:
            problems.error(number, f"a line of {len(line)} characters", f"{LONGEST_LINE} are the most; divide it")
        elif found := _CONTROL.search(line):
            what = f"the control character 0x{ord(found[0]):02x} stands in column {found.start() + 1}"
            problems.error(number, what, "remove it, or write the line anew")
        else:
            yield number, line
