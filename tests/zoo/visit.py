"""A visit to the zoo: all animals are checked at once by one Runner, beside a healthy server that is checked often.

Two clocks. What our own work delays is measured in processor time of the loop's thread, from one wait for events to
the next (TimedSelector): that is what any other check waits at most because of us, and no other process of the machine
adds to it. What a healthy server notices is measured on the wall.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import itertools
import json
import random
import selectors
import subprocess
import sys
import time
import tracemalloc
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from ldirector.checks.runner import Runner
from ldirector.core.events import CheckSpec
from ldirector.core.verdict import Verdict
from tests.zoo.animal import TIMEOUT, Animal

ROOT = Path(__file__).parents[2]
CANARY_SECONDS = 0.02
INTERVAL = 2.0  # seconds over which the checks begin, as the director spreads them over a short checkinterval
CANARY = CheckSpec(
    "negotiate", "127.0.0.1", 0, TIMEOUT, service="http", request="/", receive="ok", virtualhost="127.0.0.1"
)


class TimedSelector(selectors.EpollSelector):
    """longest: the most processor seconds that passed between two waits for events."""

    def __init__(self) -> None:
        super().__init__()
        self.longest = 0.0
        self._since: float | None = None

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if self._since is not None:
            self.longest = max(self.longest, time.thread_time() - self._since)
        events = super().select(timeout)
        self._since = time.thread_time()
        return events


@dataclass
class Diary:
    """verdicts: by the name of the animal. canary: those of the healthy server. errors: of ours.

    delay: the most seconds from the moment a check of the healthy server was due to its verdict; work: the most
    processor seconds of the loop's thread within one such check. longest: see TimedSelector. starved: the share of
    the visit in which this thread could have run and other processes had the processor.
    """

    verdicts: dict[str, Verdict] = field(default_factory=dict)
    canary: list[Verdict] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    delay: float = 0.0
    work: float = 0.0
    longest: float = 0.0
    starved: float = 0.0


@contextmanager
def keeper(what: str) -> Iterator[dict[str, int]]:
    """The ports of the peers of another process (keeper.py)."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.zoo.keeper", what], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT
    )
    assert process.stdin
    assert process.stdout
    with process, process.stdin:
        yield json.loads(process.stdout.readline())


def visit(animals: Sequence[Animal], ports: Mapping[str, int], canary: int) -> Diary:
    """Check all of them within one checkinterval, which hundreds of hostile servers at once do not have either."""
    selector = TimedSelector()
    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(selector)) as runner:
        began, waited = time.perf_counter(), _waited()
        diary = runner.run(_visit(animals, ports, canary))
        diary.starved = (_waited() - waited) / (time.perf_counter() - began)
    diary.longest = selector.longest
    return diary


def _waited() -> float:
    """Seconds that this thread waited for a processor so far."""
    return int(Path("/proc/thread-self/schedstat").read_text().split()[1]) / 1e9


def visit_alone(animal: Animal, port: int, timeout: float = TIMEOUT) -> tuple[Verdict, int]:
    """One check of one animal, and the bytes of memory that it took at its peak."""

    async def run() -> tuple[Verdict, int]:
        verdict: asyncio.Future[Verdict] = asyncio.get_running_loop().create_future()
        checks = Runner(lambda _, found: verdict.set_result(found), print)
        spec = animal.spec(port, timeout)
        gc.collect()
        tracemalloc.start()
        before, _ = tracemalloc.get_traced_memory()
        try:
            checks.start(1, spec)
            found = await verdict
            return found, tracemalloc.get_traced_memory()[1] - before
        finally:
            tracemalloc.stop()
            await checks.close()

    return asyncio.run(run())


async def _visit(animals: Sequence[Animal], ports: Mapping[str, int], canary: int) -> Diary:
    diary = Diary()
    all_seen = asyncio.Event()

    def finished(number: int, verdict: Verdict) -> None:
        diary.verdicts[animals[number].name] = verdict
        if len(diary.verdicts) == len(animals):
            all_seen.set()

    checks = Runner(finished, diary.errors.append)
    loop = asyncio.get_running_loop()
    began = loop.time()
    order = list(range(len(animals)))
    random.Random(1).shuffle(order)  # as the phases of unlike virtuals mix
    async with _watching(canary, diary):
        for place, number in enumerate(order):
            checks.start(number, animals[number].spec(ports[animals[number].name]))
            await asyncio.sleep(began + (place + 1) * INTERVAL / len(animals) - loop.time())
        await asyncio.wait_for(all_seen.wait(), 60)
    await checks.close()
    return diary


@contextlib.asynccontextmanager
async def _watching(port: int, diary: Diary) -> AsyncIterator[None]:
    """Check the healthy server at every CANARY_SECONDS, whatever became of the check before."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    spec = replace(CANARY, port=port)
    work: dict[int, float] = {}

    def due(number: int) -> float:
        return began + number * CANARY_SECONDS

    def finished(number: int, verdict: Verdict) -> None:
        diary.canary.append(verdict)
        diary.delay = max(diary.delay, loop.time() - due(number))
        diary.work = max(diary.work, time.thread_time() - work.pop(number))

    async def watch() -> None:
        for number in itertools.count():
            await asyncio.sleep(due(number) - loop.time())
            work[number] = time.thread_time()
            checks.start(number, spec)

    checks = Runner(finished, diary.errors.append)
    watching = asyncio.create_task(watch())
    yield
    watching.cancel()
    await checks.close()
