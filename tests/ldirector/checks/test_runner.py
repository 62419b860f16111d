import asyncio
import os
import resource
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from ldirector.checks import http, runner
from ldirector.checks.runner import Runner
from ldirector.core.events import CheckSpec
from ldirector.core.verdict import Outcome, Reason, Verdict
from tests.ldirector.checks.servers import answer, saying, saying_and_waiting, serving
from tests.ldirector.checks.test_http import a_spec


class Checks:
    """A runner and what it reported."""

    def __init__(self, **slots: int) -> None:
        self.verdicts: dict[int, Verdict] = {}
        self.errors: list[str] = []
        self._changed = asyncio.Event()
        self.runner = Runner(self._finished, self.errors.append, **slots)

    def _finished(self, check_id: int, verdict: Verdict) -> None:
        assert check_id not in self.verdicts, "reported twice"
        self.verdicts[check_id] = verdict
        self._changed.set()

    async def wait_for(self, count: int) -> None:
        async with asyncio.timeout(10):
            while len(self.verdicts) < count:
                self._changed.clear()
                await self._changed.wait()


def outcomes(checks: Checks) -> list[tuple[Outcome, Reason]]:
    return [(verdict.outcome, verdict.reason) for _, verdict in sorted(checks.verdicts.items())]


def test_every_check_is_reported_once_with_the_time_it_took() -> None:
    async def run() -> None:
        checks = Checks()
        async with serving(saying(answer())) as server:
            for check_id in range(20):
                checks.runner.start(check_id, a_spec(server.port))
            await checks.wait_for(20)
        await checks.runner.close()
        assert set(outcomes(checks)) == {(Outcome.PASS, Reason.OK)}
        assert all(0 < verdict.took < 5 for verdict in checks.verdicts.values())

    asyncio.run(run())


def test_no_more_checks_run_than_there_are_slots() -> None:
    async def run() -> None:
        checks, most, now_running = Checks(socket_slots=3), 0, 0

        async def slow(_reader: object, writer: asyncio.StreamWriter) -> None:
            nonlocal most, now_running
            now_running += 1
            most = max(most, now_running)
            await asyncio.sleep(0.01)
            now_running -= 1
            writer.write(answer())

        async with serving(slow) as server:
            for check_id in range(12):
                checks.runner.start(check_id, a_spec(server.port))
            await checks.wait_for(12)
        assert most == 3
        assert set(outcomes(checks)) == {(Outcome.PASS, Reason.OK)}

    asyncio.run(run())


def test_a_check_waits_for_its_turn_however_long_and_the_operator_is_told_once() -> None:
    async def run() -> None:
        checks = Checks(socket_slots=1)
        async with serving(saying_and_waiting()) as hanging, serving(saying(answer())) as good:
            for check_id in (1, 2, 3):
                checks.runner.start(check_id, a_spec(hanging.port, timeout=0.4))
            checks.runner.start(4, a_spec(good.port, timeout=0.3))
            await checks.wait_for(4)
        assert outcomes(checks) == [(Outcome.FAIL, Reason.READ_TIMEOUT)] * 3 + [(Outcome.PASS, Reason.OK)]
        (said,) = checks.errors
        assert "checks_in_flight" in said

    asyncio.run(run())


def test_a_cancelled_check_reports_nothing_and_frees_its_slot() -> None:
    async def run() -> None:
        checks = Checks(socket_slots=1)
        async with serving(saying_and_waiting()) as hanging, serving(saying(answer())) as good:
            checks.runner.start(1, a_spec(hanging.port))
            checks.runner.start(2, a_spec(hanging.port))
            checks.runner.start(3, a_spec(good.port))
            checks.runner.cancel(1)
            checks.runner.cancel(2)
            checks.runner.cancel(99)
            await checks.wait_for(1)
        assert list(checks.verdicts) == [3]

    asyncio.run(run())


@contextmanager
def descriptors_left(count: int) -> Iterator[None]:
    """Only so many more descriptors can be opened."""
    old = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = max(int(name) for name in os.listdir("/proc/self/fd"))
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 1 + count, old[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, old)


