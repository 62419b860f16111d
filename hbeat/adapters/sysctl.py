"""Settings of this network namespace below /proc/sys, by the names of sysctl(8): a slash there is a dot here."""

from __future__ import annotations

from pathlib import Path

ROOT = Path("/proc/sys")
_SWAPPED = str.maketrans("./", "/.")


def read(name: str) -> tuple[int, ...] | None:
    """Its numbers; None where this kernel has no such setting, or shows it to nobody."""
    try:
        return tuple(int(word) for word in _path(name).read_text().split())
    except (OSError, ValueError):
        return None


def write(name: str, value: str) -> None:
    """Raises OSError."""
    _path(name).write_text(f"{value}\n")


def _path(name: str) -> Path:
    return ROOT / name.translate(_SWAPPED)
