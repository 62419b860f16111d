"""Everything that configures a daemon, read from disk: ldirectord.cf, ldirector.yaml beside it, the files these name.

Whole and good, or a ConfigError that names file, line and cure; nothing running is touched by it.
"""

from __future__ import annotations

import datetime
from dataclasses import replace
from pathlib import Path

from ldirector import named_files
from ldirector.adapters import tls_files
from ldirector.adapters.config_watch import ConfigFile
from ldirector.adapters.names import SystemNames
from ldirector.adapters.yaml_file import read_tree
from ldirector.checks import extras, tls
from ldirector.config.director_config import DirectorConfig
from ldirector.config.errors import ConfigError, Severity
from ldirector.config.expand import Names
from ldirector.config.ldirectord_cf import parse
from ldirector.config.settings_file import FileFault, overlay
from ldirector.core.model import TlsRules

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
    problems = (*config.warnings, *named_files.faults(config, text, strict))
    if any(problem.severity is Severity.ERROR for problem in problems):
        raise ConfigError(problems)
    return replace(config, warnings=problems)


def _tls_faults(rules: TlsRules) -> list[FileFault]:
    return tls_files.faults(rules, datetime.datetime.now(datetime.UTC))


def _open_certificates(config: DirectorConfig) -> None:
    """The files that were found to be good are those in force, whatever becomes of them until the next reload."""
    tls.context.cache_clear()
    for rules in {virtual.policy.tls for virtual in config.virtuals}:
        tls.context(rules)