@pytest.mark.parametrize(
    "spec",
    [
        a_spec(9),
        CheckSpec("connect", "127.0.0.1", 9, 5.0),
        CheckSpec("external", "", 0, 5.0, command=("/bin/false",)),
    ],
    ids=["http", "connect", "external"],
)
def test_running_out_of_descriptors_is_not_the_servers_fault(spec: CheckSpec) -> None:
    runner.probe_of(spec.method, spec.service)  # the daemon loads every check before the first is due

    async def run() -> None:
        checks = Checks()
        held = []
        with descriptors_left(0):
            while True:
                try:
                    held.append(open("/dev/null"))  # noqa: SIM115
                except OSError:
                    break
            checks.runner.start(1, spec)
            await checks.wait_for(1)
        for file in held:
            file.close()
        assert outcomes(checks) == [(Outcome.NOT_RUN, Reason.NO_DESCRIPTORS)]

    asyncio.run(run())


def test_a_bug_in_one_check_is_logged_and_costs_no_server_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(_spec: CheckSpec, _deadline: float) -> Verdict:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(runner, "probe_of", lambda method, _: broken if method == "connect" else http.check)

    async def run() -> None:
        checks = Checks()
        async with serving(saying(answer())) as server:
            checks.runner.start(1, CheckSpec("connect", "127.0.0.1", 1, 5.0))
            checks.runner.start(2, a_spec(server.port))
            await checks.wait_for(2)
        assert outcomes(checks) == [(Outcome.NOT_RUN, Reason.INTERNAL), (Outcome.PASS, Reason.OK)]
        assert "ZeroDivisionError: a bug" in checks.errors[0]

    asyncio.run(run())


def stalling(seconds: float) -> Callable[[], None]:
    return lambda: time.sleep(seconds)


def test_a_timeout_while_our_own_loop_stood_still_was_not_run() -> None:
    async def run() -> None:
        checks = Checks()
        async with serving(saying_and_waiting()) as server:
            checks.runner.start(1, a_spec(server.port, timeout=0.4))
            await asyncio.sleep(0.05)
            stalling(0.5)()
            await checks.wait_for(1)
        assert outcomes(checks) == [(Outcome.NOT_RUN, Reason.OVERLOADED)]

    asyncio.run(run())


def test_a_wrong_answer_does_not_count_while_we_were_slow_ourselves() -> None:
    async def run() -> None:
        checks = Checks()
        async with serving(saying(answer(b"wrong"))) as server:
            checks.runner.start(1, a_spec(server.port, timeout=1.0))
            await asyncio.sleep(0)
            stalling(0.5)()
            await checks.wait_for(1)
            checks.runner.start(2, a_spec(server.port, timeout=1.0))
            await checks.wait_for(2)
        assert outcomes(checks) == [(Outcome.NOT_RUN, Reason.OVERLOADED), (Outcome.FAIL, Reason.RECEIVE_MISMATCH)]

    asyncio.run(run())


def test_close_cancels_what_runs_and_reports_nothing() -> None:
    async def run() -> None:
        checks = Checks()
        async with serving(saying_and_waiting()) as server:
            checks.runner.start(1, a_spec(server.port, timeout=30))
            checks.runner.start(2, CheckSpec("external", "", 0, 30.0, command=("/bin/sleep", "30")))
            await asyncio.sleep(0.05)
            await checks.runner.close()
        assert checks.verdicts == {}

    asyncio.run(run())


def test_running_out_of_memory_is_not_the_servers_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    async def starved(_spec: CheckSpec, _deadline: float) -> Verdict:
        raise MemoryError

    monkeypatch.setattr(runner, "probe_of", lambda method, service: starved)

    async def run() -> None:
        checks = Checks()
        checks.runner.start(1, CheckSpec("connect", "127.0.0.1", 1, 5.0))
        await checks.wait_for(1)
        assert outcomes(checks) == [(Outcome.NOT_RUN, Reason.NO_MEMORY)]
        assert checks.errors == []

    asyncio.run(run())
