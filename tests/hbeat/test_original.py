"""A heartbeat 3 beside us is found by its pid file or its clients' socket, and nobody else is taken for it."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from hbeat import client, original
from tests.named_process import named_process


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(client, "PID_FILE", tmp_path / "heartbeat.pid")
    monkeypatch.setattr(original, "REGISTER", tmp_path / "register")
    return tmp_path


@pytest.fixture
def heartbeat(machine: Path) -> Iterator[int]:
    """A process of that name, and its pid in the pid file."""
    with named_process(machine, "heartbeat") as process:
        (machine / "heartbeat.pid").write_text(f"{process.pid:>7}\n")
        yield process.pid


def test_its_process_is_told_with_the_program_that_stops_it(heartbeat: int, machine: Path) -> None:
    found = original.running_original()
    assert found is not None
    assert (found.name, found.cure) == (
        f"Linux-HA heartbeat [pid {heartbeat}]",
        f"stop it first: {machine}/heartbeat -k",
    )


def test_its_socket_tells_whose_it_is(machine: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.bind(str(machine / "register"))
        assert original.running_original() is None  # nobody listens: left behind
        sock.listen()
        assert original.running_original() == original.Original(os.getpid())


@pytest.mark.parametrize("text", ["", "rubbish", "self\n", "0\n", "-1\n", "99999999\n"])
def test_pid_file_of_somebody_else_is_no_heartbeat(text: str, machine: Path) -> None:
    (machine / "heartbeat.pid").write_text(text.replace("self", str(os.getpid())))
    assert original.running_original() is None
