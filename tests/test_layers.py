"""The floors of the house: who may import whom. A walk over the syntax trees, so that nothing has to be imported.

floor 0  core/model.py, core/events.py, core/verdict.py   words: a handful of standard modules
floor 1  the rest of core/, and config/                   decisions: no socket, clock, thread, file or log
floor 2  adapters/, checks/                               one outside interface each
floor 3  daemons and what starts them; agents/, which chooses the adapter that does a resource's work
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("hbeat", "ldirector", "migration")

WORDS = ("model.py", "events.py", "verdict.py")
MAY_IMPORT_AS_WORDS = {"__future__", "collections", "dataclasses", "enum", "ipaddress", "typing"}

OUTSIDE = {
    *("asyncio", "concurrent", "daemonize", "fcntl", "httptools", "io", "logging", "multiprocessing", "os", "pathlib"),
    *("pyroute2", "random", "requests", "select", "selectors", "shutil", "signal", "socket", "ssl", "subprocess"),
    *("syslog", "tempfile", "threading", "time", "urllib.request", "uvloop", "yaml"),
}
"""What reaches a socket, a clock, a file, a thread, a log or chance."""

INJECTED = {"random.Random"}
"""The type of a generator that is handed in; drawing from the module itself is chance."""

Import = tuple[str, int]


def imports(source: str) -> Iterator[Import]:
    """Every name a source imports, anywhere in it, with the line: `from a import b` is a.b."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide the floor"
            for alias in node.names:
                yield f"{node.module}.{alias.name}", node.lineno


def reaches(module: str, forbidden: set[str]) -> bool:
    """The module is one of these or inside one."""
    return any(module == name or module.startswith(name + ".") for name in forbidden)


def violations(path: str, source: str) -> list[str]:
    """`file:line: what` for each import that this file's floor forbids. path: relative to the root."""
    parts = Path(path).parts
    package, folder = parts[0], parts[1] if len(parts) > 2 else ""
    forbidden = {
        "hbeat": {"ldirector", "migration"},
        "ldirector": {"hbeat", "migration"},
        "migration": set[str](),
    }[package]
    if folder in ("core", "config"):
        forbidden = forbidden | OUTSIDE | {f"{package}.adapters", f"{package}.checks", f"{package}.daemon"}
    if folder == "core":
        forbidden = forbidden | {f"{package}.config"}
    if folder in ("adapters", "checks", "agents"):
        forbidden = forbidden | {f"{package}.daemon", f"{package}.cli", f"{package}.service"}
    found = [
        f"{path}:{line}: {module} is out of reach from {package}/{folder}"
        for module, line in imports(source)
        if reaches(module, forbidden) and module not in INJECTED
    ]
    if folder == "core" and parts[-1] in WORDS:
        found += [
            f"{path}:{line}: {module} is more than words need"
            for module, line in imports(source)
            if module.split(".")[0] not in MAY_IMPORT_AS_WORDS and not reaches(module, words_of(package))
        ]
    return found


def words_of(package: str) -> set[str]:
    return {f"{package}.core.{name.removesuffix('.py')}" for name in WORDS}


FILES = sorted(str(path.relative_to(ROOT)) for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


@pytest.mark.parametrize("path", FILES)
def test_file_imports_nothing_from_above_its_floor(path: str) -> None:
    assert violations(path, (ROOT / path).read_text()) == []


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("ldirector/core/director.py", "import time"),
        ("ldirector/core/director.py", "def f():\n    from time import monotonic"),
        ("ldirector/core/director.py", "from ldirector.config import errors"),
        ("ldirector/core/director.py", "from ldirector import config"),
        ("ldirector/core/model.py", "import re"),
        ("ldirector/core/events.py", "from ldirector.core.plan import plan"),
        ("ldirector/config/expand.py", "import socket"),
        ("ldirector/config/expand.py", "import ldirector.adapters.names"),
        ("ldirector/daemon.py", "import hbeat"),
        ("hbeat/core/cluster.py", "import logging"),
        ("hbeat/core/cluster.py", "from random import random"),
        ("hbeat/core/cluster.py", "import random"),
        ("hbeat/daemon.py", "from ldirector.core.model import Role"),
        ("hbeat/adapters/udp.py", "from hbeat.daemon import Daemon"),
        ("hbeat/agents/mail.py", "from hbeat.daemon import Daemon"),
    ],
)
def test_planted_import_is_caught(path: str, source: str) -> None:
    assert violations(path, source)


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("ldirector/core/model.py", "from enum import Enum\nfrom collections.abc import Mapping"),
        ("ldirector/core/events.py", "from ldirector.core.model import RealKey"),
        ("ldirector/config/build.py", "from ldirector.core.model import Real\nimport re"),
        ("migration/check.py", "import yaml\nfrom ldirector.config.ldirectord_cf import parse"),
        ("hbeat/core/seqno.py", "from random import Random"),
        ("hbeat/daemon.py", "import socket\nfrom hbeat.core.cluster import Cluster"),
    ],
)
def test_import_of_a_lower_floor_is_fine(path: str, source: str) -> None:
    assert violations(path, source) == []
