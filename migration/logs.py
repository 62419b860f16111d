"""What the nodes of a lab wrote to their /var/log: for people, nothing is judged by it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path


def last_lines(folder: Path, count: int) -> Iterator[tuple[str, list[str]]]:
    """(file name, its last lines) of each log of the node whose private folders are below `folder`."""
    for path in sorted((folder / "log").iterdir()):
        if path.is_file() and path.stat().st_size:
            yield path.name, path.read_text(errors="replace").splitlines()[-count:]


def keep(folder: Path, destination: Path) -> None:
    """Copy the logs of all nodes below `folder` to destination/NODE."""
    for node in folder.iterdir():
        for path in (node / "log").rglob("*"):
            if path.is_file():
                target = destination / node.name / path.relative_to(node / "log")
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(path.read_bytes())
