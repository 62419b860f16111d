import asyncio
import os
import time
from pathlib import Path

from ldirector.checks import external
from ldirector.core.events import CheckSpec
from ldirector.core.verdict import Outcome, Reason, Verdict


async def check(*command: str, timeout: float = 10.0) -> Verdict:
    deadline = asyncio.get_running_loop().time() + timeout
    return await external.check(CheckSpec("external", "", 0, timeout, command=command), deadline)


def script(text: str) -> tuple[str, ...]:
    return ("/bin/sh", "-c", text, "check", "10.1.1.10", "80", "192.168.2.236", "8080")


def test_exit_status_zero_is_up_and_all_else_down() -> None:
    assert asyncio.run(check("/bin/true")) == Verdict(Outcome.PASS, Reason.OK)
    verdict = asyncio.run(check(*script("echo disk full; echo more; exit 3")))
    assert (verdict.outcome, verdict.reason, verdict.detail) == (Outcome.FAIL, Reason.EXIT_STATUS, "exit 3: disk full")
    assert asyncio.run(check(*script("kill -TERM $$"))).detail == "signal 15"


def test_the_command_gets_its_arguments_and_no_terminal() -> None:
    assert asyncio.run(check(*script('[ "$*" = "10.1.1.10 80 192.168.2.236 8080" ] && ! read line'))).outcome is (
        Outcome.PASS
    )


def test_a_missing_command_is_down_by_name() -> None:
    verdict = asyncio.run(check("/no/such/command"))
    assert verdict.reason is Reason.COMMAND_MISSING
    assert verdict.detail == "/no/such/command: No such file or directory"


def test_the_whole_process_group_is_killed_at_the_deadline(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    verdict = asyncio.run(check(*script(f"trap '' TERM; sleep 60 & echo $$ $! > {pids}; wait"), timeout=0.5))
    assert (verdict.outcome, verdict.reason) == (Outcome.FAIL, Reason.COMMAND_TIMEOUT)
    shell, child = map(int, pids.read_text().split())
    assert not Path(f"/proc/{shell}").exists(), "a zombie, or still running"
    assert _gone(child)


def test_a_talkative_command_is_neither_blocked_nor_kept() -> None:
    verdict = asyncio.run(check(*script("head -c 3000000 /dev/zero | tr '\\0' x; exit 1")))
    assert verdict.reason is Reason.EXIT_STATUS
    assert len(verdict.detail) < 300


def test_a_child_that_keeps_the_output_open_does_not_delay_the_verdict() -> None:
    started = time.monotonic()
    assert asyncio.run(check(*script("sleep 5 & exit 0"))).outcome is Outcome.PASS
    assert time.monotonic() - started < 4


def test_a_cancelled_check_leaves_no_process_and_no_descriptor(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"

    async def run() -> int:
        before = len(os.listdir("/proc/self/fd"))
        task = asyncio.create_task(check(*script(f"echo $$ > {pid_file}; exec sleep 60")))
        while not (pid_file.exists() and pid_file.read_text().strip()):
            await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return len(os.listdir("/proc/self/fd")) - before

    assert asyncio.run(run()) == 0
    assert not Path(f"/proc/{pid_file.read_text().strip()}").exists()


def _gone(pid: int) -> bool:
    """Dead: reaped, or a zombie that waits for another parent."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        except FileNotFoundError:
            return True
        if state == "Z":
            return True
        time.sleep(0.01)
    return False


def test_what_a_command_leaves_behind_ends_with_it(tmp_path: Path) -> None:
    left = tmp_path / "left"
    script = tmp_path / "check"
    script.write_text(f"#!/bin/sh\nsleep 300 &\necho $! >{left}\nexit 0\n")
    script.chmod(0o755)
    spec = CheckSpec("external", "", 0, 5.0, command=(str(script),))

    async def run() -> None:
        verdict = await external.check(spec, asyncio.get_running_loop().time() + 5)
        assert verdict.outcome is Outcome.PASS
        pid = left.read_text().strip()
        async with asyncio.timeout(5):
            while Path(f"/proc/{pid}").exists() and "Z" not in Path(f"/proc/{pid}/stat").read_text().split()[2]:
                await asyncio.sleep(0.01)

    asyncio.run(run())
