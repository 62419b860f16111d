"""`ldirectord -t`: what is wrong with a configuration file, and the table it comes to when every check is good."""

from __future__ import annotations

import sys
from pathlib import Path

from ldirector.config.errors import ConfigError, Problem
from ldirector.core.ipvsadm_list import as_listed
from ldirector.core.preview import preview
from ldirector.load import config_file

FINE, WARNINGS, REFUSED = 0, 1, 2


def check_file(path: Path, strict: bool) -> int:
    """Problems go to standard error, each with line and cure; the table to standard output, as `ipvsadm -Ln` has it.

    Returns 0 when all is well, 1 when there are warnings, 2 when the file would be refused. strict: also for what
    ldirectord refuses and this program takes with a warning. Nothing that runs is touched.
    """
    try:
        config = config_file(path, strict).load()
    except OSError as error:
        sys.stderr.write(f"error: cannot read {error.filename or path}: {error.strerror}\n")
        return REFUSED
    except ConfigError as error:
        _print(error.problems)
        return REFUSED
    _print(config.warnings)
    print("\n".join(as_listed(preview(config.virtuals))))
    return WARNINGS if config.warnings else FINE


def _print(problems: tuple[Problem, ...]) -> None:
    for problem in problems:
        sys.stderr.write(f"{problem.severity.value}: {problem}\n")
