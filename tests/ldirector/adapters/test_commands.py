from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from ldirector.adapters import commands
from ldirector.adapters.commands import Commands, Ended, run
from ldirector.core.events import Command


def shell(text: str, key: str = "k", what: str = "callback") -> Command:
    return Command(("/bin/sh", "-c", text), what, key)


def performing(*wanted: Command, close: float = 10.0) -> list[str]:
    """Ask for all of them at once, wait until they have ended, return the errors."""
    errors: list[str] = []

    async def perform() -> None:
        background = Commands(errors.append)
        for command in wanted:
            background.run(command)
        await background.close(close)

    asyncio.run(asyncio.wait_for(perform(), 20))
    return errors


async def seconds_from_now(seconds: float) -> float:
    return asyncio.get_running_loop().time() + seconds


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not holds():
            await asyncio.sleep(0.01)


def running(*argv: str, timeout: float = 10.0) -> Ended:
    async def perform() -> Ended:
        return await run(argv, await seconds_from_now(timeout))

    return asyncio.run(perform())


def test_the_end_of_a_command_says_how_and_its_first_line() -> None:
    assert str(running("/bin/sh", "-c", "echo disk full >&2; echo more; exit 3")) == "exit 3: disk full"
    assert running("/bin/sh", "-c", "kill -TERM $$") == Ended(-15)
    assert str(Ended(-15)) == "signal 15"
    assert running("/bin/true") == Ended(0)


def test_values_with_shell_characters_are_plain_arguments(tmp_path: Path) -> None:
    script = tmp_path / "show.sh"
    script.write_text('#!/bin/sh\nprintf "%s|" "$@"\nexit 1\n')
    script.chmod(0o755)
    assert running(str(script), "a b", "$HOME", ";", "`id`", "*").words == "a b|$HOME|;|`id`|*|"


def test_a_command_that_cannot_be_started_raises_and_leaves_nothing_open() -> None:
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(FileNotFoundError):
        running("/no/such/command")
    with pytest.raises(OSError, match="null byte"):
        running("/bin/echo", "a\0b")
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_shortage_of_descriptors_for_the_watch_ends_the_command_again(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []

    def none_left(pid: int) -> int:
        seen.append(pid)
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(os, "pidfd_open", none_left)
    before, started = len(os.listdir("/proc/self/fd")), time.monotonic()
    with pytest.raises(OSError, match="Too many"):
        running("/bin/sleep", "30")
    assert time.monotonic() - started < 20, "it was waited for"
    assert not Path(f"/proc/{seen[0]}").exists()
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_process_that_hangs_in_the_kernel_is_reaped_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "KILLED_MILLISECONDS", 0)
    killed: list[int] = []
    kill_group = os.killpg
    monkeypatch.setattr(os, "killpg", lambda pid, _: killed.append(pid))  # as if the signal had to wait

    async def perform() -> None:
        before = len(os.listdir("/proc/self/fd"))
        assert await run(("/bin/sleep", "60"), await seconds_from_now(0.05)) == Ended(None)
        kill_group(killed[0], 9)
        await until(lambda: not Path(f"/proc/{killed[0]}").exists())
        assert len(os.listdir("/proc/self/fd")) == before

    asyncio.run(perform())


def test_a_server_left_running_may_go_on_writing(tmp_path: Path) -> None:
    """fallbackcommand may start one; a broken pipe would end it."""
    mark, go = tmp_path / "mark", tmp_path / "go"
    text = f"(while [ ! -e {go} ]; do sleep 0.02; done; echo words && echo still > {mark}) & exit 0"

    async def perform(leaves_others: bool) -> None:
        await run(("/bin/sh", "-c", text), await seconds_from_now(10), leaves_others=leaves_others)
        go.touch()
        await until(mark.exists)

    asyncio.run(perform(True))


def test_commands_of_one_key_run_in_their_order_and_others_beside_them(tmp_path: Path) -> None:
    log = tmp_path / "log"
    errors = performing(
        shell(f"sleep 0.3; echo start >> {log}"),
        shell(f"echo stop >> {log}"),
        shell(f"echo other >> {log}", key="other"),
    )
    assert log.read_text().split() == ["other", "start", "stop"]
    assert errors == []


def following(tmp_path: Path, *words: str) -> list[str]:
    """What ran when the first of these was still running as the others came."""
    log, go = tmp_path / "log", tmp_path / "go"

    async def perform() -> None:
        background = Commands(print)
        for word in words:
            background.run(shell(f"echo {word} >> {log}; while [ ! -e {go} ]; do sleep 0.02; done"))
        await until(log.exists)
        go.touch()
        await background.close()

    asyncio.run(perform())
    return log.read_text().split()


def test_a_start_that_comes_while_its_stop_waits_takes_the_stop_back(tmp_path: Path) -> None:
    assert following(tmp_path, "start", *("stop", "start") * 50) == ["start"]


def test_the_last_word_is_what_remains(tmp_path: Path) -> None:
    assert following(tmp_path, "start", *("stop", "start") * 50, "stop") == ["start", "stop"]


def test_the_same_command_again_is_run_once_more_and_not_more_often(tmp_path: Path) -> None:
    assert following(tmp_path, *["callback"] * 50) == ["callback", "callback"]


def test_different_commands_of_one_key_all_run(tmp_path: Path) -> None:
    assert following(tmp_path, "start", "stop", "new-start", "new-stop") == ["start", "stop", "new-start", "new-stop"]


def test_a_failure_is_one_line_and_a_success_none(tmp_path: Path) -> None:
    assert performing(
        shell("exit 0", key="a"),
        shell("echo no such host; echo more; exit 4", key="b", what="fallbackcommand of 10.1.1.10:80: start"),
    ) == ["fallbackcommand of 10.1.1.10:80: start: /bin/sh: exit 4: no such host"]
    assert performing(Command(("/no/such",), "callback", "k")) == [
        "callback: /no/such cannot be run: No such file or directory"
    ]


def test_a_command_over_its_time_is_killed_with_all_it_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "COMMAND_SECONDS", 0.3)
    pids = tmp_path / "pids"
    errors = performing(shell(f"trap '' TERM; sleep 60 & echo $! > {pids}; wait"))
    assert errors == ["callback: /bin/sh: killed at its time limit"]
    assert is_gone(int(pids.read_text()))


def test_the_end_of_the_daemon_waits_for_commands_and_kills_what_takes_too_long(tmp_path: Path) -> None:
    mark, pids = tmp_path / "mark", tmp_path / "pids"
    errors = performing(
        shell(f"sleep 0.2; echo done > {mark}", key="short"),
        shell(f"echo $$ > {pids}; exec sleep 60", key="long"),
        close=1.0,
    )
    assert mark.exists()
    assert errors == ["the daemon ends, commands that still run are killed: long"]
    assert is_gone(int(pids.read_text()))


def test_the_loop_goes_on_while_a_command_runs() -> None:
    async def perform() -> int:
        turns = 0

        async def count() -> None:
            nonlocal turns
            while True:
                await asyncio.sleep(0.01)
                turns += 1

        counting: Awaitable[None] = asyncio.ensure_future(count())
        background = Commands(print)
        background.run(shell("sleep 0.5"))
        await background.close()
        asyncio.ensure_future(counting).cancel()
        return turns

    assert asyncio.run(perform()) > 10


def is_gone(pid: int) -> bool:
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
