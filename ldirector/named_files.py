"""Files, folders and programs that a configuration names and this machine does not have, each with its line.

The daemon runs in /, so a relative path leads elsewhere than it did for whoever wrote and tried it.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

from ldirector.config.director_config import DirectorConfig
from ldirector.config.errors import Problem, Severity
from ldirector.core.commands import words
from ldirector.core.model import CheckType
from ldirector.instance import find

REFUSED_BY_LDIRECTORD = ("logfile", "monitorfile")
"""It opens these while it reads the file."""

Named = tuple[str, str, str, str]
"""Directive, value, what is wrong with it ("" = nothing), cure."""

_PATH = "correct the path"
_WHOLE = "write the whole path, from / on"


def faults(config: DirectorConfig, text: str, strict: bool) -> list[Problem]:
    """One warning each. text: of the file. strict: what ldirectord refuses to start with is an error."""
    found = dict.fromkeys(_named(config))  # a global value is that of many virtuals
    return [
        Problem(
            config.file,
            _line_of(name, value, text),
            Severity.ERROR if strict and name in REFUSED_BY_LDIRECTORD and cure == _PATH else Severity.WARNING,
            f"{name} {value}: {what}",
            cure,
        )
        for name, value, what, cure in found
        if what
    ]


def _named(config: DirectorConfig) -> Iterator[Named]:
    if config.logfile.startswith("/"):
        yield "logfile", config.logfile, _unwritable(config.logfile), _PATH
    if config.maintenancedir:
        there = os.path.isdir(config.maintenancedir)
        yield _absolute("maintenancedir", config.maintenancedir, "" if there else "there is no such folder")
    if config.callback:
        yield _absolute("callback", config.callback, _no_program(config.callback))
    for name in config.execute:
        yield "execute", name, *_no_configuration(name, config.file)
    for virtual in config.virtuals:
        if virtual.monitorfile:
            yield _absolute("monitorfile", virtual.monitorfile, _unwritable(virtual.monitorfile))
        if virtual.checktype is CheckType.EXTERNAL:
            yield _command("checkcommand", virtual.checkcommand, virtual.checkcommand)
        if virtual.checktype is CheckType.EXTERNAL_PERL:
            there = os.path.isfile(virtual.checkcommand)
            yield _absolute("checkcommand", virtual.checkcommand, "" if there else "there is no such program")
        if virtual.fallbackcommand:
            yield _command("fallbackcommand", virtual.fallbackcommand, next(iter(words(virtual.fallbackcommand)), ""))


def _absolute(name: str, value: str, fault: str) -> Named:
    """What is wrong with a path: that it is relative, else the fault."""
    if os.path.isabs(value):
        return name, value, fault, _PATH
    return name, value, f"it is looked for in /, where the daemon runs, as {os.path.normpath('/' + value)}", _WHOLE


def _command(name: str, value: str, program: str) -> Named:
    """A program without any / in its name is looked for in PATH."""
    if "/" in program:
        _, _, fault, cure = _absolute(name, program, _no_program(program))
        return name, value, fault, cure
    return name, value, "" if shutil.which(program) else "there is no such program in PATH", _WHOLE


def _no_program(path: str) -> str:
    if not os.path.isfile(path):
        return "there is no such program"
    return "" if os.access(path, os.X_OK) else "it is not executable"


def _no_configuration(name: str, file: str) -> tuple[str, str]:
    """What is wrong with an instance of execute=, and the cure."""
    path = str(find(name).config)
    if not os.path.isfile(path):
        return "there is no such configuration", _PATH
    itself = os.path.realpath(path) == os.path.realpath(file)
    return "it is this configuration itself" if itself else "", "remove the line"


def _unwritable(path: str) -> str:
    """os.path, because the values of a file can be too long or too strange for any path."""
    if os.path.isdir(path):
        return "it is a folder"
    return "" if os.path.isdir(os.path.dirname(path)) else "its folder is not there"


def _line_of(name: str, value: str, text: str) -> int:
    """Where the file says so, 0 where it does not."""
    shown = text.split("\n"), text.replace("\t", "    ").split("\n")  # a tab inside a block is four blanks (grammar.py)
    lines = enumerate(zip(*shown, strict=True), 1)
    return next(
        (n for n, (raw, plain) in lines if plain.strip().startswith(name) and (value in raw or value in plain)), 0
    )
