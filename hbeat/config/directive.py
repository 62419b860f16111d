"""What a row of the table of directives says: how its words are read, and what this program makes of them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Kind(Enum):
    """How the words after a directive are read."""

    TIME = "a time: seconds, or with the unit ms or us"
    BOOLEAN = "true, on, yes, y, 1, false, off, no, n or 0"
    INTEGER = "a whole number"
    CHOICE = "one of the listed words"
    WORD = "a word; a repeated one replaces the one before"
    WORDS = "words which add up over the lines"
    LINE = "the whole line is one setting"


class Support(Enum):
    """What this program does with a directive; the words are those of the manual."""

    IMPLEMENTED = "supported"
    NO_EFFECT = "accepted, without effect"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Directive:
    """One row.

    form: the words behind the name, as the manual shows them. meaning: what it does, or why it does nothing. default:
    the text as ha.cf would have it, None if there is none or it follows from another, which `shown` then tells. cure:
    what to write instead of what is refused.
    """

    name: str
    kind: Kind
    form: str
    meaning: str
    support: Support = Support.IMPLEMENTED
    default: str | None = None
    shown: str = ""
    choices: tuple[str, ...] = ()
    low: int = 0
    high: int = 2**31 - 1
    cure: str = ""
    at_reload: bool = True
