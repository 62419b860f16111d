"""How much a `receive` pattern comes to before it is compiled.

The regex library writes a repetition out: `x{1000}` is a thousand times x, and three such braces one inside the other
are a thousand million, which takes all memory of the machine. So a pattern is measured first: each character, class or
escape is one element, a group is what is in it, and what stands in front of `{n}` counts n times. Measured is what the
library is given, so that no comment or escape of Perl hides a brace.
"""

from __future__ import annotations

import re
from contextlib import suppress

from ldirector.core.pattern_error import PatternError
from ldirector.core.perl_pattern import translated

SHORT, TOGETHER = 200, 16384
"""Characters as written. Patterns up to SHORT are not counted, the longer ones of a file may have so many TOGETHER: to
compile a character costs up to 4 microseconds, and a few long ones are more than anybody types."""

LARGEST = 2000
"""Elements. Such a pattern is compiled in up to 30 milliseconds; one that somebody typed has a few dozen."""

_ELEMENT = re.compile(
    r"\\.|\[\^?\]?(?:\\.|[^\]\\])*+(?:\]|\Z)|(?P<open>\()|(?P<close>\))|\{(?P<least>[0-9]+)(?:,[0-9]*)?\}|.", re.DOTALL
)
_MANY = 10**9


def elements(pattern: str) -> int:
    """An upper estimate, in one pass; a pattern with its brackets in disorder gets a number, too."""
    with suppress(PatternError):  # never compiled; the number tells only how long it is
        pattern = translated(pattern)
    outer: list[tuple[int, int]] = []  # of each open group: elements before it, and before its last element
    total, before = 0, 0
    for match in _ELEMENT.finditer(pattern):
        if match["open"]:
            outer.append((total, before))
            total, before = 1, 0
        elif match["close"] and outer:
            inside = total
            total, _ = outer.pop()
            before = total
            total += inside
        elif match["least"]:
            times = max(1, int(match["least"][:10]))
            total = min(_MANY, before + (total - before) * times)
        else:
            before = total
            total += 1
    return min(_MANY, total + sum(outside for outside, _ in outer))
