"""The whole cluster of the samples in a guest kernel, through the command; judged from the kernel and the client."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from migration import uml
from migration.story import STEPS

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "etc/ha.d"
SEED = ROOT / "tests/vectors/ultramonkey"

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.skipif(bool(uml.missing_packages()), reason=f"needs {' '.join(uml.missing_packages())}"),
]


def rehearse(folder: Path, results: Path, *options: str) -> tuple[int, dict[str, Any]]:
    """Exit status and the saved results. What the nodes logged is in results/logs if a test fails."""
    results.mkdir(exist_ok=True)
    done = subprocess.run(
        [
            *(sys.executable, "-m", "migration", "rehearse", str(folder), "--json", str(results / "out.json")),
            *("--keep-logs", str(results / "logs"), *options),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    print(done.stdout, done.stderr)
    return done.returncode, json.loads((results / "out.json").read_text())


def steps(results: dict[str, Any], name: str) -> list[dict[str, Any]]:
    return [step for step in results["steps"] if step["step"] == name]


def weights(table: str) -> dict[str, int]:
    """Real -> weight from the text of ipvsadm -Ln."""
    lines = [line.split() for line in table.splitlines() if line.lstrip().startswith("-> ")]
    return {words[1]: int(words[3]) for words in lines if words[2] == "Masq"}


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    """One run of all steps on the samples."""
    return rehearse(SAMPLES, tmp_path_factory.mktemp("rehearsal"))


def test_every_step_goes_as_expected(played):
    status, results = played
    assert status == 0
    assert [step["step"] for step in results["steps"]] == ["start", *STEPS]
    assert results["passed"]


def test_the_table_is_the_seeds(played):
    _, results = played
    reals = [f"192.168.2.{number}:80" for number in (236, 237, 238)]
    (start,), (real_down,) = steps(results, "start"), steps(results, "real-down")
    assert "TCP  10.1.1.10:80 wrr" in start["tables"]["test1.com"]
    assert weights(start["tables"]["test1.com"]) == dict.fromkeys(reals, 1)
    assert weights(real_down["tables"]["test1.com"]) == {**dict.fromkeys(reals, 1), reals[0]: 0}
    assert weights(start["tables"]["test2.com"]) == {}


def test_a_power_cut_costs_the_client_about_deadtime(played):
    (power_off,) = steps(played[1], "power-off")
    assert 1.0 < power_off["outage"] < 3.1
    assert power_off["failed"] > 0
    assert set(power_off["tables"]) == {"test2.com"}


def test_both_addresses_move_at_each_change_of_the_holder(played):
    for name in ("start", "power-off", "return", "stop", "start-again"):
        (step,) = steps(played[1], name)
        assert set(step["moved"]) == {"10.1.1.10", "192.168.2.240"}, name


def test_short_timers_shorten_the_outage(tmp_path):
    options = ["--keepalive", "100ms", "--deadtime", "300ms", "--steps", "power-off", "--repeat", "5"]
    status, results = rehearse(SAMPLES, tmp_path, *options)
    assert status == 0
    assert len(steps(results, "power-off")) == 5
    assert results["median_outage"]["power-off"] < 0.45


def test_two_owners_are_noticed(tmp_path):
    """The negative control: nodes with two different keys do not hear each other; unguarded, both take everything."""
    folder = tmp_path / "files"
    shutil.copytree(SEED, folder)
    for node in ("test1.com", "test2.com"):
        (folder / node / "hbeat.yaml").write_text("arp_guard: off\n")
    (folder / "test2.com/authkeys").write_text("auth 2\n2 sha1 ANOTHER\n")
    status, results = rehearse(folder, tmp_path / "results", "--keepalive", "200ms", "--deadtime", "1")
    assert status == 1
    assert any("10.1.1.10 is on test2.com" in missing for missing in results["steps"][0]["unmet"])
