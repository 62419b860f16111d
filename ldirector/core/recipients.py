"""emailalert: the list of addresses, also one that is not written as a list should be.

Addresses stand between commas, alone or in <> behind a name. What people write beside that (semicolons, blanks, a comma
at the end) has one meaning, and gets its mail; the original hands the whole text to the mail server as one address, and
nobody gets any. What is no address is left out, so that it does not take the others' mail with it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

_PART = re.compile(r'((?:"[^"]*"|<[^<>]*>|[^,;])*)([,;]|\Z)')
_IN_ANGLES = re.compile(r'(?:"[^"]*"|[^"<>])*<([^<>]*)>\Z')
_ADDRESS = re.compile(r'[^\s<>()\[\]\\",;:@]+(?:@(?:[^\s<>()\[\]\\",;:@]+|\[[0-9A-Za-z.:]+\]))?')


@dataclass(frozen=True, slots=True)
class Recipients:
    """addresses: each once, without the names in front of them. odd: in words, what is not as it should be."""

    addresses: tuple[str, ...] = ()
    odd: tuple[str, ...] = ()


@lru_cache(maxsize=256)
def recipients(emailalert: str) -> Recipients:
    """Who gets the mails of a virtual with this list."""
    found: list[str] = []
    odd: list[str] = []
    for match in _PART.finditer(emailalert):
        _read_part(match[1].strip(), found, odd)
        if match[2] == ";":
            odd.append("there is a semicolon between addresses")
        if not match[2]:
            break
    return Recipients(tuple(dict.fromkeys(found)), tuple(dict.fromkeys(odd)))


def _read_part(part: str, found: list[str], odd: list[str]) -> None:
    """What stands between two commas: one address, usually."""
    if not part:
        odd.append("there is no address on one side of a comma")
        return
    angles = _IN_ANGLES.match(part)
    written = [angles[1].strip()] if angles else part.split()
    if len(written) > 1:
        odd.append(f"{_shown(part)} is more than one word, without a comma between them")
        written = [word for word in written if "@" in word] or written
    for address in written:
        if _ADDRESS.fullmatch(address):
            found.append(address)
        else:
            odd.append(f"{_shown(address)} is no address and gets no mail")


def _shown(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:57] + "...")
