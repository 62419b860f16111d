"""The daemon in this process: modelled kernel table, real sockets everywhere else."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import pytest

from ldirector.adapters.config_watch import ConfigFile
from ldirector.adapters.control import bind
from ldirector.adapters.control_client import ask
from ldirector.adapters.ipvs import IpvsError
from ldirector.adapters.log import Log
from ldirector.adapters.table_record import TableRecord
from ldirector.config.ldirectord_cf import parse
from ldirector.core.events import Level, OpFailure, TableOp
from ldirector.core.model import Role, Service, VirtualKey
from ldirector.core.render import saved
from ldirector.daemon import Daemon
from tests.ldirector import world
from tests.ldirector.checks.servers import answer, saying, serving

CONFIG = """\
logfile="{log}"
checktimeout=1
checkinterval=1
quiescent=yes
virtual=10.1.1.10:80
    real=127.0.0.1:{port} masq 3
    service=http
    receive="ok"
"""
BAD = "nonsense=1\n"


class Kernel:
    """The daemon's two verbs on the modelled table; `broken` makes it unusable."""

    def __init__(self) -> None:
        self.model = world.Kernel()
        self.broken = False

    def read(self) -> dict[VirtualKey, Service]:
        if self.broken:
            raise IpvsError("the table is broken")
        return self.model.table()

    def apply(self, operations: Sequence[TableOp]) -> list[OpFailure]:
        done = [(operation, 5 if self.broken else self.model.apply(operation)) for operation in operations]
        return [OpFailure(operation, code, os.strerror(code)) for operation, code in done if code]

    def lines(self) -> list[str]:
        return saved(self.model.table())


class Running:
    """A daemon at work."""

    def __init__(self, folder: Path, port: int) -> None:
        self.kernel = Kernel()
        self.config = folder / "ldirectord.cf"
        self.log = folder / "log"
        self.config.write_text(CONFIG.format(port=port, log=self.log))
        self.socket = folder / "socket"
        self.record = folder / "ldirectord.ldirectord.cf.table"
        self.up = f"-a -t 10.1.1.10:80 -r 127.0.0.1:{port} -m -w 3"
        self.down = f"-a -t 10.1.1.10:80 -r 127.0.0.1:{port} -m -w 0"

    async def ask(self, request: str) -> dict[str, object]:
        return await asyncio.to_thread(ask, self.socket, request)

    async def until(self, condition: Callable[[], bool], within: float = 10) -> None:
        async with asyncio.timeout(within):
            while not condition():
                await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def running(
    folder: Path, port: int, role: Role = Role.ACTIVE, names: world.FakeNames | None = None
) -> AsyncIterator[Running]:
    it = Running(folder, port)
    file = ConfigFile(it.config, lambda text, _: parse(text, str(it.config), names or world.FakeNames()))
    log = Log(str(it.log), "ldirectord.cf")
    record = TableRecord(it.record, lambda words: log.write(Level.WARNING, words))
    daemon = Daemon(file.load(), file, role, it.kernel, bind(it.socket), log, record)
    ready = asyncio.Event()
    task = asyncio.create_task(daemon.run(ready.set))
    waiter = asyncio.create_task(ready.wait())
    await asyncio.wait([task, waiter], return_when=asyncio.FIRST_COMPLETED)
    waiter.cancel()
    try:
        yield it
        if not task.done():
            assert (await it.ask("stop"))["ok"]
    finally:
        await asyncio.wait_for(task, 10)


def playing(folder: Path, story: Callable[[Running], object], role: Role = Role.ACTIVE) -> Running:
    """A daemon whose one real answers well, and what happens to it."""

    async def run() -> Running:
        async with serving(saying(answer())) as server, running(folder, server.port, role) as it:
            await story(it)  # type: ignore[misc]
        return it

    return asyncio.run(run())


def test_the_table_is_written_before_the_daemon_says_ready(tmp_path: Path) -> None:
    async def story(it: Running) -> None:
        assert it.kernel.lines()[0] == "-A -t 10.1.1.10:80 -s wrr"

    assert playing(tmp_path, story).kernel.lines() == []


def test_a_good_check_brings_a_real_up_and_a_bad_one_down(tmp_path: Path) -> None:
    async def run() -> None:
        async with serving(saying(answer())) as server, running(tmp_path, server.port) as it:
            await it.until(lambda: it.up in it.kernel.lines())
            it.config.write_text(it.config.read_text().replace('"ok"', '"other"'))
            assert await it.ask("reload") == {"ok": True}
            await it.until(lambda: it.down in it.kernel.lines())

    asyncio.run(run())


def test_status_says_role_readiness_and_every_real(tmp_path: Path) -> None:
    async def story(it: Running) -> None:
        assert await it.ask("ready 10") == {"ok": True, "ready": True, "blind": False}
        status = await it.ask("status")
        virtuals = status.pop("virtuals")
        where = {"config": str(it.config), "pid": os.getpid()}
        assert status == {"ok": True, "role": "active", "ready": True, "vouched": False, **where}
        assert isinstance(virtuals, list)
        assert virtuals[0]["name"] == "10.1.1.10:80"
        assert virtuals[0]["reals"][0]["state"] == "up"

    playing(tmp_path, story)


