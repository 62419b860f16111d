"""Values that are read as something else than they seem to say: 500ms is 500 seconds, http-foo is http.

The original reads them so without a word, and files that work must go on to mean what they mean. What is harmless gets
no remark: quotes around a word, a unit of seconds, a carriage return, text behind # or <-.
"""

from __future__ import annotations

import re

from ldirector.config import values
from ldirector.config.directives import Directive
from ldirector.config.values import shown
from ldirector.core.model import CheckType

SECONDS = ("checktimeout", "negotiatetimeout", "checkinterval", "emailalertfreq", "persistent")

_UNIT = re.compile(r"\s*(?:s|sec|secs|seconds?)(?![A-Za-z0-9])\.?", re.ASCII | re.IGNORECASE)
_ASIDE = re.compile(r"\s(?:#|<-).*", re.ASCII | re.DOTALL)
_NUMBER = re.compile(r"([^0-9]*)[0-9]+(.*)", re.DOTALL)
_PLACE = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._+-]+):[A-Za-z0-9_-]+|[0-9]+", re.ASCII)
_AROUND = " \t\r\n\f\v\"'=()"


def number_of(row: Directive, text: str, value: object) -> tuple[str, str] | None:
    """What and cure, when more than the number stands there."""
    match = _NUMBER.match(_ASIDE.sub("", text))
    if row.read not in (values.number, values.positive, values.port_number) or not match:
        return None
    unit = _UNIT.match(match[2]) if row.name in SECONDS else None
    rest = match[2][unit.end() :] if unit else match[2]
    if not (match[1] + rest).strip(_AROUND):
        return None
    counted = " seconds" if row.name in SECONDS else ""
    return (
        f"{shown(text.strip())} is read as {value}{counted}",
        f"write {row.name}={value}, or the number that is meant",
    )


def word_of(row: Directive, text: str, value: object) -> tuple[str, str] | None:
    """What and cure, when there is more than the word."""
    said = _ASIDE.sub("", text).strip(_AROUND)
    if isinstance(value, tuple) and value[0] is CheckType.COMBINED:
        if said == str(value[1]):
            return None
        what = f"{shown(said)} is read as {value[1]}: one negotiate check, then {value[1]} connects, and so on"
        return what, f"write {row.name}={value[1]}, or the name of a check type alone"
    read = _word(row, text, value)
    if not read or said.lower() == read.lower():
        return None
    return f"{shown(said)} is read as {read}", f"write {row.name}={read}"


def _word(row: Directive, text: str, value: object) -> str:
    """The word that was read; "" for directives that have none."""
    if isinstance(value, tuple) and isinstance(value[0], CheckType):
        return str(value[0].value)
    if row.read is values.flags:
        return text.split()[0]
    one_word = row.read in (values.service, values.http_method, values.lower_case_run) or row.name == "protocol"
    return str(value) if one_word else ""


def place_of(name: str, text: str) -> tuple[str, str] | None:
    """What and cure, when more than the place of a virtual stands there."""
    match = _PLACE.match(text)
    rest = text[match.end() :].strip() if match else ""
    if not match or not rest or rest.startswith(("#", "<-")):
        return None
    return f"{shown(rest)} behind {match[0]} is not looked at", f"write {name}={match[0]}, and one block for each port"
