"""The recorded cases of the original ldirectord, played by ours against real IPVS.

Each case has a guest of its own; several run at once, since they mostly wait for intervals to pass. `make test` plays
those that together show every check, verb and file at work; `make nightly` all.
"""

from __future__ import annotations

import queue
import shutil
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from migration import uml

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.skipif(bool(uml.missing_packages()), reason=f"needs {' '.join(uml.missing_packages())}"),
]

VECTORS = Path(__file__).parent.parent / "vectors" / "ldirectord"
CASES = sorted(path.name[:2] for path in VECTORS.iterdir() if path.is_dir())
EVERY_DAY = ["03", "07", "11", "12", "13", "15", "16", "18", "20", "25", "26", "27", "28"]
GUESTS = 4  # at once
TIME_LIMIT = 400.0  # seconds; the longest case would take two minutes if every stage used all its time


class Stage:
    """Plays cases in a few guests and passes on what they say."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(GUESTS)
        self._results: dict[Path, Future[int]] = {}
        self.lines: queue.Queue[str] = queue.Queue()
        self.said: dict[Path, list[str]] = {}

    def submit(self, case: Path) -> None:
        self._results[case] = self._pool.submit(self._play, case)

    def result(self, case: Path) -> Future[int]:
        return self._results[case]

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)

    def _play(self, case: Path) -> int:
        self.said[case] = []

        def on_line(line: str) -> None:
            self.said[case].append(line)
            self.lines.put(line)

        command = [sys.executable, "-m", "tests.kernel.play_case", str(case)]
        return uml.run_guest(
            command,
            on_line=on_line,
            memory="256M",
            time_limit=TIME_LIMIT,
            folder=Path(__file__).parents[2],
        )


def folder_of(number: str) -> Path:
    (found,) = VECTORS.glob(f"{number}_*")
    return found


@pytest.fixture(scope="module")
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    """All cases that were asked for, already under way."""
    stage = Stage()
    for item in request.session.items:
        callspec = getattr(item, "callspec", None)
        if callspec and "case" in callspec.params:
            stage.submit(folder_of(callspec.params["case"]))
    yield stage
    stage.close()


def finish(stage: Stage, case: Path, request: pytest.FixtureRequest) -> int:
    """Wait for one case, showing on the terminal what any of them says meanwhile."""
    capture = request.config.pluginmanager.getplugin("capturemanager")
    result = stage.result(case)
    while not (result.done() and stage.lines.empty()):
        try:
            line = stage.lines.get(timeout=0.2)
        except queue.Empty:
            continue
        with capture.global_and_fixture_disabled():
            print(f"  {line}", flush=True)
    return result.result()


@pytest.mark.parametrize(
    "case", [pytest.param(case, marks=[] if case in EVERY_DAY else pytest.mark.nightly) for case in CASES]
)
def test_real_daemon_reaches_the_recorded_table_at_each_stage(
    case: str, stage: Stage, request: pytest.FixtureRequest
) -> None:
    status = finish(stage, folder_of(case), request)
    assert status == 0, "\n".join(stage.said[folder_of(case)])


def test_a_wrong_expectation_is_noticed(tmp_path: Path, stage: Stage, request: pytest.FixtureRequest) -> None:
    """Negative control: the same play must go red for one wrong weight, and name it."""
    case = tmp_path / "08_with_a_planted_weight"
    shutil.copytree(folder_of("08"), case)
    expected = case / "expected.txt"
    expected.write_text(expected.read_text().replace("192.168.2.237:80 -m -w 10", "192.168.2.237:80 -m -w 11"))
    stage.submit(case)
    assert finish(stage, case, request) == 1
    said = "\n".join(stage.said[case])
    assert "08_with_a_planted_weight start: start exit 0; WRONG ipvsadm -Sn" in said
    assert "08_with_a_planted_weight stop: stop exit 0; table after" in said
