from __future__ import annotations

import asyncio
import os
import socket
import threading
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from ldirector.adapters import maintenance_dir
from ldirector.adapters.maintenance_dir import MaintenanceDir, reverse_name

WEB1, WEB2 = "192.168.2.1", "192.168.2.2"
DNS = {WEB1: "web1.example.com", WEB2: None}


@pytest.fixture(autouse=True)
def look_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(maintenance_dir, "LOOK_SECONDS", 0.01)


class Told:
    """The last that was told, and everything that was complained of."""

    def __init__(self) -> None:
        self.files: Collection[str] = ()
        self.names: Mapping[str, str | None] = {}
        self.times = 0
        self.warnings: list[str] = []
        self._news = asyncio.Event()

    def changed(self, files: Collection[str], names: Mapping[str, str | None]) -> None:
        self.files, self.names = files, names
        self.times += 1
        self._news.set()

    def warn(self, words: str) -> None:
        self.warnings.append(words)
        self._news.set()

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not holds():
                self._news.clear()
                await self._news.wait()


@asynccontextmanager
async def watching(
    path: Path, lookup: Callable[[str], str | None] = DNS.__getitem__, addresses: Collection[str] = (WEB1, WEB2)
) -> AsyncIterator[tuple[MaintenanceDir, Told]]:
    told = Told()
    watched = MaintenanceDir(path, addresses, told.changed, told.warn, lookup)
    await watched.start()
    yield watched, told
    await watched.close()


async def looks(made: list[str], count: int) -> None:
    """Wait until so many looks or lookups were made."""
    async with asyncio.timeout(10):
        while len(made) < count:
            await asyncio.sleep(0.01)


def test_files_are_known_when_start_returns_and_followed_afterwards(tmp_path: Path) -> None:
    async def run() -> None:
        (tmp_path / WEB1).touch()
        async with watching(tmp_path) as (_, told):
            assert told.files == {WEB1}
            (tmp_path / "192.168.2.2:80").touch()
            await told.until(lambda: told.files == {WEB1, "192.168.2.2:80"})
            (tmp_path / WEB1).unlink()
            await told.until(lambda: told.files == {"192.168.2.2:80"})

    asyncio.run(run())


def test_nothing_is_told_while_nothing_changes_and_hidden_files_are_none(tmp_path: Path) -> None:
    async def run() -> None:
        lookups: list[str] = []
        async with watching(tmp_path, lambda address: lookups.append(address)) as (_, told):
            (tmp_path / ".nfs000001").touch()
            (tmp_path / WEB1).touch()
            await told.until(lambda: told.files == {WEB1})
            assert (told.times, lookups) == (1, []), "an address needs no names"

    asyncio.run(run())


def test_names_are_looked_up_when_a_file_is_a_name(tmp_path: Path) -> None:
    async def run() -> None:
        async with watching(tmp_path) as (_, told):
            (tmp_path / "web1").touch()
            await told.until(lambda: told.names == DNS)
            assert told.files == {"web1"}

    asyncio.run(run())


def test_names_are_believed_for_a_time_and_asked_again_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(maintenance_dir, "NAME_SECONDS", 3600.0)
    monkeypatch.setattr(maintenance_dir, "FAILURE_SECONDS", 0.01)
    asked: list[str] = []

    def lookup(address: str) -> str | None:
        asked.append(address)
        return DNS[address]

    async def run() -> None:
        (tmp_path / "web1").touch()
        async with watching(tmp_path, lookup):
            await looks(asked, 5)
        assert asked.count(WEB1) == 1, "it has a name"
        assert asked.count(WEB2) >= 4, "it has none yet"

    asyncio.run(run())


def test_name_that_was_known_survives_an_outage_of_dns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(maintenance_dir, "NAME_SECONDS", 0.01)
    monkeypatch.setattr(maintenance_dir, "FAILURE_SECONDS", 0.01)
    asked: list[str] = []

    def lookup(address: str) -> str | None:
        asked.append(address)
        if len(asked) > 1:
            raise OSError("temporary failure")
        return "web1"

    async def run() -> None:
        (tmp_path / "web1").touch()
        async with watching(tmp_path, lookup, [WEB1]) as (_, told):
            await looks(asked, 4)
            (tmp_path / "web2").touch()
            await told.until(lambda: len(told.files) == 2)
            assert told.names == {WEB1: "web1"}

    asyncio.run(run())


