"""What is wrong with a configuration file: where, what, and the cure. All of it is collected, not the first only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

MOST_ERRORS = 100
"""Of one file. What has more is no configuration, and who reads it between two heartbeats has no time for the rest."""


class Severity(Enum):
    """ERROR: the daemon does not start with this file. WARNING: it does, and differs from what was written."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Problem:
    """One finding. line 0 is the file as a whole. cure tells what to write instead, and is never empty."""

    file: str
    line: int
    severity: Severity
    what: str
    cure: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.what}; {self.cure}"


class ConfigError(Exception):
    """A file cannot be used. `problems` holds every error found in it, in the order of its lines."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


class Problems:
    """Collects the findings about one file while it is read."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._found: list[Problem] = []
        self._errors = 0

    def error(self, line: int, what: str, cure: str) -> None:
        """One more error. Raises ConfigError when there are MOST_ERRORS: the file is read no further."""
        self._found.append(Problem(self._file, line, Severity.ERROR, what, cure))
        self._errors += 1
        if self._errors == MOST_ERRORS:
            self.raise_errors()

    def warn(self, line: int, what: str, cure: str) -> None:
        self._found.append(Problem(self._file, line, Severity.WARNING, what, cure))

    def raise_errors(self) -> None:
        """Raise ConfigError if there was an error; warnings alone pass."""
        errors = [problem for problem in self._found if problem.severity is Severity.ERROR]
        if errors:
            raise ConfigError(sorted(errors, key=lambda problem: problem.line))

    @property
    def warnings(self) -> tuple[Problem, ...]:
        warnings = [problem for problem in self._found if problem.severity is Severity.WARNING]
        return tuple(sorted(warnings, key=lambda problem: problem.line))
