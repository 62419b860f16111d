"""The one field that nodes of ours add for each other: `hbeat`, signed like the rest, ignored by heartbeat 3.0.6.

    hbeat=1 nonce=4f3a21bc9d8e7f60.3 echo=b0a7….0,77d1….2 sees=active holds=local quiet=yes file:haresources=1a2b …

It stands in every status message, because somebody has to begin. A peer that shows it as well is ours, and only then
anything follows from it: what it says is used, and acknowledgements carry nonce and echo too.

    1         version of this field; a reader takes what it knows and ignores other words
    nonce     a word that was never sent before this life of the sender: `proof` says what for
    echo      the nonces that the sender has heard of its reader last
    sees      the reader as the sender sees it: `dead`, or anything else
    holds     none, local, foreign, all: what the sender holds at this moment
    absent    `yes` when an address of what it holds is not up: stopped by hand, did not start, or being started
    lost      how many interfaces of the resource groups have no carrier at the sender: `cabling`
    sight     its directors, each as a digest of its name with + when it sees real servers and - when it sees none:
              `sight`
    sync      what it knows of IPVS connections: `sync_news`; only while it listens for them
    quiet     `yes` when the sender is neither stopping anything nor about to take what it was offered: what it does not
              hold does not run there, and will not
    file:NAME what this file has in it, as a digest: `agreement` compares them
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from hbeat.core.model import Held
from hbeat.core.sync_news import SyncNews, sync_news_in
from hbeat.core.wire import Message

FIELD = "hbeat"
VERSION = 1
MAX_WORDS = 40
MAX_LENGTH = 2048

_NONCE = re.compile(r"[0-9a-f]{16}\.[0-9]{1,9}", re.ASCII)
_HELD = {held.value: held for held in Held}

_VIEW = re.compile(r"([0-9a-f]{8})([+-])", re.ASCII)
MAX_VIEWS = 64
FILE = "file:"

Files = tuple[tuple[str, str], ...]
"""Names of files, with a digest of what each says; sorted."""

Views = tuple[tuple[str, bool], ...]
"""Digests of directors, with whether each is blind; sorted."""


@dataclass(frozen=True, slots=True)
class Hello:
    """What one node says to another of its kind."""

    nonce: str
    echoes: tuple[str, ...] = ()
    sees_dead: bool = False
    holds: Held = Held.NONE
    quiet: bool = False
    files: Files = ()
    lost: int = 0
    views: Views = ()
    sync: SyncNews | None = None
    absent: bool = False

    @property
    def life(self) -> str:
        """The part of the nonce that stays the same from the start of a daemon to its end."""
        return self.nonce.partition(".")[0]

    def text(self) -> str:
        """The value of the field in a status message."""
        said = [
            self.brief(),
            f"sees={'dead' if self.sees_dead else 'active'}",
            f"holds={self.holds.value}",
            f"quiet={'yes' if self.quiet else 'no'}",
            f"lost={self.lost}",
            *(["absent=yes"] if self.absent else []),
            f"sight={','.join(name + '+-'[blind] for name, blind in self.views[:MAX_VIEWS])}",
            *([f"sync={self.sync.text()}"] if self.sync else []),
            *(f"{FILE}{name}={digest}" for name, digest in self.files),
        ]
        return " ".join(said)

    def brief(self) -> str:
        """The value of the field in messages without a number: only what proves when they were made."""
        return f"{VERSION} nonce={self.nonce} echo={','.join(self.echoes)}"


def hello_in(message: Message) -> Hello | None:
    """What the message says to nodes of our kind; None for one of the original, or when it makes no sense."""
    raw = message.raw(FIELD)
    if raw is None or len(raw) > MAX_LENGTH:
        return None
    version, *words = raw.decode("utf-8", "replace").split(" ")
    if not re.fullmatch(r"[1-9][0-9]{0,3}", version, re.ASCII) or len(words) > MAX_WORDS:
        return None
    said = dict(_pairs(words))
    nonce = said.get("nonce", "")
    if not _NONCE.fullmatch(nonce):
        return None
    echoes = tuple(echo for echo in said.get("echo", "").split(",") if _NONCE.fullmatch(echo))
    sees, holds, quiet, lost, sight, sync = (
        said.get(name, "") for name in ("sees", "holds", "quiet", "lost", "sight", "sync")
    )
    files = tuple(
        sorted(
            (name.removeprefix(FILE), digest)
            for name, digest in said.items()
            if name.startswith(FILE) and name.isprintable() and digest.isprintable()
        )
    )
    holding = _HELD.get(holds, Held.NONE)
    return Hello(
        nonce,
        echoes,
        sees_dead=sees == "dead",
        holds=holding,
        quiet=quiet == "yes",
        files=files,
        lost=_number(lost),
        views=tuple((view[1], view[2] == "-") for word in sight.split(",") if (view := _VIEW.fullmatch(word))),
        sync=sync_news_in(sync),
        absent=said.get("absent") == "yes",
    )


def _number(text: str) -> int:
    return int(text) if re.fullmatch(r"[0-9]{1,4}", text, re.ASCII) else 0


def _pairs(words: Iterable[str]) -> Iterable[tuple[str, str]]:
    """NAME=VALUE; a file's name may have an equals sign in it, what is said of it has none."""
    for word in words:
        name, equals, value = word.rpartition("=")
        if equals and name:
            yield name, value