def test_standby_checks_and_writes_nothing_until_the_role_is_answered(tmp_path: Path) -> None:
    async def story(it: Running) -> None:
        assert await it.ask("ready 10") == {"ok": True, "ready": True, "blind": False}
        assert it.kernel.lines() == []
        assert await it.ask("role active") == {"ok": True, "role": "active"}
        assert it.kernel.lines() == ["-A -t 10.1.1.10:80 -s wrr", it.up]
        assert (await it.ask("status"))["role"] == "active"
        assert await it.ask("role standby") == {"ok": True, "role": "standby"}
        assert it.kernel.lines() == []

    playing(tmp_path, story, Role.STANDBY)


def test_blind_standby_serves_on_the_word_of_the_other_node_and_says_so_until_it_is_withdrawn(tmp_path: Path) -> None:
    async def story(it: Running) -> None:
        it.config.write_text(it.config.read_text().replace('"ok"', '"other"'))
        assert await it.ask("reload") == {"ok": True}
        assert await it.ask("ready 10") == {"ok": True, "ready": True, "blind": True}
        assert await it.ask("role active vouched") == {"ok": True, "role": "active"}
        assert it.kernel.lines() == ["-A -t 10.1.1.10:80 -s wrr", it.up]
        assert (await it.ask("status"))["vouched"] is True
        assert "No real server is seen from here, but the other node saw some" in it.log.read_text()
        assert await it.ask("unvouch") == {"ok": True}
        assert it.kernel.lines() == ["-A -t 10.1.1.10:80 -s wrr", it.down]
        assert (await it.ask("status"))["vouched"] is False

    playing(tmp_path, story, Role.STANDBY)


def test_what_becomes_ours_is_on_file_before_it_is_in_the_kernel_and_leaves_it_after(tmp_path: Path) -> None:
    async def story(it: Running) -> None:
        on_file: list[bool] = []
        apply = it.kernel.apply

        def watched(operations: Sequence[TableOp]) -> list[OpFailure]:
            on_file.append("tcp 4 10.1.1.10 80 0" in it.record.read_text())
            return apply(operations)

        it.kernel.apply = watched  # type: ignore[method-assign]
        assert not it.record.exists()
        for role in ("active", "standby"):
            assert (await it.ask(f"role {role}"))["ok"]
        assert len(on_file) >= 2
        assert all(on_file)
        assert not it.record.exists()

    playing(tmp_path, story, Role.STANDBY)


def test_virtual_that_is_adopted_as_it_is_is_ours_from_then_on(tmp_path: Path) -> None:
    async def story(it: Running) -> None:
        await it.until(lambda: it.up in it.kernel.lines())
        assert await it.ask("role standby") == {"ok": True, "role": "standby"}
        it.kernel.model.load(["-A -t 10.1.1.10:80 -s wrr", it.up])
        assert await it.ask("role active") == {"ok": True, "role": "active"}
        assert "tcp 4 10.1.1.10 80 0" in it.record.read_text()

    playing(tmp_path, story)
    assert not list(tmp_path.glob("*.table"))


def test_virtual_with_cleanstop_no_stays_ours_after_a_stop(tmp_path: Path) -> None:
    async def story(it: Running) -> None:
        it.config.write_text(it.config.read_text().replace("quiescent=yes", "cleanstop=no"))
        assert await it.ask("reload") == {"ok": True}

    it = playing(tmp_path, story)
    assert it.kernel.lines()[:1] == ["-A -t 10.1.1.10:80 -s wrr"]
    assert "tcp 4 10.1.1.10 80 0" in it.record.read_text()


def test_ready_is_answered_after_its_time_when_a_verdict_is_missing(tmp_path: Path) -> None:
    async def run() -> None:
        async def silent(_reader: object, _writer: object) -> None:
            await asyncio.sleep(60)

        async with serving(silent) as server, running(tmp_path, server.port) as it:
            assert await it.ask("ready 0.1") == {"ok": True, "ready": False, "blind": False}

    asyncio.run(run())


def test_unknown_requests_are_told_the_known_ones(tmp_path: Path) -> None:
    async def story(it: Running) -> None:
        for request in ("nonsense", "role", "role other", "status please", ""):
            refused = await it.ask(request)
            assert refused["ok"] is False
            assert "role active" in refused["requests"]  # type: ignore[operator]
        for seconds in ("soon", "-1", "nan", "inf"):
            assert (await it.ask(f"ready {seconds}"))["error"] == f"not a number of seconds from 0 to 3600: {seconds!r}"

    playing(tmp_path, story)


def test_a_bad_file_at_reload_is_refused_with_its_place_and_changes_nothing(tmp_path: Path) -> None:
    async def story(it: Running) -> None:
        await it.until(lambda: it.up in it.kernel.lines())
        before = it.kernel.lines()
        it.config.write_text(BAD + it.config.read_text())
        refused = await it.ask("reload")
        assert refused["ok"] is False
        assert str(refused["error"]).startswith(f"{it.config}:1: unknown directive")
        assert it.kernel.lines() == before

    it = playing(tmp_path, story)
    assert "configuration unchanged" in it.log.read_text()


