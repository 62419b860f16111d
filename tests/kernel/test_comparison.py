"""`hbeat-migrate rehearse --against keepalived` in a guest: one fault on both, judged by what the command writes."""

from __future__ import annotations

import json
import shutil
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


def test_a_power_cut_on_ours_and_on_keepalived(tmp_path: Path) -> None:
    folder = tmp_path / "files"
    shutil.copytree(ROOT / "etc/ha.d", folder)
    (folder / "hbeat.yaml").write_text("connection_sync: eth1/5\n")  # downloads that go on end the play sooner
    words = ["--against", "keepalived", "--faults", "power-off", "--keepalive", "100ms", "--deadtime", "300ms"]
    done = subprocess.run(
        [
            *(sys.executable, "-m", "migration", "rehearse", str(folder), *words),
            *("--json", str(tmp_path / "out.json"), "--keep-logs", str(tmp_path / "logs")),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    print(done.stdout, done.stderr)
    assert done.returncode == 0
    results = json.loads((tmp_path / "out.json").read_text())
    assert [(row["stack"], row["fault"]) for row in results["rows"]] == [
        *(("ours", "power-off"), ("ours", "return"), ("keepalived", "power-off"), ("keepalived", "return"))
    ]
    for row in results["rows"]:
        assert row["two_owners"] <= 0.05
        assert row["moved"] is not None
        assert row["requests"] > 100
    cuts = [row for row in results["rows"] if row["fault"] == "power-off"]
    assert all(row["failed"] > 0 and 0.1 < row["outage"] < 5 for row in cuts)
    assert results["ours_of_keepalived"]["power-off"] > 0
    assert "did not come to rest" not in done.stdout
    (log,) = (tmp_path / "logs/keepalived").glob("power-off-0/test2.com/syslog")
    assert "Entering MASTER STATE" in log.read_text()
