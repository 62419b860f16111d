"""The files that have to say the same on both nodes, as digests which the nodes tell each other (`core.agreement`).

haresources counts by its groups and the ldirectord files by their lines, so that remarks and blanks may differ; of
authkeys only the numbers of its keys are told.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from hbeat.adapters.regular_file import read_regular
from hbeat.core.agreement import KEY_NUMBERS
from hbeat.core.builtin import parse_ldirectord
from hbeat.core.hello import Files
from hbeat.load import HA_DIR, Configuration

DIGITS = 12
DEFAULT_DIRECTOR_FILE = "ldirectord.cf"
SIZE_LIMIT = 4 << 20
MOST_FILES, LONGEST_NAMES = 16, 400
"""What is told of more ldirectord files, or of longer names, is one digest of all: a status has only so much room."""
ALL_FILES = "ldirectord-files"


class SharedFiles:
    """The digests for one configuration, and whether an ldirectord file has changed since they were made."""

    def __init__(self, config: Configuration, directory: Path = HA_DIR) -> None:
        self._config, self._directory = config, directory
        resources = [r for group in config.groups for r in group.resources if r.script == "ldirectord"]
        named = {parse_ldirectord(r.arguments) or DEFAULT_DIRECTOR_FILE for r in resources}
        self._directors = {name: directory / name for name in sorted(named)}
        self._seen: dict[str, tuple[int, int, int] | None] = {}
        self.digests: Files = ()
        self.look()

    def look(self) -> bool:
        """Reads what has changed; whether the digests did. Costs one stat of each ldirectord file when nothing has."""
        seen = {name: _state(path) for name, path in self._directors.items()}
        if seen == self._seen and self.digests:
            return False
        before, self._seen = self.digests, seen
        self.digests = tuple(sorted(self._all().items()))
        return self.digests != before

    def _all(self) -> dict[str, str]:
        groups = [" ".join((g.node, *(r.text for r in g.resources))) for g in self._config.groups]
        numbers = ",".join(str(number) for number in sorted(self._config.keys.keys))
        directors = {name: _digest_of(path) for name, path in self._directors.items()}
        if len(directors) > MOST_FILES or len("".join(directors)) > LONGEST_NAMES:
            directors = {ALL_FILES: _digest(repr(sorted(directors.items())).encode())}
        return {"haresources": _digest("\n".join(groups).encode()), KEY_NUMBERS: numbers, **directors}


def _state(path: Path) -> tuple[int, int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def _digest_of(path: Path) -> str:
    try:
        content, _ = read_regular(path, SIZE_LIMIT)
    except OSError:
        return "unreadable"
    lines = [line.rstrip() for line in content.splitlines()]
    return _digest(b"\n".join(line for line in lines if line and not line.lstrip().startswith(b"#")))


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:DIGITS]
