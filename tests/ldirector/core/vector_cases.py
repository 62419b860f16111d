"""The captured cases of tests/vectors/ldirectord, played against the modelled machine.

A stage is played as its README tells: back ends change, files change, a verb runs, time passes until the table has
been quiet. Lines that a stage gives to a shell are few; each kind has its counterpart here, an unknown one fails.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ldirector.core.render import saved
from tests.ldirector.core.listed_form import listed, thresholds
from tests.ldirector.world import VECTORS, BackEnd, BackEnds, Script, World

QUIET = 6.0


@dataclass(frozen=True)
class Outcome:
    """The tables at the end of one stage."""

    stage: str
    saved: list[str]
    listed: list[str]
    thresholds: list[str]


def _check_sh(arguments: tuple[str, ...], files: set[str]) -> tuple[float, int]:
    return 0.01, 3 if arguments[2] == "192.168.2.237" and "/run/lab/down" in files else 0


def _check_pl(arguments: tuple[str, ...], files: set[str]) -> tuple[float, int]:
    return 0.01, 1 if arguments[2] == "192.168.2.237" and "/run/lab/down" in files else 0


SCRIPTS: dict[str, Script] = {
    "/bin/true": lambda arguments, files: (0.001, 0),
    "/etc/ha.d/check.sh": _check_sh,
    "/etc/ha.d/check.pl": _check_pl,
    "/etc/ha.d/sleepy.sh": lambda arguments, files: (30.0, 0),
}

_HARMLESS = ("touch ", "sort ", "ps ", "mkdir ", "sed ")


class Case:
    """One folder of vectors."""

    def __init__(self, name: str) -> None:
        self.folder = VECTORS / name
        self.story: dict[str, Any] = yaml.safe_load((self.folder / "case.yaml").read_text())
        servers = {name: BackEnd(**server) for name, server in self.story.get("backends", {}).items()}
        self.world = World(BackEnds(servers, SCRIPTS))
        self.world.kernel.load(self.story.get("preload", []))
        self._install("ldirectord.cf")

    def expected(self, heading: str = "# ipvsadm -Sn") -> dict[str, list[str]]:
        """Stage -> the recorded lines under a heading."""
        tables: dict[str, list[str]] = {}
        stage = section = ""
        for line in (self.folder / "expected.txt").read_text().splitlines():
            if line.startswith("### stage: "):
                stage = line.removeprefix("### stage: ")
            elif line.startswith("# "):
                section = line
                if section == heading:
                    tables[stage] = []
            elif section == heading and line and line != "(empty)":
                tables[stage].append(line)
        return tables

    def play(self) -> Iterator[Outcome]:
        """Each stage in turn, with the tables at its end."""
        for stage in self.story["stages"]:
            self._begin(stage)
            self._wait(float(stage.get("wait", 0)), stage.get("exact", False))
            table = self.world.kernel.table()
            yield Outcome(stage["name"], saved(table), listed(table), thresholds(table))

    def _begin(self, stage: dict[str, Any]) -> None:
        for name, state in stage.get("backends", {}).items():
            self.world.backends.servers[name].state = state
        if "config" in stage:
            self._install(stage["config"])
        self.world.backends.files |= set(stage.get("touch", ()))
        self.world.backends.files -= set(stage.get("remove", ()))
        self.world.maintain()
        for line in stage.get("run", ()):
            self._shell(line)
        if "do" in stage:
            self._verb(stage["do"])

    def _install(self, file: str) -> None:
        """The daemon notices a changed file when autoreload=yes."""
        self.world.text = (self.folder / file).read_text()
        self._autoreload()

    def _autoreload(self) -> None:
        if self.world.director and "autoreload=yes" in (self.folder / "ldirectord.cf").read_text():
            self.world.reload()

    def _shell(self, line: str) -> None:
        if "echo nonsense=1 >>" in line:
            self.world.text += "nonsense=1\n"
            self._autoreload()
        elif line.startswith("kill -1"):
            self.world.reload()
        elif "ipvsadm.real -d" in line:
            self.world.kernel.load(part.split("ipvsadm.real ")[1] for part in line.split(";"))
        elif not line.startswith(_HARMLESS):
            raise AssertionError(f"a stage runs something this player does not know: {line}")

    def _verb(self, verb: str) -> None:
        running = self.world.director is not None
        if verb in ("stop", "restart", "try-restart") and running:
            self.world.stop()
        if (verb in ("start", "restart") and not self.world.director) or (verb == "try-restart" and running):
            self.world.start()
        if verb in ("reload", "force-reload") and running:
            self.world.reload()

    def _wait(self, seconds: float, exact: bool) -> None:
        self.world.run(seconds)
        while not exact and self.world.now - self.world.changed_at < QUIET:
            self.world.run(1.0)


def all_cases() -> list[Path]:
    return sorted(path for path in VECTORS.iterdir() if path.is_dir())
