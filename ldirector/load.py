"""Everything that configures a daemon, read from disk: ldirectord.cf, ldirector.yaml beside it, the files these name.

Whole and good, or a ConfigError that names file, line and cure; nothing running is touched by it.
"""

from __future__ import annotations

import datetime
import os
import shutil
from dataclasses import replace
from pathlib import Path

from ldirector.adapters import tls_files
from ldirector.adapters.config_watch import ConfigFile
from ldirector.adapters.names import SystemNames
from ldirector.adapters.yaml_file import read_tree
from ldirector.checks import extras, tls
from ldirector.config.director_config import DirectorConfig
from ldirector.config.errors import Problem, Severity
from ldirector.config.expand import Names
from ldirector.config.ldirectord_cf import parse
from ldirector.config.settings_file import FileFault, overlay
from ldirector.core.model import CheckType, TlsRules
from ldirector.instance import find

SETTINGS_FILE = "ldirector.yaml"


def config_file(path: Path, strict: bool = False) -> ConfigFile[DirectorConfig]:
    """The file, to be loaded and watched together with ldirector.yaml in its folder.

    Its load() raises ConfigError, or OSError when the file cannot be read. strict: see ldirectord_cf.parse.
    """
    names = SystemNames()
    return ConfigFile(path, lambda text, settings: read(text, settings, path, names, strict), settings_beside(path))


def settings_beside(path: Path) -> Path:
    """Where the settings for this configuration file are looked for."""
    return path.parent / SETTINGS_FILE


def read(text: str, settings: str, path: Path, names: Names, strict: bool = False) -> DirectorConfig:
    """The configuration of these two texts; path: of the first. Raises ConfigError."""
    beside = str(settings_beside(path))
    config = parse(text, str(path), names, strict, extras.missing)
    config = overlay(config, read_tree(settings, beside), beside, _tls_faults)
    _open_certificates(config)
    return replace(config, warnings=(*config.warnings, *_missing_files(config, text)))


def _tls_faults(rules: TlsRules) -> list[FileFault]:
    return tls_files.faults(rules, datetime.datetime.now(datetime.UTC))


def _open_certificates(config: DirectorConfig) -> None:
    """The files that were found to be good are those in force, whatever becomes of them until the next reload."""
    tls.context.cache_clear()
    for rules in {virtual.policy.tls for virtual in config.virtuals}:
        tls.context(rules)


def _missing_files(config: DirectorConfig, text: str) -> list[Problem]:
    """Warnings about files and folders that the configuration names and this machine does not have."""
    named: dict[tuple[str, str], str] = {}
    if config.logfile.startswith("/"):
        named["logfile", config.logfile] = _unwritable(config.logfile)
    if config.maintenancedir and not os.path.isdir(config.maintenancedir):
        named["maintenancedir", config.maintenancedir] = "there is no such folder"
    for name in config.execute:
        if not os.path.isfile(find(name).config):
            named["execute", name] = "there is no such configuration"
    for virtual in config.virtuals:
        if virtual.monitorfile:
            named["monitorfile", virtual.monitorfile] = _unwritable(virtual.monitorfile)
        if virtual.checktype in (CheckType.EXTERNAL, CheckType.EXTERNAL_PERL):
            found = shutil.which(virtual.checkcommand) or virtual.checktype is CheckType.EXTERNAL_PERL
            usable = found and os.path.isfile(virtual.checkcommand)
            named["checkcommand", virtual.checkcommand] = "" if usable else "there is no such program"
    return [
        Problem(
            config.file, _line_of(name, value, text), Severity.WARNING, f"{name} {value}: {what}", "correct the path"
        )
        for (name, value), what in named.items()
        if what
    ]


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
