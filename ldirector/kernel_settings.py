"""Looks at the kernel's settings for a configuration, and does about them what ldirector.yaml says."""

from __future__ import annotations

from collections.abc import Iterator

from ldirector.adapters import sysctl
from ldirector.config.director_config import DirectorConfig
from ldirector.core.events import Level
from ldirector.core.kernel_settings import Deviation, deviations


def settle(config: DirectorConfig) -> Iterator[tuple[Level, str]]:
    """Lines for the log: what was set, or what somebody should set, and why."""
    if config.sysctl == "off":
        return
    for deviation in deviations(config.virtuals, sysctl.read):
        yield _managed(deviation) if config.sysctl == "manage" else (Level.WARNING, _told(deviation))


def _managed(deviation: Deviation) -> tuple[Level, str]:
    setting = deviation.setting
    try:
        sysctl.write(setting.name, setting.wanted)
    except OSError as error:
        return Level.WARNING, f"{_told(deviation)}; it cannot be set here: {error.strerror}"
    return Level.INFO, f"{setting.name} is set to {setting.wanted}, it was {deviation.found}: {setting.otherwise}"


def _told(deviation: Deviation) -> str:
    setting = deviation.setting
    cure = f"sysctl -w {setting.name}={setting.wanted}, or sysctl: manage in ldirector.yaml"
    return f"{setting.name} is {deviation.found}: {setting.otherwise} ({cure})"
