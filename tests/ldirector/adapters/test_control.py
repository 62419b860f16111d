import asyncio
import contextlib
import json
import os
import stat
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ldirector.adapters import control
from ldirector.adapters.control import Answer, ControlServer, bind
from ldirector.adapters.control_client import NoAnswer, ask


async def echo(words: list[str]) -> Answer:
    if words == ["bug"]:
        raise ZeroDivisionError("a bug")
    if words == ["slow"]:
        await asyncio.sleep(0.2)
    if words == ["for", "ever"]:
        await asyncio.sleep(3600)
    return {"ok": True, "words": words}


@contextlib.asynccontextmanager
async def serving(path: Path, errors: list[str] | None = None) -> AsyncIterator[None]:
    server = ControlServer(bind(path), echo, (errors if errors is not None else []).append)
    await server.start()
    yield
    await server.close()


def requesting(path: Path, *requests: str) -> list[dict[str, object]]:
    """Each request over a connection of its own, while the server runs."""

    async def run() -> list[dict[str, object]]:
        async with serving(path):
            return [await asyncio.to_thread(ask, path, request) for request in requests]

    return asyncio.run(run())


def test_a_line_of_words_is_answered_by_a_line_of_json(tmp_path: Path) -> None:
    assert requesting(tmp_path / "s", "role active", "  ") == [
        {"ok": True, "words": ["role", "active"]},
        {"ok": True, "words": []},
    ]


def test_the_socket_is_for_its_owner_only(tmp_path: Path) -> None:
    with bind(tmp_path / "s"):
        assert stat.S_IMODE(os.stat(tmp_path / "s").st_mode) == 0o600


def test_a_leftover_socket_is_replaced(tmp_path: Path) -> None:
    bind(tmp_path / "s").close()
    assert requesting(tmp_path / "s", "x") == [{"ok": True, "words": ["x"]}]


def test_several_requests_on_one_connection_are_answered_in_order(tmp_path: Path) -> None:
    async def run() -> list[str]:
        async with serving(tmp_path / "s"):
            reader, writer = await asyncio.open_unix_connection(tmp_path / "s")
            writer.write(b"slow\nfast\n")
            answers = [json.loads(await reader.readline())["words"][0] for _ in range(2)]
            writer.close()
            return answers

    assert asyncio.run(run()) == ["slow", "fast"]


def test_a_bug_in_an_answer_is_logged_and_said(tmp_path: Path) -> None:
    errors: list[str] = []

    async def run() -> dict[str, object]:
        async with serving(tmp_path / "s", errors):
            return await asyncio.to_thread(ask, tmp_path / "s", "bug")

    assert asyncio.run(run()) == {"ok": False, "error": "internal error: ZeroDivisionError('a bug')"}
    assert "ZeroDivisionError" in errors[0]


def test_an_endless_line_ends_the_connection(tmp_path: Path) -> None:
    async def run() -> tuple[bytes, bytes]:
        async with serving(tmp_path / "s"):
            reader, writer = await asyncio.open_unix_connection(tmp_path / "s")
            writer.write(b"x" * 100_000)
            answer, rest = await reader.readline(), b""
            with contextlib.suppress(ConnectionError):
                rest = await reader.read()
            writer.close()
            return answer, rest

    answer, rest = asyncio.run(run())
    assert json.loads(answer) == {"ok": False, "error": "a request is one line of at most 1024 bytes"}
    assert rest == b""


def test_silent_connections_do_not_keep_others_out(tmp_path: Path) -> None:
    async def run() -> dict[str, object]:
        async with serving(tmp_path / "s"):
            silent = [await asyncio.open_unix_connection(tmp_path / "s") for _ in range(3 * control.MAX_CONNECTIONS)]
            answer = await asyncio.to_thread(ask, tmp_path / "s", "x")
            for _, writer in silent:
                writer.close()
            return answer

    assert asyncio.run(run())["ok"]


def test_clients_that_wait_for_an_answer_do_not_keep_others_out_either(tmp_path: Path) -> None:
    async def run() -> int:
        async with serving(tmp_path / "s"):
            waiting = []
            for _ in range(3 * control.MAX_CONNECTIONS):
                reader, writer = await asyncio.open_unix_connection(tmp_path / "s")
                writer.write(b"for ever\n")
                waiting.append((reader, writer))
            assert (await asyncio.to_thread(ask, tmp_path / "s", "x"))["ok"]
            left = len(asyncio.all_tasks()) - 1
            for _, writer in waiting:
                writer.close()
            return left

    assert asyncio.run(run()) <= control.MAX_CONNECTIONS


def test_a_connection_is_closed_after_a_silence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "IDLE_SECONDS", 0.05)

    async def run() -> bytes:
        async with serving(tmp_path / "s"):
            reader, writer = await asyncio.open_unix_connection(tmp_path / "s")
            rest = await asyncio.wait_for(reader.read(), 5)
            writer.close()
            return rest

    assert asyncio.run(run()) == b""


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: it becomes another user")
def test_another_user_is_refused() -> None:
    program = "import os, socket, sys; os.setuid(65534); s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); "
    program += "print(s.recv(1000).decode())"

    async def run(path: Path) -> bytes:
        async with serving(path):
            path.chmod(0o666)  # so that only the credentials stand in the way
            child = await asyncio.create_subprocess_exec(
                sys.executable, "-c", program, str(path), stdout=asyncio.subprocess.PIPE
            )
            return (await child.communicate())[0]

    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        answer = json.loads(asyncio.run(run(Path(folder) / "s")))
    assert answer == {"ok": False, "error": "only root and the daemon's own user may ask"}


def test_a_client_without_a_daemon_says_so(tmp_path: Path) -> None:
    with pytest.raises(NoAnswer, match="no answer from"):
        ask(tmp_path / "absent", "status")
    with bind(tmp_path / "s") as deaf:
        deaf.listen()
        with pytest.raises(NoAnswer, match="timed out"):
            ask(tmp_path / "s", "status", 0.1)
