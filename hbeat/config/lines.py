"""The numbered lines of a file."""

from __future__ import annotations

from collections.abc import Iterator

from hbeat.config.errors import Problems

LONGEST_LINE = 5_120
"""Characters, as the original's buffer has (reference section 8); a longer one is damage, and has its error."""


def numbered_lines(text: str, problems: Problems) -> Iterator[tuple[int, str]]:
    """(number, line), without those that are too long."""
    for number, line in enumerate(text.split("\n"), 1):
        if len(line) > LONGEST_LINE:
            problems.error(number, f"a line of {len(line)} characters", f"{LONGEST_LINE} are the most; divide it")
        else:
            yield number, line
