from __future__ import annotations

from pathlib import Path

import pytest

from hbeat.adapters.log import Log
from hbeat.core.events import Level


def test_logfile_takes_all_but_debug_and_debugfile_everything(tmp_path: Path) -> None:
    log = Log("a", str(tmp_path / "log"), str(tmp_path / "debug"), "none", debug=True)
    log.write(Level.DEBUG, "small")
    log.write(Level.WARNING, "Late heartbeat")
    assert "small" not in (tmp_path / "log").read_text()
    assert [line.split("]: ")[1] for line in (tmp_path / "debug").read_text().splitlines()] == [
        "debug: small",
        "WARN: Late heartbeat",
    ]


def test_rotated_file_is_written_anew(tmp_path: Path) -> None:
    log = Log("a", str(tmp_path / "log"))
    log.write(Level.INFO, "one")
    (tmp_path / "log").rename(tmp_path / "log.1")
    log.write(Level.INFO, "two")
    assert "two" in (tmp_path / "log").read_text()


@pytest.mark.parametrize("path", ["/nonexistent/dir/log", "/dev/full"])
def test_log_that_cannot_be_written_raises_nothing(path: str) -> None:
    Log("a", path).write(Level.INFO, "lost")
