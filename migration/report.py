"""What the rehearsal shows: a live timeline, a table at the end, and all of it as JSON."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the timeline; at: seconds since the rehearsal began."""

    at: float
    who: str
    what: str


@dataclass(slots=True)
class StepResult:
    """One step, as seen from outside. Times are seconds.

    outage: the longest time without a good answer. moved: VIP -> how long after the step's event it came to its new
    node. tables: node -> `ipvsadm -Ln` at the end. unmet: what was expected and not observed, () = all was.
    """

    step: str
    event: str
    began: float
    lasted: float = 0.0
    outage: float | None = None
    requests: int = 0
    failed: int = 0
    failures: dict[str, int] = field(default_factory=dict)
    slowest: float = 0.0
    moved: dict[str, float] = field(default_factory=dict)
    reals: str = ""
    tables: dict[str, str] = field(default_factory=dict)
    unmet: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        return not self.unmet


class Report:
    """Collects and prints."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self._zero = time.monotonic()
        self.events: list[Event] = []
        self.steps: list[StepResult] = []

    def since_start(self, at: float) -> float:
        return at - self._zero

    def heading(self, text: str) -> None:
        self._write("")
        self._write(f"== {text}")

    def event(self, who: str, what: str, at: float | None = None) -> None:
        """One line of the timeline, now or at a monotonic time just past."""
        event = Event(round(self.since_start(at or time.monotonic()), 4), who, what)
        self.events.append(event)
        self._write(f"{event.at:9.3f}  {who:<12} {what}")

    def block(self, text: str) -> None:
        for line in text.splitlines():
            self._write(f"{'':11}{line}")

    def step(self, result: StepResult) -> None:
        """The end of a step: its figures, and what was missing."""
        self.steps.append(result)
        outage = "" if result.outage is None else f"outage {result.outage:.3f} s, "
        self.event(
            "result",
            f"{outage}{result.failed} of {result.requests} requests failed: "
            + ("as expected" if result.passed else "NOT as expected"),
        )
        for missing in result.unmet:
            self.event("MISSING", missing)

    def summary(self) -> None:
        """The table of all steps."""
        self.heading("summary")
        row = "{:<12} {:>9} {:>15} {:>9}  {:<38} {}".format
        self._write(row("step", "outage s", "failed requests", "slowest s", "VIPs moved after s", "verdict"))
        for step in self.steps:
            outage = "-" if step.outage is None else f"{step.outage:.3f}"
            moved = ", ".join(f"{vip} {after:.3f}" for vip, after in step.moved.items()) or "-"
            failed = f"{step.failed} of {step.requests}" if step.requests else "-"
            verdict = "ok" if step.passed else "FAILED"
            self._write(row(step.step, outage, failed, f"{step.slowest:.3f}", moved, verdict))
        for name, outages in self._repeated().items():
            self._write(f"{name}: median outage of {len(outages)}: {median(outages):.3f} s")
        self._write("")
        bad = [step.step for step in self.steps if not step.passed]
        if bad:
            self._write(f"FAILED: {', '.join(dict.fromkeys(bad))} did not go as expected")
        else:
            self._write("every step was observed from outside as expected")

    def _repeated(self) -> dict[str, list[float]]:
        outages: dict[str, list[float]] = {}
        for step in self.steps:
            if step.outage is not None:
                outages.setdefault(step.step, []).append(step.outage)
        return {name: values for name, values in outages.items() if len(values) > 1}

    @property
    def passed(self) -> bool:
        return bool(self.steps) and all(step.passed for step in self.steps)

    def save(self, path: Path, notes: Sequence[str]) -> None:
        """Everything as JSON."""
        steps = [{**asdict(step), "passed": step.passed} for step in self.steps]
        events = [asdict(event) for event in self.events]
        medians = {name: median(outages) for name, outages in self._repeated().items()}
        document = {"passed": self.passed, "notes": list(notes), "steps": steps, "median_outage": medians}
        path.write_text(json.dumps({**document, "events": events}, indent=2) + "\n")
