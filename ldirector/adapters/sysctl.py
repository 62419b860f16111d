"""Settings of this network namespace below /proc/sys, by the names of sysctl(8)."""

from __future__ import annotations

from pathlib import Path

ROOT = Path("/proc/sys")


def read(name: str) -> int | None:
    """The value; None where this kernel has no such setting, or shows it to nobody."""
    try:
        return int(_path(name).read_text())
    except (OSError, ValueError):
        return None


def write(name: str, value: int) -> None:
    """Raises OSError."""
    _path(name).write_text(f"{value}\n")


def _path(name: str) -> Path:
    return ROOT / name.replace(".", "/")
