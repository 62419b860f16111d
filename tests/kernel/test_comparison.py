"""`hbeat-migrate rehearse --against keepalived` in a guest: one fault on both, judged by what the command writes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from migration import uml
from migration.comparison import programs

ROOT = Path(__file__).parents[2]


def why_not() -> str:
    if missing := uml.missing_packages():
        return f"needs {' '.join(missing)}"
    try:
        programs.keepalived()
    except programs.ProgramMissing as missing_program:
        return str(missing_program)
    return ""


pytestmark = [pytest.mark.kernel, pytest.mark.skipif(bool(why_not()), reason=why_not())]


def test_a_cut_heartbeat_path_on_ours_and_on_keepalived(tmp_path: Path) -> None:
    """The fault which tells them apart: the referee has to see two owners on the one, and none on the other."""
    words = ["--against", "keepalived", "--faults", "heartbeats cut", "--keepalive", "100ms", "--deadtime", "300ms"]
    done = subprocess.run(
        [
            *(sys.executable, "-m", "migration", "rehearse", str(ROOT / "etc/ha.d"), *words),
            *("--json", str(tmp_path / "out.json"), "--keep-logs", str(tmp_path / "logs")),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    print(done.stdout, done.stderr)
    assert done.returncode == 0
    results = json.loads((tmp_path / "out.json").read_text())
    assert [row["stack"] for row in results["rows"]] == ["ours", "keepalived"]
    ours, keepalived = results["rows"]
    assert (ours["two_owners"], ours["moved"]) == (0, None)
    assert keepalived["two_owners"] > 5
    assert keepalived["moved"] < 5
    assert min(row["requests"] for row in results["rows"]) > 200
    assert "did not come to rest" not in done.stdout
    (log,) = (tmp_path / "logs/keepalived").glob("heartbeats-cut-0/test2.com/syslog")
    assert "Entering MASTER STATE" in log.read_text()