def test_lookups_that_hang_are_few_and_block_neither_loop_nor_end(tmp_path: Path) -> None:
    started: list[str] = []
    released = threading.Event()

    def lookup(address: str) -> str | None:
        started.append(address)
        released.wait(30)
        return None

    async def run() -> None:
        (tmp_path / "web1").touch()
        many = [f"192.168.3.{number}" for number in range(20)]
        async with watching(tmp_path, lookup, many) as (_, told):
            await looks(started, maintenance_dir.LOOKUPS)
            (tmp_path / WEB1).touch()
            await told.until(lambda: WEB1 in told.files)
            assert len(started) == maintenance_dir.LOOKUPS

    try:
        asyncio.run(asyncio.wait_for(run(), 10))
    finally:
        released.set()


def test_many_names_are_told_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(maintenance_dir, "TELL_SECONDS", 0.5)

    async def run() -> None:
        (tmp_path / "web1").touch()
        many = [f"192.168.3.{number}" for number in range(100)]
        async with watching(tmp_path, lambda address: f"h{address}", many) as (_, told):
            await told.until(lambda: len(told.names) == 100)
            assert told.times <= 20, "once for the files, then for each half second"

    asyncio.run(run())


def test_another_set_of_servers_is_looked_up_and_the_old_one_forgotten(tmp_path: Path) -> None:
    async def run() -> None:
        (tmp_path / "web1").touch()
        async with watching(tmp_path, str, [WEB1]) as (watched, told):
            await told.until(lambda: told.names == {WEB1: WEB1})
            watched.watch([WEB2])
            await told.until(lambda: told.names == {WEB2: WEB2})

    asyncio.run(run())


def test_missing_folder_is_said_once_and_found_when_it_appears(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "maintenance"
    listed: list[str] = []
    listdir = os.listdir

    def counted(path: str) -> list[str]:
        listed.append(path)
        return listdir(path)

    monkeypatch.setattr(os, "listdir", counted)

    async def run() -> None:
        async with watching(folder) as (_, told):
            await looks(listed, 5)
            folder.mkdir()
            (folder / WEB1).touch()
            await told.until(lambda: told.files == {WEB1})
            assert told.warnings == [
                f"maintenancedir {folder}: No such file or directory; no server is in maintenance until the folder"
                " is made"
            ]
            (folder / WEB1).unlink()
            folder.rmdir()
            await told.until(lambda: not told.files and len(told.warnings) == 2)

    asyncio.run(run())


def test_folder_that_cannot_be_read_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / WEB1).touch()
    real_listdir = os.listdir

    def stale(path: str) -> list[str]:
        raise OSError(116, "Stale file handle")

    async def run() -> None:
        async with watching(tmp_path) as (_, told):
            monkeypatch.setattr(os, "listdir", stale)
            await told.until(lambda: bool(told.warnings))
            assert told.files == {WEB1}
            monkeypatch.setattr(os, "listdir", real_listdir)
            (tmp_path / WEB2).touch()
            await told.until(lambda: told.files == {WEB1, WEB2})
            assert len(told.warnings) == 1

    asyncio.run(run())


def test_folder_that_hangs_does_not_hold_up_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(maintenance_dir, "FIRST_SECONDS", 0.05)
    released = threading.Event()
    monkeypatch.setattr(os, "listdir", lambda _: [released.wait(30) and WEB1])

    async def run() -> None:
        async with watching(tmp_path) as (_, told):
            assert told.warnings == [f"maintenancedir {tmp_path}: it does not answer; going on without it"]
            released.set()
            await told.until(lambda: told.files == {WEB1})

    try:
        asyncio.run(asyncio.wait_for(run(), 10))
    finally:
        released.set()


def test_reverse_name_is_none_for_an_address_without_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def getnameinfo(sockaddr: tuple[str, int], flags: int) -> tuple[str, str]:
        assert flags == socket.NI_NAMEREQD
        address, _ = sockaddr
        if address == WEB1:
            return "web1.example.com.", "0"
        errno = socket.EAI_NONAME if address == WEB2 else socket.EAI_AGAIN
        raise socket.gaierror(errno, "no")

    monkeypatch.setattr(socket, "getnameinfo", getnameinfo)
    assert reverse_name(WEB1) == "web1.example.com"
    assert reverse_name(WEB2) is None
    with pytest.raises(OSError, match="no"):
        reverse_name("192.168.2.3")
