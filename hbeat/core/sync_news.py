"""What a node says of its IPVS connections to another one of its kind: one word of the hello.

    sync=5.1234.17.0a1b2c3d4e5f+77d1....3.8     SYNCID.COUNT.NUMBER.SAMPLE.ITS_NUMBER.FOUND

It listens to that syncid and has so many connections. Its last sample was that NUMBER of its life, these names; and of
the reader's sample ITS_NUMBER it has FOUND so many. An empty sample or FOUND: none was taken.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

SAMPLE_SIZE = 8

_NUMBER, _NAME = r"([0-9]{1,9})", r"[0-9a-f]{12}"
_NAMES = rf"((?:{_NAME}(?:\+{_NAME}){{0,{SAMPLE_SIZE - 1}}})?)"
_WORD = re.compile(r"\.".join((_NUMBER, _NUMBER, _NUMBER, _NAMES, _NUMBER, f"{_NUMBER}?")), re.ASCII)


@dataclass(frozen=True, slots=True)
class SyncNews:
    """See above. found: None before the first look."""

    syncid: int
    count: int = 0
    number: int = 0
    sample: tuple[str, ...] = ()
    its_number: int = 0
    found: int | None = None

    def text(self) -> str:
        """The value of the word."""
        found = "" if self.found is None else self.found
        return f"{self.syncid}.{self.count}.{self.number}.{'+'.join(self.sample)}.{self.its_number}.{found}"


def sync_news_in(text: str) -> SyncNews | None:
    """What the value says; None when it makes no sense."""
    match = _WORD.fullmatch(text)
    if match is None:
        return None
    names = tuple(match[4].split("+")) if match[4] else ()
    found = int(match[6]) if match[6] else None
    return SyncNews(int(match[1]), int(match[2]), int(match[3]), names, int(match[5]), found)
