"""What is made of the plays: verdict, page and JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ldirector.adapters.names import SystemNames
from migration.cluster_files import read_cluster
from migration.comparison import comparison
from migration.comparison.comparison import Comparison, known_faults
from migration.comparison.faults import Half, Row
from migration.comparison.play import Play
from migration.topology import derive

SAMPLES = Path(__file__).parents[3] / "etc/ha.d"
FILES = read_cluster(SAMPLES, SystemNames())
TOPOLOGY = derive(FILES)
GOOD = Half(Row("power-off", 2.5, 500, 200, 2.4, 0.0, 2, 0, None))
BAD = Half(Row("power-off", 2.5, 500, 200, 2.4, 5.0, 2, 0, None), ("power-off: two nodes had one address for 5.000 s",))


@pytest.fixture(autouse=True)
def programs_are_here(monkeypatch):
    monkeypatch.setattr("migration.comparison.programs.keepalived", lambda: Path("/usr/sbin/keepalived"))
    monkeypatch.setattr("migration.comparison.programs.heartbeat_layer", lambda: None)


def compared(
    monkeypatch: pytest.MonkeyPatch, *plays: Play, against: tuple[str, ...] = ("keepalived", "heartbeat")
) -> Comparison:
    monkeypatch.setattr(comparison, "plays", lambda *_: plays)
    made = Comparison(FILES, TOPOLOGY, against, lambda _: None)
    made.play(["power-off"], 1, None)
    return made


def play(stack: str, *halves: Half, log: tuple[str, ...] = ()) -> Play:
    return Play(stack, "power-off", 0, halves, log)


def test_faults_are_named_after_the_owners_interfaces_with_virtual_addresses() -> None:
    assert list(known_faults(TOPOLOGY)) == [
        *("power-off", "stop", "hb_standby", "cable eth0", "cable eth1", "killed", "frozen", "heartbeats cut")
    ]


def test_only_ours_is_judged(monkeypatch):
    assert compared(monkeypatch, play("ours", GOOD), play("keepalived", BAD)).passed
    made = compared(monkeypatch, play("ours", GOOD, BAD), play("keepalived", GOOD))
    assert not made.passed
    assert list(made.summary())[-1] == "FAILED: power-off: two nodes had one address for 5.000 s"


def test_a_rival_that_does_not_come_to_rest_is_told_with_its_log_and_the_rest_counts(monkeypatch):
    made = compared(monkeypatch, play("ours", GOOD), play("heartbeat", log=("test1.com: ha-log: no such script",)))
    shown = list(made.summary())
    assert made.passed
    assert any("heartbeat" in text and "did not come to rest" in text for text in shown)
    assert f"{'':11}test1.com: ha-log: no such script" in shown


def test_ours_that_does_not_come_to_rest_has_failed(monkeypatch):
    made = compared(monkeypatch, play("ours"), play("ours", GOOD), play("keepalived", GOOD))
    assert not made.passed
    assert list(made.summary())[-1] == "FAILED: ours did not come to rest"


def test_nothing_played_is_not_passed(monkeypatch):
    assert not compared(monkeypatch).passed


def test_page_tells_where_keepalived_was_not_given_the_same(monkeypatch):
    shown = "\n".join(compared(monkeypatch, play("ours", GOOD)).summary())
    assert "a backup takes over 3.609 s after the last advert" in shown
    alone = "\n".join(compared(monkeypatch, play("ours", GOOD), against=("heartbeat",)).summary())
    assert "advert" not in alone.partition("where the comparison")[2]
    assert "a guest starts programs about ten times more slowly" in alone
    assert f"heartbeat: {SAMPLES}/hbeat.yaml: the originals do not read it" in alone


def test_json_has_rows_medians_ratios_and_notes(monkeypatch, tmp_path):
    made = compared(monkeypatch, play("ours", GOOD), play("keepalived", BAD), play("heartbeat", log=("a",)))
    made.save(tmp_path / "out.json")
    saved = json.loads((tmp_path / "out.json").read_text())
    assert saved["passed"] is True
    assert [(row["stack"], row["fault"], row["outage"]) for row in saved["rows"]] == [
        ("ours", "power-off", 2.5),
        ("keepalived", "power-off", 2.5),
    ]
    assert saved["ours_of_keepalived"] == {"power-off": 1.0}
    assert saved["did_not_come_to_rest"] == [
        {"fault": "power-off", "stack": "heartbeat", "repetition": 0, "log": ["a"]}
    ]
    assert any("adverts" in note for note in saved["notes"])
