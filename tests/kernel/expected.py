"""What a stage of a vector case must come to: sections of expected.txt, and files that the case writes (written.yaml).

A section is named by how it is looked at, and so is what is found: `ipvsadm -Sn`, `ipvsadm -Ln`, `ipvsadm -Ln
--thresholds`, `file PATH`, `distinct lines of PATH`; and `exit code` of the stage's verb. Both sides are put into one
order before they are compared; our differences on purpose come from tests/ldirector/core/vector_differences.py.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import yaml

from tests.ldirector.core.vector_differences import DIFFERENCES, EXIT_CODE, TABLE, wanted

WRITTEN = Path(__file__).with_name("written.yaml")
DISTINCT = "distinct lines of "
FILE = "file "
LISTING = "ipvsadm -Ln"
HEADINGS = ("IP Virtual Server", "Prot ", "-> RemoteAddress")
_TIME_AND_PID = re.compile(r"\[[A-Z][a-z]{2} [A-Z][a-z]{2} [ 1-3]\d \d\d:\d\d:\d\d \d{4}\] \[\d+\] ")


class Expected:
    """All sections of the case in this folder."""

    def __init__(self, folder: Path) -> None:
        self._name = folder.name
        self._sections: dict[str, dict[str, list[str]]] = {}
        self._read(folder / "expected.txt")
        for stage, files in yaml.safe_load(WRITTEN.read_text()).get(self._name, {}).items():
            self._sections[stage] |= files

    def exit_code(self, stage: str) -> int:
        """Of the stage's verb."""
        return int(self._wanted(stage, EXIT_CODE)[0])

    def sections(self, stage: str) -> dict[str, list[str]]:
        """Section -> lines in the order of `found`, the table first."""
        names = [name for name in self._sections[stage] if name != EXIT_CODE]
        if (self._name, stage, TABLE) in DIFFERENCES:
            names.remove(LISTING)  # it was recorded of another table
        return {name: ordered(name, self._wanted(stage, name)) for name in names}

    def _wanted(self, stage: str, section: str) -> list[str]:
        return wanted(self._name, stage, section, self._sections[stage][section])

    def _read(self, path: Path) -> None:
        lines: list[str] = []
        for line in path.read_text().splitlines():
            if line.startswith("### stage: "):
                sections = self._sections.setdefault(line.removeprefix("### stage: "), {})
            elif line.startswith("# exit code"):
                sections[EXIT_CODE] = [line.rpartition(" ")[2]]
            elif line.startswith("# "):
                lines = sections.setdefault(line.removeprefix("# "), [])
            elif line and line != "(empty)":
                lines.append(line.strip())


def found(section: str) -> list[str]:
    """What is there now."""
    if section.startswith("ipvsadm"):
        lines = subprocess.run(section.split(), capture_output=True, text=True, check=True).stdout.splitlines()
        lines = [" ".join(line.split()) for line in lines]
        return ordered(section, [line for line in lines if not line.startswith(HEADINGS)])
    path = Path(section.removeprefix(DISTINCT).removeprefix(FILE))
    return ordered(section, path.read_text().splitlines() if path.exists() else [])


def ordered(section: str, lines: list[str]) -> list[str]:
    """Lines in an order that two runs share.

    Of a file the calls for each virtual (the last two words) stay in their order; those of several virtuals come as
    they come. Of distinct lines the time and pid are gone, in the form that a monitorfile has them.
    """
    if section.startswith(DISTINCT):
        return sorted({_TIME_AND_PID.sub("", line, count=1) for line in lines})
    if section.startswith(FILE):
        return sorted(lines, key=lambda line: line.split()[-2:])
    return sorted(lines)
