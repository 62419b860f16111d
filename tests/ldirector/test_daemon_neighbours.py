"""What the daemon does beside checks and the table: commands, maintenance, sentinels, others' edits of the table."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from ldirector.core.events import DeleteReal
from ldirector.core.model import RealKey, Role, VirtualKey
from tests.ldirector.checks.servers import answer, saying, serving
from tests.ldirector.test_daemon import Running, running

VIP = VirtualKey("tcp", 4, "10.1.1.10", 80)


def script(folder: Path, name: str) -> tuple[Path, Callable[[], list[str]]]:
    """A program that writes down its arguments, and what it has written so far."""
    program, notes = folder / name, folder / f"{name}.notes"
    program.write_text(f'#!/bin/sh\necho "$*" >>{notes}\n')
    program.chmod(0o755)
    return program, lambda: notes.read_text().splitlines() if notes.exists() else []


def changed(it: Running, *edits: tuple[str, str]) -> None:
    text = it.config.read_text()
    for old, new in edits:
        assert old in text
        text = text.replace(old, new)
    it.config.write_text(text)


def test_fallbackcommand_runs_at_the_start_and_stops_with_the_first_server(tmp_path: Path) -> None:
    program, notes = script(tmp_path, "fb")

    async def run() -> None:
        async with serving(saying(answer())) as server, running(tmp_path, server.port) as it:
            await it.until(lambda: it.up in it.kernel.lines())
            changed(it, ("virtual=", f"fallbackcommand={program} here $HOME\nvirtual="))
            assert await it.ask("reload") == {"ok": True}
            server_gone = ('"ok"', '"other"')
            changed(it, server_gone)
            assert await it.ask("reload") == {"ok": True}
            await it.until(lambda: len(notes()) == 1)
            changed(it, ('"other"', '"ok"'))
            assert await it.ask("reload") == {"ok": True}
            await it.until(lambda: len(notes()) == 2)

    asyncio.run(run())
    assert notes() == [f"here $HOME {verb} 10.1.1.10:80 tcp" for verb in ("start", "stop")]


@pytest.mark.parametrize("autoreload", ["yes", "no"])
def test_callback_is_run_with_the_file_after_a_change_on_disk(
    tmp_path: Path, autoreload: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ldirector.daemon.WATCH_SECONDS", 0.02)
    program, notes = script(tmp_path, "cb")

    async def run() -> None:
        async with serving(saying(answer())) as server, running(tmp_path, server.port) as it:
            changed(it, ("virtual=", f'autoreload={autoreload}\ncallback="{program}"\nvirtual='))
            assert await it.ask("reload") == {"ok": True}
            changed(it, ('"ok"', '"other"'))
            await it.until(lambda: len(notes()) == 1)
            assert notes() == [str(it.config)]
            if autoreload == "yes":
                await it.until(lambda: it.down in it.kernel.lines())
            else:
                assert it.up in it.kernel.lines()

    asyncio.run(run())


def test_other_instances_follow_this_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program, notes = script(tmp_path, "ldirectord")
    monkeypatch.setattr("ldirector.daemon.OWN_COMMAND", str(program))

    async def run() -> None:
        async with serving(saying(answer())) as server, running(tmp_path, server.port, Role.STANDBY) as it:
            changed(it, ("virtual=", "execute=mail.cf\nvirtual="))
            assert await it.ask("reload") == {"ok": True}
            for number, role in enumerate(("active", "standby", "active"), 1):
                assert (await it.ask(f"role {role}"))["ok"]
                await it.until(lambda number=number: len(notes()) == number)  # type: ignore[misc]
            changed(it, ("execute=mail.cf", "execute=mail.cf\nexecute=dns.cf"))
            assert await it.ask("reload") == {"ok": True}
            await it.until(lambda: "--alone dns.cf start" in notes())

    asyncio.run(run())
    mail = [line for line in notes() if " mail.cf " in line]
    assert mail == [f"--alone mail.cf {verb}" for verb in ("start", "stop", "start", "reload", "stop")]
    assert [line for line in notes() if " dns.cf " in line] == ["--alone dns.cf start", "--alone dns.cf stop"]


def test_file_in_maintenancedir_takes_its_server_out_and_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ldirector.adapters.maintenance_dir.LOOK_SECONDS", 0.02)
    folder = tmp_path / "maintenance"
    folder.mkdir()

    async def run() -> None:
        async with serving(saying(answer())) as server, running(tmp_path, server.port) as it:
            (folder / "127.0.0.1").touch()
            changed(it, ("virtual=", f"maintenancedir={folder}\nvirtual="))
            assert await it.ask("reload") == {"ok": True}
            assert it.down in it.kernel.lines()
            (folder / "127.0.0.1").unlink()
            await it.until(lambda: it.up in it.kernel.lines())
            (folder / f"127.0.0.1:{server.port}").touch()
            (folder / "192.0.2.99").touch()
            await it.until(lambda: it.down in it.kernel.lines())
            await it.until(lambda: "no real server is called 192.0.2.99" in it.log.read_text())

    asyncio.run(run())


def test_server_that_somebody_deletes_is_put_back(tmp_path: Path) -> None:
    async def run() -> None:
        async with serving(saying(answer())) as server, running(tmp_path, server.port) as it:
            await it.until(lambda: it.up in it.kernel.lines())
            assert not it.kernel.apply([DeleteReal(VIP, RealKey("127.0.0.1", server.port))])
            assert it.up not in it.kernel.lines()
            await it.until(lambda: it.up in it.kernel.lines())
            assert "somebody deleted" in it.log.read_text()

    asyncio.run(run())


def test_reload_of_a_file_that_is_gone_says_so_and_changes_nothing(tmp_path: Path) -> None:
    async def run() -> None:
        async with serving(saying(answer())) as server, running(tmp_path, server.port) as it:
            text = it.config.read_text()
            it.config.unlink()
            answered = await it.ask("reload")
            assert answered == {"ok": False, "error": f"cannot read {it.config}: No such file or directory"}
            it.config.write_text(text)
            assert await it.ask("reload") == {"ok": True}

    asyncio.run(run())
