"""What is wrong with a configuration file, said so that the operator can mend it.

Every problem of a file is collected before the parser gives up, each with its place and its cure.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum


class Severity(Enum):
    """A WARNING leaves the file in force; one ERROR refuses it."""

    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Problem:
    """One finding. line counts from 1; 0 means the file as a whole."""

    file: str
    line: int
    severity: Severity
    what: str
    cure: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.what}; {self.cure}"


class ConfigError(Exception):
    """The file is refused. problems: all errors and warnings, in the order of their lines."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        errors = [problem for problem in self.problems if problem.severity is Severity.ERROR]
        super().__init__("\n".join(map(str, errors)))


class BadValue(Exception):
    """A value cannot be read; the parser adds file and line and makes it a Problem."""

    def __init__(self, what: str, cure: str) -> None:
        super().__init__(f"{what}; {cure}")
        self.what = what
        self.cure = cure


class Findings:
    """Collects the problems of one file while it is read."""

    def __init__(self, file: str) -> None:
        self.file = file
        self._problems: list[Problem] = []
        self._said: set[str] = set()

    def error(self, line: int, what: str, cure: str) -> None:
        self._problems.append(Problem(self.file, line, Severity.ERROR, what, cure))

    def warn(self, line: int, what: str, cure: str) -> None:
        self._problems.append(Problem(self.file, line, Severity.WARNING, what, cure))

    def warn_once(self, subject: str, line: int, what: str, cure: str) -> None:
        """Warn about this subject at its first line only."""
        if subject not in self._said:
            self._said.add(subject)
            self.warn(line, what, cure)

    def warnings(self) -> tuple[Problem, ...]:
        """All warnings in the order of their lines. Raises ConfigError when there is an error."""
        problems = sorted(self._problems, key=lambda problem: problem.line)
        if any(problem.severity is Severity.ERROR for problem in problems):
            raise ConfigError(problems)
        return tuple(problems)
