"""What people publish and ldirectord refuses or misreads, although it can mean one thing only.

Such lines are accepted with a warning, so that a file from a guide works. --strict leaves this out.
"""

from __future__ import annotations

import re

from ldirector.config import values
from ldirector.config.directives import Directive

_REMARK = re.compile(r"(?<=\s)#", re.ASCII)
_DASH_W = re.compile(r"(\S+\s+(?:gate|masq|ipip)\s+)-w\s+([0-9]+)(?=\s|\Z)", re.ASCII)
_BLANK_BEFORE_COMMA = re.compile(r'([^"]*"[^"]*")\s+,\s*(?=")', re.ASCII)
_MASK = re.compile(r'"?([0-9]+(?:\.[0-9]+){3})(?![0-9.])', re.ASCII)
_BLANK_BETWEEN_WORDS = re.compile(r"(?<=[a-z])\s+(?=[a-z])", re.ASCII)
_NEVER_MIND_WHAT_FOLLOWS = (values.quoted, values.quoted_or_nothing, values.number, values.positive)


def straightened(row: Directive, text: str, is_global: bool) -> tuple[str, str]:
    """The value as ldirectord wants it, and what was wrong with it in words ("" when nothing was).

    text: what stands behind `=`. is_global: outside of any virtual, where a remark is no remark.
    """
    if row.name in ("real", "real6"):
        return _real(text)
    value, wrong = text, ""
    if is_global and (row.read not in _NEVER_MIND_WHAT_FOLLOWS or '"' not in text):
        if remark := _REMARK.search(text):
            value = text[: remark.start()].rstrip(" \t\n\r\f\v")
        if value != text and row.read not in (values.number, values.positive):
            wrong = "a remark stands behind the value"
    if row.name == "netmask" and (mask := _MASK.match(value)) and mask[1] != value:
        return mask[1], wrong or "something stands around the mask"
    if row.read is values.mail_states and _BLANK_BETWEEN_WORDS.search(value):
        return _BLANK_BETWEEN_WORDS.sub(", ", value), wrong or "a comma is missing"
    if row.read is values.yes_no and value != value.rstrip():
        return value.rstrip(), wrong or "a blank stands behind the value"
    if row.read in (values.quoted, values.quoted_or_nothing) and value.strip() and not set(value) & {'"', "'"}:
        return f'"{value.strip()}"', "the quotes are missing"
    return value, wrong


def _real(text: str) -> tuple[str, str]:
    if match := _DASH_W.match(text):
        return match[1] + match[2] + text[match.end() :], "the weight is written with -w"
    if match := _BLANK_BEFORE_COMMA.match(text):
        return f"{match[1]}, {text[match.end() :]}", "a blank stands in front of the comma"
    return text, ""