def test_a_changed_file_is_taken_by_itself_only_with_autoreload(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ldirector.daemon.WATCH_SECONDS", 0.02)

    async def story(it: Running) -> None:
        it.config.write_text(it.config.read_text().replace("masq 3", "masq 7"))
        await it.until(lambda: "ignored: autoreload is not set" in it.log.read_text())
        it.config.write_text("autoreload=yes\n" + it.config.read_text())
        assert await it.ask("reload") == {"ok": True}
        it.config.write_text(it.config.read_text().replace("masq 7", "masq 9"))
        await it.until(lambda: it.up[:-1] + "9" in it.kernel.lines())
        it.config.write_text(BAD + it.config.read_text())
        await it.until(lambda: "configuration unchanged" in it.log.read_text())
        assert it.up[:-1] + "9" in it.kernel.lines()

    it = playing(tmp_path, story)
    assert it.log.read_text().count("configuration unchanged") == 1


def test_hup_reloads_and_term_stops(tmp_path: Path) -> None:
    async def story(it: Running) -> None:
        it.config.write_text(it.config.read_text().replace("masq 3", "masq 7"))
        os.kill(os.getpid(), signal.SIGHUP)
        await it.until(lambda: it.up[:-1] + "7" in it.kernel.lines())
        os.kill(os.getpid(), signal.SIGTERM)
        await it.until(lambda: it.kernel.lines() == [])
        await it.until(lambda: "Exiting" in it.log.read_text())

    assert "terminated on signal: TERM" in playing(tmp_path, story).log.read_text()


class SlowNames(world.FakeNames):
    """Looks names up when it is told to."""

    def __init__(self) -> None:
        self.asked, self.go = threading.Event(), threading.Event()

    def host(self, name: str, family: int) -> str | None:
        self.asked.set()
        self.go.wait(10)
        return "127.0.0.2"


def test_a_stop_during_a_reload_leaves_nothing_in_the_table(tmp_path: Path) -> None:
    async def run() -> None:
        names = SlowNames()
        async with serving(saying(answer())) as server, running(tmp_path, server.port, names=names) as it:
            it.config.write_text(it.config.read_text().replace("127.0.0.1", "slow.example.com"))
            os.kill(os.getpid(), signal.SIGHUP)
            await asyncio.to_thread(names.asked.wait, 10)
            os.kill(os.getpid(), signal.SIGTERM)
            await it.until(lambda: it.kernel.lines() == [])
            names.go.set()
            await it.until(lambda: "Exiting" in it.log.read_text())
            await asyncio.get_running_loop().shutdown_default_executor()
            await asyncio.sleep(0)
        assert it.kernel.lines() == []

    asyncio.run(run())


def test_an_unusable_table_is_said_and_mended_when_it_works_again(tmp_path: Path) -> None:
    async def story(it: Running) -> None:
        it.kernel.broken = True
        refused = await it.ask("role active")
        assert refused == {"ok": False, "error": "the table is broken"}
        assert (await it.ask("status"))["role"] == "standby"
        it.kernel.broken = False
        assert (await it.ask("role active"))["ok"]
        it.kernel.broken = True
        it.config.write_text(it.config.read_text().replace('"ok"', '"other"'))
        assert (await it.ask("reload"))["ok"] is False
        it.kernel.broken = False
        await it.until(lambda: it.up in it.kernel.lines())

    playing(tmp_path, story, Role.STANDBY)


def test_a_transition_that_met_an_unusable_table_is_written_when_it_works_again(tmp_path: Path) -> None:
    page = [b"ok"]

    async def script(_reader: object, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(page[0]))

    async def run() -> None:
        async with serving(script) as server, running(tmp_path, server.port) as it:
            await it.until(lambda: it.up in it.kernel.lines())
            it.kernel.broken, page[0] = True, b"other"
            await it.until(lambda: "the table is broken" in it.log.read_text())
            it.kernel.broken = False
            await it.until(lambda: it.down in it.kernel.lines())

    asyncio.run(run())


def test_a_reload_moves_the_log(tmp_path: Path) -> None:
    async def story(it: Running) -> None:
        moved = it.log.with_name("moved")
        it.config.write_text(it.config.read_text().replace(str(it.log), str(moved)))
        assert (await it.ask("reload"))["ok"]
        await it.ask("role standby")
        assert "Role is now standby" in moved.read_text()

    playing(tmp_path, story)


def test_an_edit_the_kernel_refuses_is_logged_with_its_reason_and_the_rest_is_done(tmp_path: Path) -> None:
    async def story(it: Running) -> None:
        it.config.write_text(it.config.read_text() + "    scheduler=nonsense\nvirtual=9\n    checktype=on\n")
        assert (await it.ask("reload"))["ok"]
        await it.until(lambda: "-A -f 9 -s wrr" in it.kernel.lines())

    assert "No such file" in playing(tmp_path, story).log.read_text()
